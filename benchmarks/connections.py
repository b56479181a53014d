"""The TCP sockets of processes and the ports that they take, from /proc (see proc(5))."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_ESTABLISHED, _LISTEN = "01", "0A"
_SOCKET = re.compile(r"socket:\[(\d+)\]")
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
class Connections:
    """Open file descriptors, established TCP sockets by who began them, and ports.

    `ports` are the ephemeral ports of the connections that the processes began, and `busiest` is
    how many of these go from one address to one destination: what the kernel's range limits.
    """

    descriptors: int
    accepted: int
    connected: int
    ports: int
    busiest: int


def parse(table: str) -> list[Socket]:
    """The sockets in the text of /proc/net/tcp or /proc/net/tcp6."""
    lines = [line.split() for line in table.splitlines()[1:]]
    return [Socket(int(w[9]), w[3], End.of(w[1]), End.of(w[2])) for w in lines]


def counted(descriptors: int, sockets: Iterable[Socket]) -> Connections:
    """Of the sockets of one hop. A connection was accepted if the hop listens at its port."""
    sockets = list(sockets)
    listening = {one.local.port for one in sockets if one.state == _LISTEN}
    established = [one for one in sockets if one.state == _ESTABLISHED]
    began = [one for one in established if one.local.port not in listening]
    pairs = Counter((one.local.address, one.remote) for one in began)
    return Connections(
        descriptors=descriptors,
        accepted=len(established) - len(began),
        connected=len(began),
        ports=len({one.local for one in began}),
        busiest=max(pairs.values(), default=0),
    )


def connections_of(pids: Iterable[int]) -> Connections:
    """The sum over processes that run; FileNotFoundError if one does not."""
    descriptors, found = 0, []
    for pid in pids:
        folder = Path(f"/proc/{pid}")
        inodes = set()
        for name in os.listdir(folder / "fd"):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                target = os.readlink(folder / "fd" / name)
                descriptors += 1
                if socket := _SOCKET.fullmatch(target):
                    inodes.add(int(socket[1]))
        for table in ("tcp", "tcp6"):
            sockets = parse((folder / "net" / table).read_text())
            found += [one for one in sockets if one.inode in inodes]
    return counted(descriptors, found)
