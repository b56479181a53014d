"""Markdown tables of medians, straight from the records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.records import Record
from benchmarks.requirements import Verdict
from benchmarks.summary import Series, Summary, cases_of, peers_of, summary


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]], names: int = 1) -> str:
    """A table; its first columns hold names, the others figures."""
    rules = ["---"] * names + ["---:"] * (len(head) - names)
    lines = [head, rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def number(value: float) -> str:
    """With as many digits as mean something: three, and all before the point."""
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def cell(found: Summary | None) -> str:
    """The median with lowest and highest; a dash for what was not measured."""
    if found is None:
        return "-"
    if found.low == found.high:
        return number(found.median)
    return f"{number(found.median)} ({number(found.low)} to {number(found.high)})"


def quantity_table(records: Sequence[Record], measure: str, quantity: str) -> str:
    """A row for each case, a column for each peer that has this quantity."""
    peers = [
        peer
        for peer in peers_of(records, measure)
        if any((r.measure, r.peer, r.quantity) == (measure, peer, quantity) for r in records)
    ]
    rows = [
        [case, *(cell(summary(records, Series(measure, case, peer, quantity))) for peer in peers)]
        for case in cases_of(records, measure)
    ]
    rows = [row for row in rows if set(row[1:]) != {"-"}]
    return markdown(["", *peers], rows)


def verdict_table(verdicts: Iterable[Verdict]) -> str:
    """What must be shown, and what was seen."""
    return markdown(["what", "must show", "seen", "ok"], [verdict.row() for verdict in verdicts])


def machine_table(machine: dict[str, str]) -> str:
    """The machine and the versions."""
    return markdown(["", "what the figures belong to"], machine.items())
