"""Sockets are counted by who began a connection, ports by where they lead to."""

from __future__ import annotations

import os
import socket

from benchmarks.connections import Connections, Hop, connections_of, counted, parse

_HEAD = "sl local_address rem_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode"
_A, _B, _C = "0100007F", "0200007F", "0300007F"


def table(*lines: tuple[str, str, str]) -> str:
    """The kernel's text for sockets with the inodes 0, 1 and so on."""
    rest = "00000000:00000000 00:00000000 00000000 0 0"
    rows = (f"{n}: {a} {b} {state} {rest} {n} 1" for n, (a, b, state) in enumerate(lines))
    return "\n".join([_HEAD, *rows])


def test_a_proxy_with_one_server() -> None:
    sockets = parse(
        table(
            (f"{_A}:0050", "00000000:0000", "0A"),
            (f"{_A}:0050", f"{_B}:C001", "01"),
            (f"{_A}:0050", f"{_B}:C002", "01"),
            (f"{_A}:D001", f"{_C}:1F90", "01"),
            (f"{_A}:D002", f"{_C}:1F90", "01"),
            (f"{_A}:D003", f"{_C}:094B", "01"),  # etcd's: not on the way
        )
    )
    found = counted(Hop((), at=80, to=8080), sockets)
    assert found == Connections(frozenset(), 2, 2, ports=2, busiest=2)


def test_ports_are_counted_for_each_pair() -> None:
    sockets = parse(
        table(
            (f"{_A}:D001", f"{_B}:1F90", "01"),
            (f"{_A}:D001", f"{_C}:1F90", "01"),  # the same port may lead elsewhere, too
            (f"{_B}:D003", f"{_C}:1F90", "01"),
        )
    )
    found = counted(Hop((), at=0, to=8080), sockets)
    assert found == Connections(frozenset(), 0, 3, ports=2, busiest=1)


def test_what_is_closing_is_not_counted() -> None:
    sockets = parse(table((f"{_A}:D001", f"{_B}:1F90", "06"), (f"{_A}:D002", f"{_B}:1F90", "08")))
    assert counted(Hop((), 0, 8080), sockets).connected == 0


def test_an_address_within_one_of_ipv6_is_the_same() -> None:
    (mapped,) = parse(table((f"0000000000000000FFFF0000{_A}:D001", f"{_B}:1F90", "01")))
    (plain,) = parse(table((f"{_A}:D001", f"{_B}:1F90", "01")))
    assert mapped == plain


def test_this_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        before = connections_of(Hop((os.getpid(),), at=port, to=0))
        with socket.create_connection(("127.0.0.1", port)), listener.accept()[0]:
            server = connections_of(Hop((os.getpid(),), at=port, to=0))
            client = connections_of(Hop((os.getpid(),), at=0, to=port))
    assert (before.accepted, server.accepted, client.connected) == (0, 1, 1)
    assert len(server.descriptors - before.descriptors) == 2
