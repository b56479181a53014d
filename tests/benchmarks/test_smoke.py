"""The benchmarks' own code runs, with sizes that take seconds; nothing is said about speed."""

from __future__ import annotations

import pytest
from benchmarks.__main__ import main
from benchmarks.records import read_records
from benchmarks.requirements import ANY_HOP, HOPS

pytestmark = pytest.mark.timeout(400)

OURS = {"chp", "in-process", "traefik-file", "traefik-etcd"}


def measure(folder, *names: str) -> dict[str, set[str]]:
    """The peers that have results, by measure."""
    words = [word for name in names for word in ("--only", name)]
    words += [word for peer in sorted(OURS) for word in ("--peer", peer)]
    main(["--size", "smoke", "--results", str(folder), *words])
    found: dict[str, set[str]] = {name: set() for name in names}
    for record in read_records(folder):
        found[record.measure].add(record.peer)
    return found


def test_requests_and_transfers(tmp_path) -> None:
    found = measure(tmp_path, "requests", "transfers")
    beside = {"direct", "traefik-etcd with 1 route"}
    assert found == {"requests": OURS | beside, "transfers": OURS | {"direct"}}
    records = read_records(tmp_path)
    assert all(r.value == 0 for r in records if r.quantity == "failed")
    assert all(r.value > 0 for r in records if r.quantity in {"rate", "speed", "cpu"})


def test_changes_of_the_table(tmp_path) -> None:
    found = measure(tmp_path, "add-route", "many-at-once", "hub-start")
    assert found == {
        "add-route": OURS | {"traefik's floor"},
        "many-at-once": OURS,
        "hub-start": OURS,
    }
    records = read_records(tmp_path)
    assert all(r.value == 0 for r in records if r.quantity in {"not served", "writes"})


def test_sockets_are_two_at_most_at_every_hop(tmp_path) -> None:
    assert measure(tmp_path, "sockets") == {"sockets": OURS - {"traefik-file"}}
    found = {(r.case, r.peer, r.quantity): r.value for r in read_records(tmp_path)}
    for peer in OURS - {"traefik-file"}:

        def values(quantity: str, peer: str = peer) -> list[float]:
            return [found[f"20 open, {hop}", peer, quantity] for hop in HOPS]

        assert found[f"20 open, {ANY_HOP}", peer, "failed"] == 0
        assert values("sockets") == [1, 2, 2, 1]
        assert values("accepted") == [0, 20, 20, 20]
        # One destination is the web server's and the proxy's; each user has a server apart.
        assert values("busiest") == [5, 20, 1, 0]


def test_websockets_and_the_hub(tmp_path) -> None:
    found = measure(tmp_path, "websockets", "hub-latency", "reload")
    assert found["websockets"] == found["reload"] == OURS
    assert found["hub-latency"] == OURS - {"traefik-file"}
    records = read_records(tmp_path)
    assert all(r.value == 20 for r in records if r.quantity == "opened")
    assert all(r.value == 0 for r in records if r.quantity == "failed")


def test_what_serves_static_files(tmp_path) -> None:
    servers = {"nginx", "caddy", "a user's server"}
    assert measure(tmp_path, "static-files") == {"static-files": servers}
    records = read_records(tmp_path)
    assert all(r.value == 0 for r in records if r.quantity == "failed")
    assert all(r.value > 0 for r in records if r.quantity == "rate")
