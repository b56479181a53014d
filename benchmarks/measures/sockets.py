"""What open websockets take at each hop: file descriptors, TCP sockets and ephemeral ports.

Every websocket belongs to a user with a server of its own, at an address of its own, as pods have
them; a browser reaches it through a web server and a proxy.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from tests.support.edge import EdgeServer

from benchmarks.bench import Bench, Size
from benchmarks.connections import Connections, Hop, connections_of
from benchmarks.generator import Server, websockets
from benchmarks.hub import Routes
from benchmarks.names import user_paths
from benchmarks.peer import Peer
from benchmarks.requirements import ANY_HOP, CLIENT, PROXY, SERVER, SOCKET_PEERS, WEB_SERVER

COUNTS: dict[Size, tuple[int, ...]] = {
    "full": (1, 100, 5000),
    "quick": (1, 100, 1000),
    "smoke": (1, 20),
}
_COUNTS = ("accepted", "connected", "ports", "busiest")
_SECONDS = 60.0
"""For closed websockets to be gone at all hops."""


@dataclass(frozen=True)
class Chain:
    """From the browser to users' servers."""

    web_server: EdgeServer
    peer: Peer
    server: Server

    def hops(self) -> dict[str, Hop]:
        """All but the client, by name."""
        proxy, server = (_port(one) for one in (self.peer.addresses[0], self.server.address))
        return {
            WEB_SERVER: Hop((self.web_server.pid,), self.web_server.http_port, proxy),
            PROXY: Hop(tuple(self.peer.pids()), proxy, server),
            SERVER: Hop((self.server.pid,), server, 0),
        }

    def counted(self) -> dict[str, Connections]:
        """Of all but the client."""
        return {name: connections_of(hop) for name, hop in self.hops().items()}


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


async def run(bench: Bench) -> None:
    """One peer after another, each with more and more websockets. One round: nothing varies."""
    bench.progress.expect(len(SOCKET_PEERS))
    with Server(host="0.0.0.0") as server:  # noqa: S104 - for all addresses of loopback
        for name in SOCKET_PEERS:
            bench.progress.step(name)
            async with bench.running([name]) as peers:
                for peer in peers:
                    with bench.tolerating(name):
                        await _one(bench, peer, server)


async def _one(bench: Bench, peer: Peer, server: Server) -> None:
    folder = bench.folder / f"web-server-{peer.name}"
    async with AsyncExitStack() as stack:
        web_server = EdgeServer("nginx", folder, peer.addresses, tls=False)
        await asyncio.to_thread(stack.enter_context, web_server)
        chain = Chain(web_server, peer, server)
        present = 0
        for count in COUNTS[bench.size]:
            await _count(bench, chain, present, count)
            present = count


async def _count(bench: Bench, chain: Chain, present: int, count: int) -> None:
    """Of the first users, of whom some are present. The others' routes are added as a hub does it
    and not by fill(), whose requests would leave connections to the users' servers open."""
    await chain.peer.add(_routes(chain.server, range(present, count)))
    await chain.peer.rest()
    before = chain.counted()
    _, one, _ = await _opened(chain, 1)
    failed, client, found = await _opened(chain, count)
    new = {hop: len(found[hop].descriptors - before[hop].descriptors) for hop in found}
    # Another generator: what it has open beside its websockets, the one with a single one had.
    new[CLIENT] = len(client.descriptors) - len(one.descriptors) + 1
    found = {CLIENT: client, **found}
    each = {
        hop: {
            "sockets": (found[hop].accepted + found[hop].connected) / count,
            "descriptors": new[hop] / count,
        }
        for hop in found
    }
    for hop, after in found.items():
        counts = {name: getattr(after, name) for name in _COUNTS}
        bench.record(f"{count} open, {hop}", chain.peer.name, 1, **each[hop], **counts)
    most = {name: max(one[name] for one in each.values()) for name in each[CLIENT]}
    bench.record(f"{count} open, {ANY_HOP}", chain.peer.name, 1, **most, failed=failed)


async def _opened(chain: Chain, count: int) -> tuple[float, Connections, dict[str, Connections]]:
    """Open so many websockets and close them: failures, what the client had, and the others."""
    paths = [f"{path}channels" for path in user_paths("student", range(count))]
    address = f"127.0.0.1:{chain.web_server.http_port}"
    async with websockets(address, paths, sockets=count, messages=1) as them:
        told = await them.talk()
        client = connections_of(Hop((them.pid,), 0, chain.web_server.http_port))
        others = chain.counted()
    await _until_accepted(
        chain.hops()[SERVER], others[SERVER].accepted - int(them.opened["opened"])
    )
    return told["failed"] + them.opened["failed"], client, others


def _routes(server: Server, numbers: range) -> Routes:
    """Routes of users, each to an address of loopback of its own, as pods have them."""
    port = _port(server.address)
    return [
        (path, f"http://127.65.{n // 250}.{n % 250 + 1}:{port}", {"user": path.strip("/")})
        for n, path in zip(numbers, user_paths("student", numbers), strict=True)
    ]


async def _until_accepted(server: Hop, number: int) -> None:
    """Until the server has no more connections than that: what was closed is closed at all hops."""
    deadline = time.monotonic() + _SECONDS
    while connections_of(server).accepted > number:
        if time.monotonic() > deadline:
            raise TimeoutError(f"closed websockets are open at the server after {_SECONDS:g} s")
        await asyncio.sleep(0.1)
