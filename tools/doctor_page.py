"""Writes docs/reference/doctor.md from the doctor's table of checks; --check only compares.

.venv/bin/python tools/doctor_page.py [--check]
"""

from __future__ import annotations

import sys

import generated_page
from generated_page import ROOT

from proxy_gen.doctor.catalogue import CHECKS

PAGE = ROOT / "docs/reference/doctor.md"
INTRO = """\
<!-- Written by tools/doctor_page.py from generator/proxy_gen/doctor/catalogue.py; do not edit. -->

# What the doctor checks

The checks of `proxy-gen doctor`, in their order:
[how to ask a hub from outside](../how-to/doctor.md). The names are those of the report and of its
JSON. Where the last column is empty, the URL is enough. A check comes with a cure of its own where
what it found tells more than the cure below.

{table}
"""


def page() -> str:
    """The whole page."""
    lines = ["| check | question | cure, if the answer is no | needs |", "|---|---|---|---|"]
    for check in CHECKS:
        cells = (f"`{check.name}`", check.question, check.cure, check.needs)
        lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    return INTRO.format(table="\n".join(lines))


if __name__ == "__main__":
    sys.exit(generated_page.main(PAGE, page, __doc__))
