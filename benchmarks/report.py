"""Writes the plots, and the figures in docs/explanation/performance.md, from the results.

.venv/bin/python -m benchmarks.report            write them
.venv/bin/python -m benchmarks.report --check    fail if the page does not say what the results say
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from tests.support.processes import ROOT

from benchmarks.machine import read_machine
from benchmarks.records import Record, read_records
from benchmarks.requirements import verdicts
from benchmarks.sections import SECTIONS
from benchmarks.tables import machine_table, verdict_table

RESULTS = ROOT / "benchmarks/results"
PAGE = ROOT / "docs/explanation/performance.md"
PLOTS = ROOT / "docs/images/performance"
_PART = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def filled(page: str, records: list[Record], machine: dict[str, str]) -> str:
    """The page with the figures between its marks; KeyError for a mark that nobody knows."""

    def part(mark: re.Match[str]) -> str:
        name = mark[2]
        if name == "machine":
            text = machine_table(machine) if machine else "Not measured yet.\n"
        elif name == "ratios":
            text = verdict_table(verdicts(records)) if records else "Not measured yet.\n"
        else:
            text = SECTIONS[name].text(records)
        return f"{mark[1]}\n{text.strip()}\n\n{mark[3]}"

    return _PART.sub(part, page)


def main() -> int:
    """0 when the page says what the results say, or has been written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    records = read_records(options.results)
    machine = options.results / "machine.json"
    before = PAGE.read_text()
    after = filled(before, records, read_machine(machine) if machine.exists() else {})
    if options.check:
        if before != after:
            print(f"{PAGE} is out of date; run: python -m benchmarks.report", file=sys.stderr)
        return int(before != after)
    # Only here: a check should not need matplotlib.
    from benchmarks.plots import draw_all

    PAGE.write_text(after)
    draw_all(records, PLOTS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
