"""What the figures must show is found missed when it is."""

from __future__ import annotations

import pytest
from benchmarks.records import Record
from benchmarks.requirements import ANY_HOP, verdicts


def one(measure: str, case: str, peer: str, quantity: str, value: float) -> Record:
    return Record(measure, case, peer, 1, quantity, "", value)


def rates(case: str, **values: float) -> list[Record]:
    return [
        one("requests", case, peer.replace("_", "-"), "rate", value)
        for peer, value in values.items()
    ]


def outcome(records: list[Record]) -> dict[str, bool]:
    return {verdict.requirement.says: verdict.ok for verdict in verdicts(records)}


def test_the_requests_of_the_table() -> None:
    records = rates("1 hash", chp=100, in_process=31, traefik_etcd=400)
    records += rates("10000 hash", chp=100, in_process=29, traefik_etcd=199)
    records.append(one("requests", "10000 hash", "traefik-etcd with 1 route", "rate", 400))
    assert outcome(records) == {
        "requests/s at 1 hash routes: traefik-etcd / chp": True,
        "requests/s at 10000 hash routes: traefik-etcd / chp": False,
        "requests/s of traefik-etcd, hash: 10000 routes / 1 route": False,
        "requests/s at 1 hash routes: in-process / chp": True,
        "requests/s at 10000 hash routes: in-process / chp": False,
    }


@pytest.mark.parametrize(
    ("measure", "case", "quantity", "peer", "beside", "good", "bad"),
    [
        ("add-route", "1000", "time", "traefik-etcd", "traefik's floor", 1.29, 1.31),
        ("many-at-once", "300", "time", "traefik-etcd", "jupyterhub-traefik-proxy", 0.12, 0.13),
        ("transfers", "down", "speed", "traefik-etcd", "chp", 1.01, 0.99),
        ("transfers", "up", "speed", "traefik-file", "chp", 1.01, 0.99),
    ],
)
def test_a_ratio(measure, case, quantity, peer, beside, good, bad) -> None:
    peer_of_one = one(measure, case, beside, quantity, 1)
    for value, expected in ((good, True), (bad, False)):
        found = outcome([one(measure, case, peer, quantity, value), peer_of_one])
        assert list(found.values()) == [expected]


@pytest.mark.parametrize(
    ("measure", "quantity", "good", "bad"),
    [("hub-start", "writes", 0, 1), ("websockets", "descriptors", 2.001, 2.1)],
)
def test_a_value(measure, quantity, good, bad) -> None:
    for value, expected in ((good, True), (bad, False)):
        found = outcome([one(measure, "1000", "traefik-etcd", quantity, value)])
        assert list(found.values()) == [expected]


def test_the_hop_with_most_sockets_is_what_counts() -> None:
    def seen(hop: str, value: float) -> list[Record]:
        quantities = ("sockets", "descriptors")
        return [one("sockets", f"100 open, {hop}", "chp", name, value) for name in quantities]

    says = {
        "TCP sockets per websocket, 100 open, any hop: chp",
        "file descriptors per websocket, 100 open, any hop: chp",
    }
    assert outcome(seen("proxy", 3) + seen(ANY_HOP, 2)) == dict.fromkeys(says, True)
    assert outcome(seen("proxy", 2) + seen(ANY_HOP, 2.01)) == dict.fromkeys(says, False)


def test_a_missed_one_is_told() -> None:
    (verdict, *_) = verdicts(rates("1 hash", chp=100, traefik_etcd=150))
    assert verdict.row()[1:] == ("≥ 2", "1.5 (1.5 to 1.5)", "NO")
