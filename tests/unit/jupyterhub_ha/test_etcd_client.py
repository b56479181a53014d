"""The client's requests: failover, tokens, deadlines and errors, against scripted answers."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable

import pytest

from jupyterhub_ha import metrics
from jupyterhub_ha.errors import (
    EtcdAuthError,
    EtcdCompactedError,
    EtcdRequestError,
    EtcdTimeoutError,
    EtcdUnavailableError,
)
from jupyterhub_ha.etcd_client import EtcdClient
from jupyterhub_ha.etcd_http import HttpStatusError
from jupyterhub_ha.etcd_wire import decode, encode, prefix_end

Answer = Callable[[str, dict], object]


class Gateway:
    """Stands in for EtcdHttp; `answer` gets endpoint and path, and the body."""

    def __init__(self) -> None:
        self.answer: Answer = lambda url, body: {}
        self.requests: list[tuple[str, dict, str]] = []

    def __call__(self, *_: object) -> Gateway:
        return self

    async def post(self, url: str, body: bytes, headers: dict[str, str], timeout: float) -> bytes:
        await asyncio.sleep(0)
        self.requests.append((url, json.loads(body), headers.get("Authorization", "")))
        found = self.answer(url, json.loads(body))
        if isinstance(found, Exception):
            raise found
        return json.dumps(found).encode()

    async def stream(self, url: str, body: bytes, headers: dict[str, str], timeout: float):
        self.requests.append((url, json.loads(body), headers.get("Authorization", "")))
        for found in self.answer(url, json.loads(body)):
            if isinstance(found, Exception):
                raise found
            yield found

    @property
    def paths(self) -> list[str]:
        return [url.split("/v3/")[1] for url, *_ in self.requests]


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    gateway = Gateway()
    monkeypatch.setattr("jupyterhub_ha.etcd_client.EtcdHttp", gateway)
    monkeypatch.setattr("jupyterhub_ha.etcd_client._PAUSE", 0.01)
    return gateway


def refusal(status: int, code: int, message: str) -> HttpStatusError:
    return HttpStatusError(status, json.dumps({"code": code, "message": message}).encode())


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kv(key: str, value: str = "", revision: int = 1) -> dict[str, str]:
    return {"key": b64(key), "value": b64(value), "mod_revision": str(revision)}


async def test_a_range_is_read_page_by_page_at_one_revision(gateway: Gateway) -> None:
    pages = [
        {"header": {"revision": "7"}, "kvs": [kv("a/1", "x", 3)], "more": True},
        {"header": {"revision": "9"}, "kvs": [kv("a/2", "ü", 4)]},
    ]
    gateway.answer = lambda url, body: pages[len(gateway.requests) - 1]
    pairs, revision = await EtcdClient(["http://e"]).range("a/", prefix=True)
    assert [(p.key, p.value, p.revision) for p in pairs] == [("a/1", "x", 3), ("a/2", "ü", 4)]
    assert revision == 7
    first, second = (body for _, body, _ in gateway.requests)
    assert first["range_end"] == b64("a0")
    assert (second["key"], second["revision"]) == (b64("a/1\0"), 7)


async def test_a_transaction_compares_and_reads(gateway: Gateway) -> None:
    gateway.answer = lambda url, body: {
        "header": {"revision": "7"},
        "responses": [{"response_range": {"kvs": [kv("m", "5", 6)]}}],
    }
    result = await EtcdClient(["http://e"]).txn(
        unchanged={"m": 4}, puts={"k": "v"}, deletes=["d"], reads=["m"]
    )
    assert not result.succeeded
    assert result.pairs[0][0].value == "5"
    body = gateway.requests[0][1]
    assert body["compare"] == [
        {"key": b64("m"), "target": "MOD", "result": "EQUAL", "mod_revision": 4}
    ]
    assert [next(iter(o)) for o in body["success"]] == ["request_put", "request_delete_range"]


async def test_a_dead_endpoint_is_left_for_the_next(gateway: Gateway) -> None:
    def answer(url: str, body: dict) -> object:
        if url.startswith("http://a"):
            return EtcdUnavailableError("refused")
        return {"header": {"revision": "1"}}

    gateway.answer = answer
    client = EtcdClient(["http://a", "http://b"])
    await client.range("x")
    await client.range("x")
    assert [url.split("/v3")[0] for url, *_ in gateway.requests] == [
        "http://a",
        "http://b",
        "http://b",
    ]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (EtcdUnavailableError("refused"), EtcdUnavailableError),
        (EtcdTimeoutError("no answer in time"), EtcdTimeoutError),
        (refusal(503, 14, "etcdserver: no leader"), EtcdUnavailableError),
        (refusal(504, 4, "context deadline exceeded"), EtcdTimeoutError),
    ],
)
async def test_what_may_pass_is_tried_until_the_deadline(
    gateway: Gateway, found: Exception, expected: type[Exception]
) -> None:
    gateway.answer = lambda url, body: found
    start = time.monotonic()
    with pytest.raises(expected):
        await EtcdClient(["http://a", "http://b"], timeout=1).range("x")
    assert time.monotonic() - start < 20
    assert len(gateway.requests) > 2


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (refusal(403, 7, "etcdserver: permission denied"), EtcdAuthError),
        (refusal(400, 3, "etcdserver: authentication failed, invalid user"), EtcdAuthError),
        (refusal(400, 11, "mvcc: required revision has been compacted"), EtcdCompactedError),
        (refusal(400, 3, "etcdserver: too many operations in txn request"), EtcdRequestError),
    ],
)
async def test_what_will_not_pass_is_told_at_once(
    gateway: Gateway, found: Exception, expected: type[Exception]
) -> None:
    gateway.answer = lambda url, body: found
    with pytest.raises(expected):
        await EtcdClient(["http://a", "http://b"]).range("x")
    assert len(gateway.requests) == 1


class Users:
    """A server with users: it knows the tokens that it gave last."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, url: str, body: dict) -> object:
        if url.endswith("auth/authenticate"):
            self.number += 1
            return {"token": f"t{self.number}"}
        return {"header": {"revision": "1"}}


async def test_a_token_is_fetched_once(gateway: Gateway) -> None:
    gateway.answer = Users()
    client = EtcdClient(["http://e"], username="hub", password="p")
    await client.range("x")
    await client.range("x")
    assert gateway.paths == ["auth/authenticate", "kv/range", "kv/range"]
    assert gateway.requests[0][1] == {"name": "hub", "password": "p"}
    assert [token for *_, token in gateway.requests] == ["", "t1", "t1"]


async def test_a_token_is_renewed_before_it_expires(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyterhub_ha.etcd_client._TOKEN_SECONDS", 0.0)
    gateway.answer = Users()
    client = EtcdClient(["http://e"], username="hub", password="p")
    await client.range("x")
    await client.range("x")
    assert [token for *_, token in gateway.requests] == ["", "t1", "", "t2"]


@pytest.mark.parametrize("tokens", [2, 5])
async def test_a_forgotten_token_is_renewed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, tokens: int
) -> None:
    monkeypatch.setattr("jupyterhub_ha.etcd_client._PAUSE", 0.0)
    users = Users()

    def answer(url: str, body: dict) -> object:
        if "kv" in url and gateway.requests[-1][2] != f"t{tokens}":
            return refusal(401, 16, "etcdserver: invalid auth token")
        return users(url, body)

    gateway.answer = answer
    client = EtcdClient(["http://e"], username="hub", password="p")
    await client.range("x")
    assert gateway.paths == ["auth/authenticate", "kv/range"] * tokens


async def test_a_token_is_renewed_when_there_was_no_answer(gateway: Gateway) -> None:
    users = Users()

    def answer(url: str, body: dict) -> object:
        # A server that has lost its data keeps a request with an old token waiting.
        if "kv" in url and gateway.requests[-1][2] == "t1":
            return EtcdTimeoutError("no answer in time")
        return users(url, body)

    gateway.answer = answer
    await EtcdClient(["http://e"], username="hub", password="p").range("x")
    assert gateway.paths == ["auth/authenticate", "kv/range"] * 2


async def test_many_requests_at_once_ask_for_one_token(gateway: Gateway) -> None:
    gateway.answer = Users()
    client = EtcdClient(["http://e"], username="hub", password="p")
    await asyncio.gather(*(client.range("x") for _ in range(5)))
    assert gateway.paths.count("auth/authenticate") == 1


async def test_a_token_that_is_never_taken_is_an_error(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyterhub_ha.etcd_client._PAUSE", 0.0)
    users, refused = Users(), refusal(401, 16, "etcdserver: invalid auth token")
    gateway.answer = lambda url, body: users(url, body) if "auth/" in url else refused
    with pytest.raises(EtcdAuthError):
        await EtcdClient(["http://e"], username="hub", password="p").range("x")
    assert gateway.paths == ["auth/authenticate", "kv/range"] * 5


async def test_a_server_without_authentication_needs_no_token(gateway: Gateway) -> None:
    def answer(url: str, body: dict) -> object:
        if "auth/" in url:
            return refusal(400, 9, "etcdserver: authentication is not enabled")
        return {"header": {"revision": "1"}}

    gateway.answer = answer
    client = EtcdClient(["http://e"], username="hub", password="p")
    await client.range("x")
    await client.range("x")
    assert gateway.paths == ["auth/authenticate", "kv/range", "kv/range"]
    assert gateway.requests[-1][2] == ""


async def test_authentication_that_comes_back_is_used_at_once(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    users, is_on = Users(), False

    def answer(url: str, body: dict) -> object:
        if "auth/" in url and not is_on:
            return refusal(400, 9, "etcdserver: authentication is not enabled")
        if "kv/" in url and is_on and not gateway.requests[-1][2]:
            return refusal(400, 3, "etcdserver: user name is empty")
        return users(url, body)

    gateway.answer = answer
    client = EtcdClient(["http://e"], username="hub", password="p")
    await client.range("x")
    assert metrics.UNAUTHENTICATED._value.get() == 1
    assert ["set-up" in record.getMessage() for record in caplog.records] == [True]
    is_on = True
    await client.range("x")
    assert gateway.requests[-1][2] == "t1"
    assert metrics.UNAUTHENTICATED._value.get() == 0


async def test_a_watch_of_several_prefixes_is_one_stream(gateway: Gateway) -> None:
    event = {"type": "PUT", "kv": kv("a/1", "x", 9)}
    gateway.answer = lambda url, body: [
        {"result": {"header": {"revision": "7"}, "created": True, "watch_id": "0"}},
        {"result": {"header": {"revision": "9"}, "events": [event]}},
        EtcdTimeoutError("over"),
    ]
    changes = [found async for found in EtcdClient(["http://e"]).watch("a/", revision=5)]
    assert [found.revision for found in changes] == [7, 9]
    assert [(e.key, e.value, e.revision) for e in changes[1].events] == [("a/1", "x", 9)]
    assert gateway.requests[0][1]["create_request"] == {
        "key": b64("a/"),
        "range_end": b64("a0"),
        "start_revision": 5,
    }


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"compact_revision": "40", "canceled": True}, EtcdCompactedError),
        ({"canceled": True, "cancel_reason": "etcdserver: invalid auth token"}, EtcdAuthError),
        ({"canceled": True, "cancel_reason": "etcdserver: permission denied"}, EtcdAuthError),
    ],
)
async def test_a_cancelled_watch_tells_why(gateway: Gateway, result, expected) -> None:
    gateway.answer = lambda url, body: [{"result": {"header": {"revision": "7"}, **result}}]
    with pytest.raises(expected):
        await anext(EtcdClient(["http://e"]).watch("a/"))


async def test_a_watch_that_its_member_ends_is_told(gateway: Gateway) -> None:
    gateway.answer = lambda url, body: []
    with pytest.raises(EtcdUnavailableError):
        await anext(EtcdClient(["http://e"]).watch("a/"))


def test_without_endpoints_there_is_no_client() -> None:
    with pytest.raises(EtcdRequestError, match="endpoint"):
        EtcdClient([])


@pytest.mark.parametrize("text", ["", "a/b", "ü", "\udcff"])
def test_text_survives_the_gateway(text: str) -> None:
    assert decode(encode(text)) == text


def test_the_end_of_a_prefix() -> None:
    assert prefix_end("a") == b64("b")
    assert prefix_end("a/") == b64("a0")
    assert prefix_end("") == b64("\0")
