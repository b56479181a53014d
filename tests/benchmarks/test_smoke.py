"""The benchmarks' own code runs, with sizes that take seconds; nothing is said about speed."""

from __future__ import annotations

from benchmarks.__main__ import main
from benchmarks.records import read_records

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


def test_websockets_and_the_hub(tmp_path) -> None:
    found = measure(tmp_path, "websockets", "hub-latency", "reload")
    assert found["websockets"] == found["reload"] == OURS
    assert found["hub-latency"] == OURS - {"traefik-file"}
    records = read_records(tmp_path)
    assert all(r.value == 20 for r in records if r.quantity == "opened")
    assert all(r.value == 0 for r in records if r.quantity == "failed")
