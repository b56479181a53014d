"""Results survive being written and read."""

from __future__ import annotations

import pytest
from benchmarks.records import Record, read_records, write_records


def record(**changes) -> Record:
    return Record(
        **{
            "measure": "requests",
            "case": "1 student",
            "peer": "chp",
            "round": 1,
            "quantity": "rate",
            "unit": "1/s",
            "value": 8123.0,
            **changes,
        }
    )


def test_what_is_written_is_read(tmp_path) -> None:
    records = [record(), record(peer="a, b", unit="s per 10,000 requests", value=0.25)]
    write_records(tmp_path / "requests.csv", records)
    write_records(tmp_path / "other.csv", [record(measure="other")])
    assert read_records(tmp_path) == [record(measure="other"), *records]


def test_values_have_six_digits(tmp_path) -> None:
    write_records(tmp_path / "a.csv", [record(value=1 / 3)])
    assert "0.333333\n" in (tmp_path / "a.csv").read_text()


def test_a_bad_file_is_named(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("round,proxy\n1,chp\n")
    with pytest.raises(ValueError, match=r"a\.csv"):
        read_records(tmp_path)


def test_no_results_are_no_records(tmp_path) -> None:
    assert read_records(tmp_path / "nothing") == []
