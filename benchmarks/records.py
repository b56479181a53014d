"""What was measured: rows of one shape for every measure, and their CSV files."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """One value of one round.

    `case` is what the peers were compared at (for example "1000 student"), `quantity` what was
    measured, and `unit` its unit; an empty unit is a count.
    """

    measure: str
    case: str
    peer: str
    round: int
    quantity: str
    unit: str
    value: float


def write_records(file: Path, records: Iterable[Record]) -> None:
    """Write a CSV file, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".new")
    with unfinished.open("w", newline="") as out:
        writer = csv.DictWriter(out, [field.name for field in fields(Record)], lineterminator="\n")
        writer.writeheader()
        for record in records:
            writer.writerow(asdict(record) | {"value": f"{record.value:.6g}"})
    os.replace(unfinished, file)


def read_records(folder: Path) -> list[Record]:
    """All records of a folder's CSV files, by file name; ValueError names a bad file."""
    found = []
    for file in sorted(folder.glob("*.csv")):
        with file.open(newline="") as text:
            for row in csv.DictReader(text):
                try:
                    number, value = int(row.pop("round")), float(row.pop("value"))
                    found.append(Record(**row, round=number, value=value))
                except (KeyError, TypeError, ValueError) as error:
                    raise ValueError(f"{file}: {row} is no record: {error}") from error
    return found
