"""A client for etcd's JSON gateway.

Only what a routing table needs: ranges, transactions, watches, leases, authentication and
maintenance. Keys and values are text (UTF-8).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from . import metrics
from .errors import EtcdAuthError, EtcdRequestError, EtcdTimeoutError, EtcdUnavailableError
from .etcd_http import EtcdHttp, HttpStatusError
from .etcd_wire import (
    Changes,
    KeyValue,
    TxnResult,
    encode,
    grpc_error,
    grpc_status,
    pair,
    prefix_end,
    revision_of,
    token_refused,
    watched,
)

_PAGE = 5000  # keys in one answer; a routing table's page stays below 2 MB
_ATTEMPT = 1.5  # seconds for one endpoint before the next one is tried; then twice as long
_AUTHENTICATE = 3.0
_LEAST = 0.1  # seconds that a further try must have
_PAUSE = 0.2  # seconds between rounds over all endpoints, or before a second fresh token
_TOKENS = 4  # fresh tokens for one call: on a busy host one may be forgotten before it is used
_TOKEN_SECONDS = 200.0  # below the server's default of 300 (--auth-token-ttl)


class EtcdClient:
    """One etcd cluster, by all its endpoints.

    Every call ends after `timeout` seconds (its own, or the client's) with a result or an
    EtcdError: while there is time, endpoints that cannot be reached or have no leader are tried
    in turn. A call that changes something may so be sent twice; guard it with a comparison.

    With `username` a token is fetched at the first call, renewed before it expires and whenever
    the server no longer knows it. A server without authentication is served without a token; that
    is said in the log, since it may have lost its users with its data.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        *,
        username: str = "",
        password: str = "",
        ca_file: str = "",
        cert_file: str = "",
        key_file: str = "",
        timeout: float = 10.0,
        log: logging.Logger | logging.LoggerAdapter[Any] | None = None,
    ) -> None:
        if not endpoints:
            raise EtcdRequestError("no etcd endpoint is configured")
        self.endpoints = [endpoint.rstrip("/") for endpoint in endpoints]
        self.timeout = timeout
        self._username = username
        self._password = password
        self._current = 0
        self._token = ""
        self._token_expires = 0.0
        self._token_lock = asyncio.Lock()
        self._open = False  # whether the server was last seen without authentication
        self._http = EtcdHttp(ca_file, cert_file, key_file)
        self._log = log or logging.getLogger(__name__)

    def close(self) -> None:
        """Close connections; the client opens new ones when it is used again."""
        self._http.close()

    # -- keys and values

    async def range(
        self, key: str, *, prefix: bool = False, revision: int = 0, timeout: float | None = None
    ) -> tuple[list[KeyValue], int]:
        """The key, or all keys with this prefix, in key order, and the revision they are of.

        All pages of a long answer are of one revision.
        """
        deadline = self._deadline(timeout)
        pairs: list[KeyValue] = []
        request = {
            "key": encode(key),
            "limit": _PAGE,
            **({"range_end": prefix_end(key)} if prefix else {}),
        }
        while True:
            body = {**request, "revision": revision} if revision else request
            answer = await self._call("kv/range", body, deadline)
            revision = revision or revision_of(answer)
            pairs += map(pair, answer.get("kvs", ()))
            if not answer.get("more"):
                return pairs, revision
            request["key"] = encode(pairs[-1].key + "\0")

    async def txn(
        self,
        *,
        unchanged: Mapping[str, int] | None = None,
        puts: Mapping[str, str] | None = None,
        deletes: Iterable[str] = (),
        reads: Iterable[str] = (),
        timeout: float | None = None,
    ) -> TxnResult:
        """If the keys of `unchanged` still have these revisions (0: absent), put and delete.

        Otherwise nothing is changed and the keys of `reads` are returned.
        """
        compare = [
            {"key": encode(key), "target": "MOD", "result": "EQUAL", "mod_revision": revision}
            for key, revision in (unchanged or {}).items()
        ]
        success: list[dict[str, Any]] = [
            {"request_put": {"key": encode(key), "value": encode(value)}}
            for key, value in (puts or {}).items()
        ]
        success += [{"request_delete_range": {"key": encode(key)}} for key in deletes]
        failure = [{"request_range": {"key": encode(key)}} for key in reads]
        body = {"compare": compare, "success": success, "failure": failure}
        answer = await self._call("kv/txn", body, self._deadline(timeout))
        read = [
            [pair(kv) for kv in response["response_range"].get("kvs", ())]
            for response in answer.get("responses", ())
            if "response_range" in response
        ]
        return TxnResult(bool(answer.get("succeeded")), revision_of(answer), read)

    async def put(self, key: str, value: str, *, lease: int = 0) -> int:
        """Write one key; returns the revision."""
        body = {"key": encode(key), "value": encode(value), **({"lease": lease} if lease else {})}
        return revision_of(await self._call("kv/put", body, self._deadline()))

    async def delete(self, key: str, *, prefix: bool = False) -> int:
        """Delete the key, or all keys with this prefix; returns how many there were."""
        body = {"key": encode(key), **({"range_end": prefix_end(key)} if prefix else {})}
        answer = await self._call("kv/deleterange", body, self._deadline())
        return int(answer.get("deleted", 0))

    async def watch(
        self, *prefixes: str, revision: int = 0, timeout: float = 60.0
    ) -> AsyncGenerator[Changes, None]:
        """Changes of all keys with one of these prefixes, until `timeout` seconds have passed.

        From `revision` on, or from now. The first answer, without changes, says that the watch
        is open. One stream serves all prefixes; changes are in order for each of them.

        Raises EtcdCompactedError when `revision` is gone, and EtcdUnavailableError when the
        member ends the stream; nothing is tried again here.
        """
        start = {"start_revision": revision} if revision else {}
        requests: list[Mapping[str, Any]] = [
            {"create_request": {"key": encode(p), "range_end": prefix_end(p), **start}}
            for p in prefixes
        ]
        deadline = self._deadline(timeout)
        opening = len(requests)
        try:
            async for result in self._stream("watch", requests, deadline):
                changes = watched(result)
                opening -= not changes.events
                if changes.events or opening == 0:
                    yield changes
        except EtcdTimeoutError:
            if opening > 0:
                raise
            return
        raise EtcdUnavailableError("etcd ended the watch")

    # -- leases

    async def lease_grant(self, seconds: int) -> int:
        """Create a lease; keys put with it vanish when it is not kept alive."""
        answer = await self._call("lease/grant", {"TTL": seconds}, self._deadline())
        return int(answer["ID"])

    async def lease_keepalive(self, lease: int) -> int:
        """Keep a lease alive; returns the seconds it has now, 0 when it is gone."""
        answer = await self._call("lease/keepalive", {"ID": lease}, self._deadline())
        return int(answer["result"].get("TTL", 0))

    async def lease_revoke(self, lease: int) -> None:
        """End a lease and delete its keys."""
        await self._call("lease/revoke", {"ID": lease}, self._deadline())

    # -- the cluster

    async def call(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        endpoint: str = "",
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Any other request of the gateway, such as ``auth/user/add``; to one endpoint if named."""
        return await self._call(path, body or {}, self._deadline(timeout), endpoint)

    async def status(self, endpoint: str = "", timeout: float | None = None) -> dict[str, Any]:
        """What a member says of itself: version, dbSize, leader, errors."""
        return await self.call("maintenance/status", endpoint=endpoint, timeout=timeout)

    async def defragment(self, endpoint: str, timeout: float = 60.0) -> None:
        """Give free pages of one member's file back; that member blocks meanwhile."""
        await self.call("maintenance/defragment", endpoint=endpoint, timeout=timeout)

    # -- requests

    def _deadline(self, timeout: float | None = None) -> float:
        return time.monotonic() + (self.timeout if timeout is None else timeout)

    async def _call(
        self, path: str, body: Mapping[str, Any], deadline: float, endpoint: str = ""
    ) -> dict[str, Any]:
        """One request with failover, a fresh token if the old one is refused, and a deadline."""
        tried = renewed = 0
        token = ""
        while True:
            url = endpoint or self.endpoints[self._current]
            left = deadline - time.monotonic()
            try:
                token = await self._authorization(deadline)
                alone = endpoint or len(self.endpoints) == 1
                attempt = left if alone else min(left, _ATTEMPT * 2**tried)
                return await self._fetch(url, path, body, token, attempt)
            except EtcdAuthError as error:
                # The token expired, its member restarted, or the users were changed.
                if renewed == _TOKENS or not self._username or not token_refused(error):
                    raise
                self._forget_token(token)
                if renewed:
                    await asyncio.sleep(_PAUSE)
                renewed += 1
            except (EtcdUnavailableError, EtcdTimeoutError) as error:
                # A token has the number of a log entry, and a server whose log is shorter waits for
                # it: after a loss of its data, until the request's end.
                self._forget_token(token)
                tried += 1
                if not endpoint:
                    self.next_endpoint()
                pause = _PAUSE if endpoint or tried % len(self.endpoints) == 0 else 0.0
                # A try that has no time would hide the reason that the others gave.
                if time.monotonic() + pause + _LEAST >= deadline:
                    raise type(error)(f"{error} ({path}, {tried} tries)") from error
                await asyncio.sleep(pause)

    async def _authorization(self, deadline: float) -> str:
        if not self._username:
            return ""
        # A password is dear to check (bcrypt): of many requests at once, one asks for a token.
        async with self._token_lock:
            if time.monotonic() >= self._token_expires:
                left = max(min(deadline - time.monotonic(), _AUTHENTICATE), 0.001)
                self._token = await self._authenticate(left)
                self._token_expires = time.monotonic() + _TOKEN_SECONDS
            return self._token

    async def _authenticate(self, timeout: float) -> str:
        """A new token; empty if the server has no authentication."""
        body = {"name": self._username, "password": self._password}
        url = self.endpoints[self._current]
        try:
            answer = await self._fetch(url, "auth/authenticate", body, "", timeout)
        except EtcdRequestError as error:
            if "not enabled" not in str(error):
                raise
            self._note_authentication(is_on=False)
            return ""
        self._note_authentication(is_on=True)
        return str(answer["token"])

    def forget_token(self) -> None:
        """Fetch a new token at the next call, for example from an etcd that is another one."""
        self._token_expires = 0.0

    def _forget_token(self, token: str) -> None:
        """The same, unless this token has been replaced already."""
        if token == self._token:
            self.forget_token()

    def _note_authentication(self, *, is_on: bool) -> None:
        metrics.UNAUTHENTICATED.set(not is_on)
        if is_on and self._open:
            self._log.info("etcd asks for a password again")
        elif not is_on and not self._open:
            self._log.warning(
                "etcd has authentication turned off, as if its data were lost: going on without a"
                " password. Run the set-up (python -m jupyterhub_ha.etcd_setup) to turn it on"
            )
        self._open = not is_on

    async def _stream(
        self, path: str, requests: Sequence[Mapping[str, Any]], deadline: float
    ) -> AsyncIterator[dict[str, Any]]:
        """The answers to some requests on one stream of the member that is in use."""
        body = "\n".join(map(json.dumps, requests)).encode()
        for is_last in (False, True):
            token = await self._authorization(deadline)
            try:
                async for answer in self._stream_once(path, body, token, deadline):
                    yield answer
                return
            except (EtcdUnavailableError, EtcdTimeoutError):
                self._forget_token(token)
                raise
            except EtcdAuthError as error:
                if is_last or not self._username or not token_refused(error):
                    raise
                self._forget_token(token)

    async def _stream_once(
        self, path: str, body: bytes, token: str, deadline: float
    ) -> AsyncIterator[dict[str, Any]]:
        url = f"{self.endpoints[self._current]}/v3/{path}"
        left = max(deadline - time.monotonic(), 0.001)
        try:
            async for answer in self._http.stream(url, body, _headers(token), left):
                if "result" not in answer:
                    raise grpc_error(answer.get("error") or answer)
                if answer["result"].get("canceled"):
                    watched(answer["result"])
                yield answer["result"]
        except HttpStatusError as error:
            raise grpc_error(grpc_status(error.status, error.body)) from error

    def next_endpoint(self) -> None:
        """Go on with another member."""
        self._current = (self._current + 1) % len(self.endpoints)

    async def _fetch(
        self, endpoint: str, path: str, body: Mapping[str, Any], token: str, timeout: float
    ) -> dict[str, Any]:
        try:
            answer = await self._http.post(
                f"{endpoint}/v3/{path}",
                json.dumps(body).encode(),
                _headers(token),
                max(timeout, 0.001),
            )
        except HttpStatusError as error:
            raise grpc_error(grpc_status(error.status, error.body)) from error
        return dict(json.loads(answer))


def _headers(token: str) -> dict[str, str]:
    return {"Content-Type": "application/json", **({"Authorization": token} if token else {})}
