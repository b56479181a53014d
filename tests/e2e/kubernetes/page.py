"""Writes docs/explanation/nothing-lost.md and its plots from the committed results.

.venv/bin/python -m tests.e2e.kubernetes.page            write them
.venv/bin/python -m tests.e2e.kubernetes.page --check    fail if the page does not say what they say
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.tables import markdown
from tests.e2e.cluster.settings import ROOT

from . import report
from .measure import Measured, Row
from .usage import Usage

RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs/explanation/nothing-lost.md"
PLOTS = ROOT / "docs/images/nothing-lost"
_PLOTS_TEXT = """### Over time

![Requests, failures and latency during a helm upgrade](../images/nothing-lost/upgrade.svg)

[All of them](../images/nothing-lost/all-faults.svg).
"""
_BEGIN, _END = "<!-- figures -->\n", "<!-- end -->\n"
_COLUMNS = {
    "seconds": "seconds",
    "requests": "requests and messages",
    "failed": "failed",
    "retries_failed": "retries failed",
    "last_failure": "last failure after, s",
    "late": "later than 2 s",
    "slowest": "slowest, s",
    "closed": "websockets and streams closed",
    "logins": "logins",
    "logins_failed": "logins failed",
    "login_median": "time to a live route: median, s",
    "login_slowest": "slowest, s",
    "rewritten": "routes rewritten",
}


def filled(page: str, measured: Sequence[Measured], usages: Sequence[Usage] = ()) -> str:
    """The page with a table for each proxy, and what they take, between its marks."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    rows = [one.row for one in measured]
    parts = []
    for proxy in dict.fromkeys(row.proxy for row in rows):
        mine = [row for row in rows if row.proxy == proxy]
        parts.append(f"### {proxy}\n\n{_table(mine)}")
    if measured:
        parts.append(_PLOTS_TEXT)
    if usages:
        parts.append(f"### Memory and CPU\n\n{_usage_table(usages)}")
    text = "\n".join(parts) or "Not measured yet.\n"
    return f"{before}{_BEGIN}\n{text}\n{_END}{after}"


def _table(rows: Iterable[Row]) -> str:
    head = ["fault or change", "allowed", *_COLUMNS.values()]
    lines = []
    for row in rows:
        values = [getattr(row, name) for name in _COLUMNS]
        shown = ["" if value is None else f"{value:,}" for value in values]
        lines.append([row.fault, row.allowed, *shown])
    return markdown(head, lines, names=2)


def _usage_table(usages: Iterable[Usage]) -> str:
    head = ["proxy", "", "part", "pods", "memory, MiB", "thousandths of a processor"]
    lines = []
    for usage in usages:
        figures = (usage.pods, usage.memory_mib, usage.millicores)
        lines.append([usage.proxy, usage.state, usage.component, *(f"{n:,}" for n in figures)])
    return markdown(head, lines, names=3)


def main() -> int:
    """0 when the page says what the results say, or has been written."""
    measured = report.read(RESULTS) if (RESULTS / "lost.csv").exists() else []
    usages = report.read_usage(RESULTS) if (RESULTS / "usage.csv").exists() else []
    before = PAGE.read_text()
    after = filled(before, measured, usages)
    if "--check" in sys.argv[1:]:
        if before != after:
            print(f"{PAGE.relative_to(ROOT)} is out of step; run: make generate", file=sys.stderr)
        return int(before != after)
    PAGE.write_text(after)
    if measured:
        PLOTS.mkdir(parents=True, exist_ok=True)
        report.draw(measured, PLOTS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
