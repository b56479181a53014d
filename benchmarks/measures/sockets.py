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
from benchmarks.connections import Connections, connections_of
from benchmarks.generator import Server, websockets
from benchmarks.hub import Routes
from benchmarks.names import user_paths
from benchmarks.peer import Peer
from benchmarks.requirements import ANY_HOP, CLIENT, PROXY, SERVER, SOCKET_PEERS, WEB_SERVER

COUNTS: dict[Size, tuple[int, ...]] = {
    "full": (1, 100, 5000),
    "quick": (1, 100, 5000),  # as many, since what is counted does not depend on speed
    "smoke": (1, 20),
}
_COUNTS = ("accepted", "connected", "ports", "busiest")
_SECONDS = 20.0
"""For closed websockets to be gone at all hops."""


@dataclass(frozen=True)
class Chain:
    """From the browser to users' servers."""

    web_server: EdgeServer
    peer: Peer
    server: Server

    def counted(self) -> dict[str, Connections]:
        """By hop, all but the client."""
        return {
            WEB_SERVER: connections_of([self.web_server.pid]),
            PROXY: connections_of(self.peer.pids()),
            SERVER: connections_of([self.server.pid]),
        }


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
    """What is open at rest is counted before the missing routes are added: to see that a route is
    served opens a connection to the user's server, which a websocket then takes."""
    before = chain.counted()
    await chain.peer.fill(_routes(chain.server, range(present, count)))
    paths = [f"{path}channels" for path in user_paths("student", range(count))]
    address = f"127.0.0.1:{chain.web_server.http_port}"
    async with websockets(address, paths, sockets=count, messages=1) as them:
        told = await them.talk()
        found = {CLIENT: connections_of([them.pid]), **chain.counted()}
    none = Connections(0, 0, 0, 0, 0)
    each = {hop: _each(before.get(hop, none), after, count) for hop, after in found.items()}
    for hop, after in found.items():
        counts = {name: getattr(after, name) for name in _COUNTS}
        bench.record(f"{count} open, {hop}", chain.peer.name, 1, **each[hop], **counts)
    most = {name: max(one[name] for one in each.values()) for name in each[CLIENT]}
    failed = told["failed"] + them.opened["failed"]
    bench.record(f"{count} open, {ANY_HOP}", chain.peer.name, 1, **most, failed=failed)
    await _until_closed(chain, before)


def _each(before: Connections, after: Connections, count: int) -> dict[str, float]:
    """What was opened for each websocket."""
    sockets = after.accepted + after.connected - before.accepted - before.connected
    descriptors = after.descriptors - before.descriptors
    return {"sockets": sockets / count, "descriptors": descriptors / count}


def _routes(server: Server, numbers: range) -> Routes:
    """Routes of users, each to an address of loopback of its own, as pods have them."""
    port = server.address.partition(":")[2]
    return [
        (path, f"http://127.65.{n // 250}.{n % 250 + 1}:{port}", {"user": path.strip("/")})
        for n, path in zip(numbers, user_paths("student", numbers), strict=True)
    ]


async def _until_closed(chain: Chain, before: dict[str, Connections]) -> None:
    deadline = time.monotonic() + _SECONDS
    while chain.counted()[SERVER].accepted > before[SERVER].accepted:
        if time.monotonic() > deadline:
            raise TimeoutError(f"closed websockets are open at the server after {_SECONDS:g} s")
        await asyncio.sleep(0.1)
