"""Writes the figures of docs/explanation/nothing-lost.md, with plots, and of tmpnb.md there.

.venv/bin/python -m tests.e2e.kubernetes.page            write them
.venv/bin/python -m tests.e2e.kubernetes.page --check    fail if a page is out of step
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.tables import markdown
from tests.e2e.cluster.settings import ROOT

from . import report, visits
from .measure import Measured, Row
from .usage import Usage

RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs/explanation/nothing-lost.md"
VISITS_PAGE = ROOT / "docs/explanation/tmpnb.md"
PLOTS = ROOT / "docs/images/nothing-lost"
_PLOTS_TEXT = """### Over time

![Requests, failures and latency during a helm upgrade](../images/nothing-lost/upgrade.svg)

[All of them](../images/nothing-lost/all-faults.svg).
"""
_BEGIN, _END = "<!-- figures -->\n", "<!-- end -->\n"
_NOTHING = "Not measured yet.\n"
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
    rows = [one.row for one in measured]
    parts = []
    for proxy in dict.fromkeys(row.proxy for row in rows):
        mine = [row for row in rows if row.proxy == proxy]
        parts.append(f"### {proxy}\n\n{_table(mine)}")
    if measured:
        parts.append(_PLOTS_TEXT)
    if usages:
        parts.append(f"### Memory and CPU\n\n{_usage_table(usages)}")
    return _between_marks(page, "\n".join(parts))


def with_visits(page: str, waits: Sequence[visits.Wait]) -> str:
    """The page with the table of how long visitors waited between its marks."""
    head = [
        "chart",
        "the server",
        "visitors",
        "half of them within, s",
        "99 % within, s",
        "last, s",
    ]
    lines = [
        [w.chart, w.server, str(w.visitors), f"{w.p50:.2f}", f"{w.p99:.2f}", f"{w.slowest:.2f}"]
        for w in waits
    ]
    return _between_marks(page, markdown(head, lines, names=2) if lines else "")


def _between_marks(page: str, text: str) -> str:
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{text or _NOTHING}\n{_END}{after}"


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
    """0 when the pages say what the results say, or have been written."""
    measured = report.read(RESULTS) if (RESULTS / "lost.csv").exists() else []
    usages = report.read_usage(RESULTS) if (RESULTS / "usage.csv").exists() else []
    texts = {
        PAGE: filled(PAGE.read_text(), measured, usages),
        VISITS_PAGE: with_visits(VISITS_PAGE.read_text(), visits.read(RESULTS)),
    }
    changed = {page: text for page, text in texts.items() if page.read_text() != text}
    if "--check" in sys.argv[1:]:
        for page in changed:
            print(f"{page.relative_to(ROOT)} is out of step; run: make generate", file=sys.stderr)
        return int(bool(changed))
    for page, text in changed.items():
        page.write_text(text)
    if measured:
        PLOTS.mkdir(parents=True, exist_ok=True)
        report.draw(measured, PLOTS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
