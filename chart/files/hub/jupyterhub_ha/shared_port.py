"""Opens the public ports of one Traefik replica, then becomes Traefik.

    python3 shared_port.py open http=0.0.0.0:8000 dashboard=0.0.0.0:9000 -- traefik --configfile=F
    python3 shared_port.py wait http://127.0.0.1:8083/ready 30
    python3 shared_port.py lead http=0.0.0.0:8000 dashboard=0.0.0.0:9000

Traefik accepts connections before it has read its routing table, and answers those with 404; and
one that stops may lose a connection that it has just accepted. On one host, where replicas share a
port with SO_REUSEPORT, the kernel would give each of them a part of the users at any time. Here one
replica gets every new connection. `open` leaves that to the others, as long as there are any;
`lead`, once the replica is ready, gives it to the newest. So whoever restarts the replicas one
after the other, the oldest first, stops only those that get no new connections.

Traefik takes the open sockets as if systemd had passed them (sd_listen_fds(3)), each by the name of
its entry point. An address that cannot be opened here is left to Traefik.

The hub replaces a Traefik of its own in the same way. Standard library only: the bundle of a host
carries this file alone.
"""

from __future__ import annotations

import array
import contextlib
import errno
import fcntl
import os
import socket
import struct
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

_FIRST_DESCRIPTOR = 3  # sd_listen_fds(3): SD_LISTEN_FDS_START
_BACKLOG = 4096
# asm-generic/socket.h; Python's socket module has no names for these.
_ATTACH_FILTER, _DETACH_FILTER, _ATTACH_REUSEPORT_CBPF = 26, 27, 51
_RETURN = 0x06  # classic BPF: RET | K
_LISTENING = "0A"  # proc(5), /proc/net/tcp
SETTLE_SECONDS = 0.2
"""What a socket that no longer leads has accepted is served after this time at the latest."""


def addresses(static: Mapping[str, Any]) -> dict[str, str]:
    """The TCP addresses that a traefik.toml (parsed) shares: entry point to `host:port`."""
    points = static.get("entryPoints", {}).items()
    shared = {name: str(point["address"]) for name, point in points if point.get("reusePort")}
    return {n: a.removesuffix("/tcp") for n, a in shared.items() if not a.endswith("/udp")}


def listen(address: str) -> socket.socket:
    """A listening socket at `host:port` or `[host]:port`, shared with replicas of the same user.

    As long as another socket listens there, it gets no connection. Where the kernel cannot choose
    so, every replica gets a part of them, and a warning is written. Raises OSError when the address
    cannot be used.
    """
    bound = _bound(address)
    refused = _join(bound, 0)
    if refused:
        print(f"replicas that start get users at once: {refused}", file=sys.stderr)
    return bound


def lead(address: str) -> None:
    """Let the socket that has listened shortest at `address` get every new connection.

    Raises OSError when the address cannot be used, or the kernel cannot choose so.
    """
    with _bound(address) as helper:
        refused = _join(helper, max(_listening_at(helper) - 1, 0))
    if refused:
        raise refused


def count(address: str) -> int:
    """How many sockets listen at `address`; OSError when it cannot be used, or is not shared."""
    with _bound(address) as helper:
        return _listening_at(helper)


def _bound(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host or not host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        bound = stack.enter_context(socket.socket(family))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6 and not host:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind((host, _number(port)))
        stack.pop_all()
    return bound


def _number(port: str) -> int:
    if not port.isdecimal() or int(port) > 65535:
        raise OSError(errno.EINVAL, f"{port!r} is no port")
    return int(port)


def _join(bound: socket.socket, chosen: int) -> OSError | None:
    """Listen, and let the socket with the number `chosen` get the next connections.

    Returns why the kernel does not choose so.
    The kernel counts the sockets of a group from 0 in the order in which they joined; when one
    closes, the last takes its place. Where there is no socket of that number it chooses any.
    """
    # For the microseconds until it is settled who is next, drop what comes here: the client's
    # kernel asks again after a second. Where only root may do so, do without.
    with contextlib.suppress(PermissionError):
        _attach(bound, _ATTACH_FILTER, 0)
    bound.listen(_BACKLOG)
    refused = None
    try:
        # Only now: a socket with a program of its own may not join a group.
        _attach(bound, _ATTACH_REUSEPORT_CBPF, chosen)
    except OSError as error:
        refused = error
    with contextlib.suppress(OSError):  # there is none
        bound.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)
    return refused


def _attach(listener: socket.socket, option: int, result: int) -> None:
    """Attach a program of one instruction, which returns `result` (struct sock_fprog)."""
    code = array.array("B", struct.pack("=HBBI", _RETURN, 0, 0, result))
    program = struct.pack("@HL", 1, code.buffer_info()[0])
    listener.setsockopt(socket.SOL_SOCKET, option, program)


def _listening_at(bound: socket.socket) -> int:
    """How many sockets listen at the address of this one, which does not yet."""
    host, port = bound.getsockname()[:2]
    packed = socket.inet_pton(bound.family, host)
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    address = f"{''.join(f'{word:08X}' for word in words)}:{port:04X}"
    name = "tcp6" if bound.family == socket.AF_INET6 else "tcp"
    # proc(5): number, local address, remote address, state.
    with open(f"/proc/self/net/{name}", encoding="ascii") as table:
        rows = (line.split(maxsplit=4) for line in table)
        return sum(row[1] == address and row[3] == _LISTENING for row in rows)


def become(words: Sequence[str], listeners: Sequence[tuple[str, socket.socket]]) -> None:
    """Replace this process by the program, which finds the sockets as systemd would pass them.

    Never returns; raises OSError when the program cannot be run.
    """
    # High above first, for a socket may lie where another one has to go.
    above = _FIRST_DESCRIPTOR + len(listeners)
    high = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, above) for _, one in listeners]
    for number, descriptor in enumerate(high, _FIRST_DESCRIPTOR):
        os.dup2(descriptor, number, inheritable=True)
    passed = {
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDS": str(len(high)),
        "LISTEN_FDNAMES": ":".join(name for name, _ in listeners),
    }
    os.execvpe(words[0], list(words), {**os.environ, **passed})  # noqa: S606 - no shell is wanted


def _opened(given: Sequence[tuple[str, str]]) -> list[tuple[str, socket.socket]]:
    opened = []
    for name, address in given:
        try:
            opened.append((name, listen(address)))
        except OSError as error:  # of a port below 1024, it may be that only Traefik may open it
            print(f"{name}={address} is left to the program: {error}", file=sys.stderr)
    return opened


def wait(url: str, seconds: float) -> bool:
    """Whether `url` answers 200 within `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - given by us
                if response.status == 200:
                    return True
        except (OSError, urllib.error.URLError):
            pass
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)


def main(arguments: Sequence[str]) -> int:
    """Do what the words ask for; 2 when they cannot be meant."""
    if len(arguments) == 3 and arguments[0] == "wait":
        if wait(arguments[1], float(arguments[2])):
            return 0
        print(f"{arguments[1]} does not answer 200 after {arguments[2]} s", file=sys.stderr)
        return 1
    if len(arguments) > 1 and arguments[0] == "lead":
        for one in arguments[1:]:
            try:
                lead(one.partition("=")[2])
            except OSError as error:
                print(f"{one}: replicas that stop still get users: {error}", file=sys.stderr)
        # What the others have accepted until now is theirs to finish; they may be stopped next.
        time.sleep(SETTLE_SECONDS)
        return 0
    if arguments and arguments[0] == "open" and "--" in arguments:
        end = arguments.index("--")
        pairs = [one.partition("=") for one in arguments[1:end]]
        given = [(name, address) for name, _, address in pairs]
        if given and arguments[end + 1 :]:
            become(arguments[end + 1 :], _opened(given))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
