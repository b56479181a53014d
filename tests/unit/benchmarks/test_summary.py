"""Medians and ratios."""

from __future__ import annotations

from benchmarks.records import Record
from benchmarks.summary import Series, Summary, cases_of, peers_of, ratio, summary


def rounds(peer: str, *values: float, case: str = "1", first: int = 1) -> list[Record]:
    return [
        Record("requests", case, peer, number, "rate", "1/s", value)
        for number, value in enumerate(values, first)
    ]


def series(peer: str, case: str = "1") -> Series:
    return Series("requests", case, peer, "rate")


def test_median_and_spread() -> None:
    assert summary(rounds("a", 3, 1, 8), series("a")) == Summary(3, 1, 8, 3)


def test_what_was_not_measured_has_no_summary() -> None:
    assert summary(rounds("a", 1), series("b")) is None


def test_a_ratio_is_of_the_same_round() -> None:
    # The machine halves its speed after the first round; the ratio stays.
    records = rounds("a", 20, 10, 10) + rounds("b", 10, 5, 5)
    assert ratio(records, series("a"), series("b")) == Summary(2, 2, 2, 3)


def test_a_round_without_its_peer_does_not_count() -> None:
    records = rounds("a", 20, 30) + rounds("b", 10)
    assert ratio(records, series("a"), series("b")) == Summary(2, 2, 2, 1)


def test_nothing_is_divided_by_zero() -> None:
    assert ratio(rounds("a", 1) + rounds("b", 0), series("a"), series("b")) is None


def test_cases_and_peers_keep_their_order() -> None:
    records = rounds("b", 1, case="10") + rounds("a", 1, case="2") + rounds("b", 1, case="2")
    assert cases_of(records, "requests") == ["10", "2"]
    assert peers_of(records, "requests") == ["b", "a"]
