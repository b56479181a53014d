"""The client against a real etcd, where a script would only repeat what we believe."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.certificates import write_certificates
from tests.support.etcd import EtcdCluster

from jupyterhub_ha.errors import EtcdCompactedError, EtcdRequestError
from jupyterhub_ha.etcd_client import EtcdClient
from jupyterhub_ha.etcd_http import EtcdHttp


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    with EtcdCluster(tmp_path_factory.mktemp("etcd")) as running:
        yield running


@pytest.fixture
async def client(etcd: EtcdCluster):
    # A user is given although this etcd asks for none.
    client = EtcdClient(etcd.endpoints, username="hub", password="p")
    yield client
    await client.delete("t/", prefix=True)
    client.close()


async def test_pages_make_one_range(client, monkeypatch) -> None:
    monkeypatch.setattr("jupyterhub_ha.etcd_client._PAGE", 7)
    wanted = {f"t/{i:03}": f"ü{i}" for i in range(50)}
    await client.txn(puts=wanted)
    pairs, revision = await client.range("t/", prefix=True)
    assert {pair.key: pair.value for pair in pairs} == wanted
    assert {pair.revision for pair in pairs} == {revision}


async def test_a_transaction_is_made_only_if_nothing_changed(client) -> None:
    first = await client.txn(unchanged={"t/m": 0}, puts={"t/m": "1"})
    assert first.succeeded
    late = await client.txn(unchanged={"t/m": 0}, puts={"t/m": "2"}, reads=["t/m"])
    assert not late.succeeded
    assert late.pairs[0][0].value == "1"
    assert late.pairs[0][0].revision == first.revision
    gone = await client.txn(unchanged={"t/m": first.revision}, deletes=["t/m"])
    assert gone.succeeded
    assert await client.range("t/m") == ([], gone.revision)


async def test_too_many_operations_are_refused(client) -> None:
    with pytest.raises(EtcdRequestError, match="too many operations"):
        await client.txn(puts={f"t/{i}": "" for i in range(129)})


async def test_a_watch_sees_what_changes_from_a_revision_on(client) -> None:
    revision = await client.put("t/a", "1")
    await client.put("t/b", "2")

    async def collect() -> list[tuple[str, str, bool]]:
        seen = []
        async for changes in client.watch("t/", revision=revision + 1, timeout=10):
            seen += [(event.key, event.value, event.deleted) for event in changes.events]
            if len(seen) == 3:
                break
        return seen

    collecting = asyncio.create_task(collect())
    await asyncio.sleep(0.2)
    await client.delete("t/a")
    await client.put("t/c", "3")
    assert await collecting == [("t/b", "2", False), ("t/a", "", True), ("t/c", "3", False)]


async def test_a_watch_ends_at_its_deadline(client) -> None:
    revision = await client.put("t/a", "1")
    found = [changes async for changes in client.watch("t/", "u/", timeout=10)]
    assert [(changes.revision, changes.events) for changes in found] == [(revision, [])]


async def test_a_compacted_revision_is_told(client) -> None:
    old = await client.put("t/a", "1")
    revision = await client.put("t/a", "2")
    await client.call("kv/compaction", {"revision": revision})
    with pytest.raises(EtcdCompactedError):
        await client.range("t/a", revision=old)
    with pytest.raises(EtcdCompactedError):
        async for _ in client.watch("t/a", revision=1, timeout=5):
            pass


async def test_keys_vanish_with_their_lease(client) -> None:
    lease = await client.lease_grant(60)
    await client.put("t/a", "1", lease=lease)
    assert await client.lease_keepalive(lease) == 60
    await client.lease_revoke(lease)
    assert (await client.range("t/a"))[0] == []
    assert await client.lease_keepalive(lease) == 0


async def test_a_member_tells_its_status_and_is_defragmented(client, etcd) -> None:
    status = await client.status(etcd.endpoints[0])
    assert status["version"].startswith("3.")
    await client.defragment(etcd.endpoints[0])


async def test_a_stream_that_is_given_up_leaves_no_connection(tmp_path: Path) -> None:
    """Its socket is closed at once, although the member says no goodbye of TLS."""
    files = write_certificates(tmp_path)["server"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        ended: list[bool] = []
        member = threading.Thread(target=lambda: ended.append(_answer_once(listener, context)))
        member.start()
        http = EtcdHttp(str(files.ca))
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/v3/watch"
        async with contextlib.aclosing(http.stream(url, b"{}", {}, 10)) as stream:
            assert await anext(stream) == {"created": True}
        await asyncio.to_thread(member.join)
        http.close()
    assert ended == [True]


def _answer_once(listener: socket.socket, context: ssl.SSLContext) -> bool:
    """Begin an answer that does not end; whether the client closed the connection soon."""
    accepted, _ = listener.accept()
    with context.wrap_socket(accepted, server_side=True) as encrypted:
        encrypted.recv(65536)
        encrypted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b'{"created":true}\n')
        with socket.socket(fileno=os.dup(encrypted.fileno())) as plain:
            plain.settimeout(10)
            try:
                while plain.recv(65536):
                    pass
            except TimeoutError:
                return False
            except ConnectionResetError:
                pass
            return True
