"""What the figures must show: ratios that are reached or missed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.records import Record
from benchmarks.summary import Series, Summary, ratio, summary

OURS = "traefik-etcd"
ONE_ROUTE = f"{OURS} with 1 route"
"""Another one of ours, measured in turns with the one that has thousands of routes."""
WEBSOCKET_PEERS = ("traefik-etcd", "traefik-file", "in-process")
SOCKET_PEERS = ("chp", "in-process", "traefik-etcd")
CLIENT, WEB_SERVER, PROXY, SERVER = HOPS = ("client", "web server", "proxy", "user's server")
"""Of a websocket, in the order in which it passes them."""
ANY_HOP = "any hop"
"""Stands for the one that takes most."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A bound for a ratio of two series, or for a value if there is nothing to divide by."""

    says: str
    over: Series
    under: Series | None
    bound: float
    at_least: bool

    def seen(self, records: Sequence[Record]) -> Summary | None:
        """What was measured; None when it was not."""
        if self.under is None:
            return summary(records, self.over)
        return ratio(records, self.over, self.under)

    def met(self, seen: Summary) -> bool:
        """Whether the median keeps to the bound."""
        return seen.median >= self.bound if self.at_least else seen.median <= self.bound


@dataclass(frozen=True, slots=True)
class Verdict:
    """A requirement beside what was seen."""

    requirement: Requirement
    seen: Summary

    @property
    def ok(self) -> bool:
        """Whether it was met."""
        return self.requirement.met(self.seen)

    def row(self) -> tuple[str, str, str, str]:
        """What, must show, seen, ok."""
        sign = "≥" if self.requirement.at_least else "≤"
        return (
            self.requirement.says,
            f"{sign} {self.requirement.bound:g}",
            f"{self.seen.median:.3g} ({self.seen.low:.3g} to {self.seen.high:.3g})",
            "yes" if self.ok else "NO",
        )


def verdicts(records: Sequence[Record]) -> list[Verdict]:
    """Of all requirements for which there are figures."""
    found = []
    for requirement in requirements(records):
        seen = requirement.seen(records)
        if seen is not None:
            found.append(Verdict(requirement, seen))
    return found


def requirements(records: Sequence[Record]) -> list[Requirement]:
    """Every requirement, for each of the cases that were measured."""
    cases: dict[str, list[str]] = {}
    for record in records:
        names = cases.setdefault(record.measure, [])
        if record.case not in names:
            names.append(record.case)
    return [
        *_requests(cases.get("requests", [])),
        *_growth(records),
        *_changes(cases),
        *_hub_start(cases.get("hub-start", [])),
        *_websockets(cases.get("websockets", [])),
        *_sockets(cases.get("sockets", [])),
        *_transfers(cases.get("transfers", [])),
    ]


def _requests(cases: list[str]) -> Iterable[Requirement]:
    def series(case: str, peer: str) -> Series:
        return Series("requests", case, peer, "rate")

    for case in cases:
        says = f"requests/s at {case} routes: {OURS} / chp"
        yield Requirement(says, series(case, OURS), series(case, "chp"), 2, True)
    for case in cases:
        says = f"requests/s at {case} routes: in-process / chp"
        yield Requirement(says, series(case, "in-process"), series(case, "chp"), 0.3, True)


def _growth(records: Sequence[Record]) -> Iterable[Requirement]:
    """Of 10,000 routes beside one. Results from before ONE_ROUTE was measured in turns with the
    others have the figure of the case with one route, from another time of the same run."""
    rates = {(r.case, r.peer) for r in records if r.measure == "requests"}
    for shape in sorted({case.partition(" ")[2] for case, _ in rates}):
        case = f"10000 {shape}"
        beside = (case, ONE_ROUTE) if (case, ONE_ROUTE) in rates else (f"1 {shape}", OURS)
        if (case, OURS) in rates and beside in rates:
            over, under = (Series("requests", *key, "rate") for key in ((case, OURS), beside))
            says = f"requests/s of {OURS}, {shape}: 10000 routes / 1 route"
            yield Requirement(says, over, under, 0.6, True)


def _changes(cases: dict[str, list[str]]) -> Iterable[Requirement]:
    for case in cases.get("add-route", []):
        over, floor = (
            Series("add-route", case, peer, "time") for peer in (OURS, "traefik's floor")
        )
        yield Requirement(
            f"one route live on 3 replicas, {case} present: {OURS} / Traefik's floor",
            over,
            floor,
            1.3,
            False,
        )
    for case in cases.get("many-at-once", []):
        ours, theirs = (
            Series("many-at-once", case, peer, "time")
            for peer in (OURS, "jupyterhub-traefik-proxy")
        )
        yield Requirement(
            f"{case}: {OURS} (3 replicas) / jupyterhub-traefik-proxy (1 replica)",
            ours,
            theirs,
            0.125,
            False,
        )


def _hub_start(cases: list[str]) -> Iterable[Requirement]:
    for case in cases:
        for peer in (OURS, "traefik-file"):
            says = f"writes at a hub's start, {case} routes present: {peer}"
            yield Requirement(says, Series("hub-start", case, peer, "writes"), None, 0, False)


def _websockets(cases: list[str]) -> Iterable[Requirement]:
    for case in cases:
        for peer in WEBSOCKET_PEERS:
            says = f"file descriptors per websocket, {case}: {peer}"
            each = Series("websockets", case, peer, "descriptors")
            yield Requirement(says, each, None, 2.01, False)


def _sockets(cases: list[str]) -> Iterable[Requirement]:
    for case in cases:
        for peer in SOCKET_PEERS if case.endswith(ANY_HOP) else ():
            for quantity, name in (("sockets", "TCP sockets"), ("descriptors", "file descriptors")):
                says = f"{name} per websocket, {case}: {peer}"
                yield Requirement(says, Series("sockets", case, peer, quantity), None, 2, False)


def _transfers(cases: list[str]) -> Iterable[Requirement]:
    for case in cases:
        for peer in (OURS, "traefik-file"):
            over, under = (Series("transfers", case, p, "speed") for p in (peer, "chp"))
            says = f"large transfers {case}, MiB/s: {peer} / chp"
            yield Requirement(says, over, under, 1, True)
