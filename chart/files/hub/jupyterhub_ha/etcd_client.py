"""A client for etcd's JSON gateway over tornado's HTTP client.

Only what a routing table needs: ranges, transactions, watches, leases, authentication and
maintenance. Keys and values are text (UTF-8).

It works with tornado's simple and curl client, whichever AsyncHTTPClient is configured to.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.simple_httpclient import HTTPTimeoutError

from .errors import (
    EtcdAuthError,
    EtcdCompactedError,
    EtcdRequestError,
    EtcdTimeoutError,
    EtcdUnavailableError,
)
from .etcd_wire import (
    Event,
    KeyValue,
    TxnResult,
    encode,
    event,
    grpc_error,
    grpc_status,
    json_lines,
    pair,
    prefix_end,
    revision_of,
    token_refused,
    unreached,
)

_PAGE = 5000  # keys in one answer; a routing table's page stays below 2 MB
_ATTEMPT = 5.0  # seconds for one endpoint before the next one is tried
_PAUSE = 0.2  # seconds between rounds over all endpoints
_TOKEN_SECONDS = 200.0  # below the server's default of 300 (--auth-token-ttl)


class EtcdClient:
    """One etcd cluster, by all its endpoints.

    Every call ends after `timeout` seconds (its own, or the client's) with a result or an
    EtcdError: while there is time, endpoints that cannot be reached or have no leader are tried
    in turn. A call that changes something may so be sent twice; guard it with a comparison.

    With `username` a token is fetched at the first call, renewed before it expires and whenever
    the server no longer knows it. A server without authentication is served without a token.
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
    ) -> None:
        if not endpoints:
            raise EtcdRequestError("no etcd endpoint is configured")
        self.endpoints = [endpoint.rstrip("/") for endpoint in endpoints]
        self.timeout = timeout
        self._username = username
        self._password = password
        self._tls: dict[str, Any] = {
            "ca_certs": ca_file or None,
            "client_cert": cert_file or None,
            "client_key": key_file or None,
        }
        self._current = 0
        self._token = ""
        self._token_expires = 0.0
        self._http: AsyncHTTPClient | None = None

    def close(self) -> None:
        """Close connections; the client opens new ones when it is used again."""
        if self._http is not None:
            self._http.close()
            self._http = None

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
        self, key: str, *, prefix: bool = False, revision: int = 0, timeout: float = 60.0
    ) -> AsyncIterator[list[Event]]:
        """Yield lists of changes from `revision` on, until `timeout` seconds have passed.

        Watch again from the last event's revision + 1 to miss nothing. Raises EtcdCompactedError
        when `revision` is gone.
        """
        body: dict[str, Any] = {"key": encode(key)}
        if prefix:
            body["range_end"] = prefix_end(key)
        if revision:
            body["start_revision"] = revision
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        deadline = self._deadline(timeout)
        token = await self._authorization(deadline)
        stream = asyncio.ensure_future(
            self._fetch(
                self.endpoints[self._current],
                "watch",
                {"create_request": body},
                token,
                deadline - time.monotonic(),
                queue.put_nowait,
            )
        )
        stream.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            async for result in json_lines(queue):
                if "result" not in result:
                    raise grpc_error(result.get("error") or result)
                if int(result["result"].get("compact_revision", 0)):
                    raise EtcdCompactedError(f"revision {revision} has been compacted")
                if events := [event(e) for e in result["result"].get("events", ())]:
                    yield events
            await stream
        except EtcdTimeoutError:
            return
        finally:
            stream.cancel()

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
        renewed = False
        tried = 0
        while True:
            url = endpoint or self.endpoints[self._current]
            left = deadline - time.monotonic()
            try:
                token = await self._authorization(deadline)
                attempt = left if endpoint or len(self.endpoints) == 1 else min(left, _ATTEMPT)
                answer = await self._fetch(url, path, body, token, max(attempt, 0.001))
                return dict(json.loads(answer.body))
            except EtcdAuthError as error:
                # The token expired, its member restarted, or the users were changed.
                if renewed or not self._username or not token_refused(error):
                    raise
                renewed, self._token = True, ""
            except (EtcdUnavailableError, EtcdTimeoutError) as error:
                tried += 1
                if not endpoint:
                    self._current = (self._current + 1) % len(self.endpoints)
                pause = _PAUSE if endpoint or tried % len(self.endpoints) == 0 else 0.0
                if time.monotonic() + pause >= deadline:
                    raise type(error)(f"{error} ({path}, {tried} tries)") from error
                await asyncio.sleep(pause)

    async def _authorization(self, deadline: float) -> str:
        if not self._username:
            return ""
        if time.monotonic() >= self._token_expires:
            self._token = ""
        if not self._token:
            body = {"name": self._username, "password": self._password}
            url = self.endpoints[self._current]
            left = max(min(deadline - time.monotonic(), _ATTEMPT), 0.001)
            try:
                answer = await self._fetch(url, "auth/authenticate", body, "", left)
                self._token = json.loads(answer.body)["token"]
            except EtcdRequestError as error:
                if "not enabled" not in str(error):
                    raise
                self._token = ""
            self._token_expires = time.monotonic() + _TOKEN_SECONDS
        return self._token

    async def _fetch(
        self,
        endpoint: str,
        path: str,
        body: Mapping[str, Any],
        token: str,
        timeout: float,
        on_chunk: Any = None,
    ) -> HTTPResponse:
        request = HTTPRequest(
            f"{endpoint}/v3/{path}",
            method="POST",
            body=json.dumps(body),
            headers={
                "Content-Type": "application/json",
                **({"Authorization": token} if token else {}),
            },
            connect_timeout=min(timeout, _ATTEMPT),
            request_timeout=timeout,
            streaming_callback=on_chunk,
            **self._tls,
        )
        if self._http is None:
            self._http = AsyncHTTPClient(force_instance=True)
        try:
            return await self._http.fetch(request)
        except HTTPTimeoutError as error:
            raise EtcdTimeoutError(f"{endpoint}: no answer in time") from error
        except HTTPClientError as error:
            if error.response is None or error.code == 599:
                raise unreached(endpoint, error) from error
            raise grpc_error(grpc_status(error)) from error
        except (OSError, EOFError) as error:
            raise unreached(endpoint, error) from error
