"""Medians with their spread, and ratios of peers within the rounds of one run."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.records import Record


@dataclass(frozen=True, slots=True)
class Summary:
    """The median of several rounds, the lowest and the highest of them."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary:
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True, slots=True)
class Series:
    """Which values belong together: all rounds of one quantity of one peer in one case."""

    measure: str
    case: str
    peer: str
    quantity: str


def rounds_of(records: Iterable[Record], series: Series) -> dict[int, float]:
    """Round to value; empty when this was not measured."""
    return {
        record.round: record.value
        for record in records
        if Series(record.measure, record.case, record.peer, record.quantity) == series
    }


def summary(records: Iterable[Record], series: Series) -> Summary | None:
    """None when this was not measured."""
    values = rounds_of(records, series)
    return Summary.of(list(values.values())) if values else None


def ratio(records: Sequence[Record], over: Series, under: Series) -> Summary | None:
    """Of two series, round by round; None when no round has both.

    The peers of one round were measured right after each other, so a drift of the machine is in
    both.
    """
    above, below = rounds_of(records, over), rounds_of(records, under)
    values = [above[n] / below[n] for n in sorted(above) if below.get(n)]
    return Summary.of(values) if values else None


def cases_of(records: Iterable[Record], measure: str) -> list[str]:
    """The cases of a measure, in the order in which they were measured."""
    return list(dict.fromkeys(r.case for r in records if r.measure == measure))


def peers_of(records: Iterable[Record], measure: str) -> list[str]:
    """The peers of a measure, in the order in which they were measured."""
    return list(dict.fromkeys(r.peer for r in records if r.measure == measure))
