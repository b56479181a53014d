"""What every measure works with: the running peers, the records, and how far it is."""

from __future__ import annotations

import sys
import traceback
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.generator import Server
from benchmarks.hub import Routes
from benchmarks.names import user_paths
from benchmarks.peer import Peer
from benchmarks.peers import make_peer
from benchmarks.progress import Progress
from benchmarks.records import Record

Size = Literal["full", "quick", "smoke"]
"""How much is measured: for the record, for a check in minutes, for a test in seconds."""

UNITS = {
    "rate": "1/s",
    "p50": "ms",
    "p99": "ms",
    "worst": "ms",
    "time": "s",
    "cpu": "s per 10,000 requests",
    "speed": "MiB/s",
    "memory": "MiB",
    "received": "MiB",
    "server CPU": "s",
    "memory each": "KiB",
}


@dataclass
class Bench:
    """One run of one measure."""

    measure: str
    size: Size
    folder: Path
    server: Server
    """The users' servers, all in one."""
    progress: Progress
    chosen: frozenset[str] = frozenset()
    """Only these peers; all when empty."""
    records: list[Record] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def record(self, case: str, peer: str, number: int, **quantities: float) -> None:
        """Note what one round of one peer gave; "_" in a quantity's name is a space."""
        for name, value in quantities.items():
            quantity = name.replace("_", " ")
            unit = UNITS.get(quantity, "")
            self.records.append(
                Record(self.measure, case, peer, number, quantity, unit, float(value))
            )

    def routes(self, shape: str, numbers: range) -> Routes:
        """Routes of users, all to the one server."""
        return [
            (path, self.server.url, {"user": path.strip("/"), "server_name": ""})
            for path in user_paths(shape, numbers)
        ]

    @asynccontextmanager
    async def running(self, names: Sequence[str], replicas: int = 1) -> AsyncIterator[list[Peer]]:
        """Start the named peers; one that does not start is told and left out."""
        async with AsyncExitStack() as stack:
            peers = []
            for name in names:
                # Who chose a peer also chose the one that it is compared with.
                if self.chosen and name.partition(" ")[0] not in self.chosen:
                    continue
                with self.tolerating(f"{name} did not start"):
                    folder = self.folder / f"{self.measure}-{len(list(self.folder.iterdir()))}"
                    peer = make_peer(name, folder, replicas)
                    peers.append(await stack.enter_async_context(peer))
            yield peers

    async def filled(self, peers: list[Peer], routes: Routes) -> list[Peer]:
        """Give all peers more routes, one peer after another; those that could take them."""
        able = []
        for peer in peers:
            with self.tolerating(f"{peer.name}: {len(routes)} more routes"):
                await peer.fill(routes)
                able.append(peer)
        return able

    @contextmanager
    def tolerating(self, what: str) -> Iterator[None]:
        """A measurement that fails is told, and the others go on."""
        try:
            yield
        except Exception as error:
            self.problems.append(f"{self.measure}: {what}: {type(error).__name__}: {error}")
            self.progress.tell(self.problems[-1])
            if self.size == "smoke":
                traceback.print_exc(file=sys.stderr)
