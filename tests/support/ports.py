"""Ports that are free, and that nothing else is given meanwhile."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

_FIRST = 10000
_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Different TCP ports on 127.0.0.1 that nothing listens on, each given once in a process.

    They lie below the range from which the kernel draws the ports of outgoing connections: one
    from that range may be gone by the time a server that is starting asks for it. Each worker of
    pytest-xdist draws from a part of its own: a port may be given long before a server listens on
    it, or be free for a moment while one is started again.
    """
    return [_one() for _ in range(count)]


def free_port() -> int:
    """One TCP port on 127.0.0.1 that nothing listens on."""
    return _one()


def free_range(count: int) -> int:
    """The first of so many such ports in a row."""
    own = _own_range()
    for _ in range(1000):
        first = random.randrange(own.start, own.stop - count)
        wanted = range(first, first + count)
        if _given.isdisjoint(wanted) and all(map(_is_free, wanted)):
            _given.update(wanted)
            return first
    raise RuntimeError(f"no {count} free ports in a row between {own.start} and {own.stop}")


def listens(port: int) -> bool:
    """Whether somebody takes connections at this port of loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _one() -> int:
    own = _own_range()
    for _ in range(1000):
        port = random.choice(own)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise RuntimeError(f"no free port between {own.start} and {own.stop}")


def _own_range() -> range:
    """The ports that this process, or this worker of several, may give."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    last = low if low > 2 * _FIRST else 32768
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = (last - _FIRST) // workers
    return range(_FIRST + number * share, _FIRST + (number + 1) * share)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
