"""Opens the public ports of one Traefik replica, then becomes Traefik.

    python3 host_listen.py open http=0.0.0.0:8000 dashboard=0.0.0.0:9000 -- traefik --configfile=F
    python3 host_listen.py wait http://127.0.0.1:8083/ready 30

Traefik accepts connections before it has read its routing table, and answers those with 404. On
one host, where replicas share a port with SO_REUSEPORT, the kernel would give a new replica its
part of the users at once. Here every connection goes to the replica that has listened longest, so
that a replica which starts gets none before the one that serves has gone. Traefik takes the open
sockets as if systemd had passed them (sd_listen_fds(3)), each by the name of its entry point.

Standard library only: a rendered bundle carries this file alone.
"""

from __future__ import annotations

import array
import fcntl
import os
import socket
import struct
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

_FIRST_DESCRIPTOR = 3  # sd_listen_fds(3): SD_LISTEN_FDS_START
_BACKLOG = 4096
_ATTACH_REUSEPORT_CBPF = 51  # asm-generic/socket.h; Python's socket module has no name for it
# One instruction of classic BPF, "return 0": the socket that joined the group first. When it
# closes, the kernel puts another, older than any that joins later, in its place.
_OLDEST = struct.pack("=HBBI", 0x06, 0, 0, 0)


def listen(address: str) -> socket.socket:
    """A listening socket at `host:port` or `[host]:port`, shared with replicas of the same user.

    New connections go to the replica that has listened longest. Where the kernel cannot choose so,
    every replica gets a part of them, and a warning is written. Raises OSError when the address
    cannot be used.
    """
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    family = socket.AF_INET6 if ":" in host or not host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6 and not host:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((host, int(port)))
    listener.listen(_BACKLOG)
    # Only now: a socket with a program of its own may not join a group that has one. Whoever joins
    # later finds the program there.
    code = array.array("B", _OLDEST)
    program = struct.pack("@HL", 1, code.buffer_info()[0])  # struct sock_fprog
    try:
        listener.setsockopt(socket.SOL_SOCKET, _ATTACH_REUSEPORT_CBPF, program)
    except OSError as error:
        print(f"{address}: replicas that start get users at once ({error})", file=sys.stderr)
    return listener


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
    if arguments and arguments[0] == "open" and "--" in arguments:
        end = arguments.index("--")
        given = [one.partition("=")[::2] for one in arguments[1:end]]
        if given and arguments[end + 1 :]:
            become(arguments[end + 1 :], [(name, listen(address)) for name, address in given])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
