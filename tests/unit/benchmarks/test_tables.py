"""The page gets its figures from the records."""

from __future__ import annotations

import pytest
from benchmarks.names import SHAPES, user_paths
from benchmarks.records import Record
from benchmarks.report import PAGE, filled
from benchmarks.sections import SECTIONS
from benchmarks.summary import Summary
from benchmarks.tables import cell, number, quantity_table


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,346"), (999.6, "1,000"), (12.34, "12.3"), (0.01234, "0.0123")]
)
def test_numbers(value, text) -> None:
    assert number(value) == text


def test_a_cell_has_the_spread() -> None:
    assert cell(Summary(2, 1, 3, 5)) == "2 (1 to 3)"
    assert cell(Summary(2, 2, 2, 1)) == "2"
    assert cell(None) == "-"


def test_a_table_has_cases_and_peers() -> None:
    records = [
        Record("add-route", "1", "chp", 1, "time", "s", 0.002),
        Record("add-route", "1000", "chp", 1, "time", "s", 0.003),
        Record("add-route", "1000", "in-process", 1, "time", "s", 0.001),
    ]
    lines = quantity_table(records, "add-route", "time").splitlines()
    assert lines[0] == "|  | chp | in-process |"
    assert lines[2:] == ["| 1 | 0.002 | - |", "| 1000 | 0.003 | 0.001 |"]


def test_every_part_of_the_page_is_known() -> None:
    page = PAGE.read_text()
    assert filled(page, [], {}).count("Not measured yet.") == len(SECTIONS) + 2
    assert all(f"<!-- figures: {name} -->" in page for name in SECTIONS)


def test_filling_twice_changes_nothing() -> None:
    once = filled(PAGE.read_text(), [], {})
    assert filled(once, [], {}) == once


@pytest.mark.parametrize("shape", SHAPES)
def test_names_are_different(shape) -> None:
    paths = user_paths(shape, range(10_000))
    assert len(set(paths)) == 10_000
    assert all(path.startswith("/user/") and path.endswith("/") for path in paths)
