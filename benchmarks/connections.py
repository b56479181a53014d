"""The TCP sockets of processes and the ports that they take, from /proc (see proc(5))."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_ESTABLISHED = "01"
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_READINGS = 3
# An IPv4 connection at a socket of IPv6 has the one address within the other.
_MAPPED = "0000000000000000FFFF0000"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connection: the address, in hexadecimal as the kernel writes it, and port."""

    address: str
    port: int

    @classmethod
    def of(cls, text: str) -> End:
        """Of the kernel's "address:port"."""
        address, _, port = text.partition(":")
        return cls(address.removeprefix(_MAPPED), int(port, 16))


@dataclass(frozen=True, slots=True)
class Socket:
    """A line of the kernel's table."""

    inode: int
    state: str
    local: End
    remote: End


@dataclass(frozen=True, slots=True)
class Hop:
    """Processes, the port at which they accept and the one to which they connect; 0: none."""

    pids: tuple[int, ...]
    at: int
    to: int


@dataclass(frozen=True, slots=True)
class Connections:
    """All open file descriptors of a hop, and its established connections on the way.

    `ports` are the ephemeral ports of the connections that it began, and `busiest` is how many of
    these go from one address to one destination: what the kernel's range limits.
    """

    descriptors: frozenset[tuple[int, str, str]]
    """Process, number, and what it is: another file under the same number is another one."""
    accepted: int
    connected: int
    ports: int
    busiest: int


def parse(table: str) -> list[Socket]:
    """The sockets in the text of /proc/net/tcp or /proc/net/tcp6."""
    lines = [line.split() for line in table.splitlines()[1:]]
    return [Socket(int(w[9]), w[3], End.of(w[1]), End.of(w[2])) for w in lines]


def counted(
    hop: Hop, sockets: Iterable[Socket], descriptors: Iterable[tuple[int, str, str]] = ()
) -> Connections:
    """Of the sockets of one hop, those on the way."""
    established = [one for one in sockets if one.state == _ESTABLISHED]
    accepted = [one for one in established if one.local.port == hop.at]
    began = [one for one in established if one.remote.port == hop.to and one.local.port != hop.at]
    pairs = Counter((one.local.address, one.remote) for one in began)
    return Connections(
        descriptors=frozenset(descriptors),
        accepted=len(accepted),
        connected=len(began),
        ports=len({one.local for one in began}),
        busiest=max(pairs.values(), default=0),
    )


def connections_of(hop: Hop) -> Connections:
    """What the kernel says now; FileNotFoundError if a process does not run.

    The kernel writes its table page by page, and what changes meanwhile moves the rest: a socket
    may be there twice or not at all. So it is read several times, and each socket counts once.
    """
    descriptors = set()
    found: dict[int, Socket] = {}
    for pid in hop.pids:
        folder = Path(f"/proc/{pid}")
        for name in os.listdir(folder / "fd"):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                descriptors.add((pid, name, os.readlink(folder / "fd" / name)))
        inodes = {int(s[1]) for _, _, what in descriptors if (s := _SOCKET.fullmatch(what))}
        for table in ("tcp", "tcp6") * _READINGS:
            sockets = parse((folder / "net" / table).read_text())
            found |= {one.inode: one for one in sockets if one.inode in inodes}
    return counted(hop, found.values(), descriptors)
