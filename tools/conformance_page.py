#!/usr/bin/env python3
"""Writes docs/reference/conformance.md from the suite's tests and the declared deviations.

Nothing is started: the suite holds the proxies to what they declare. `--check` only compares.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import generated_page
from generated_page import ROOT

PAGE = ROOT / "docs/reference/conformance.md"
SUITE = "tests/conformance/jupyterhub_ha_conformance"
HEAD = """# Proxies by features

What each proxy of JupyterHub does, one line for each test of the
[conformance suite](../how-to/conformance.md). Every *no* has its reason below; it is a strict
expected failure of the suite, so that neither a *yes* nor a *no* can go out of date unnoticed. *-*
means that there is nothing to test.

configurable-http-proxy (`chp`) is the reference: what arrives at a server is compared with what it
delivers.

<!-- Generated from the tests and tests/support/deviations.py: make generate -->

"""


def table() -> str:
    """The page's tables, as pytest collects the tests."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "features.md"
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", SUITE]
        done = subprocess.run(
            [*command, f"--feature-page={file}"], cwd=ROOT, capture_output=True, text=True
        )
        if done.returncode:
            # The list of tests, on top, tells nothing.
            lines = [line for line in done.stdout.splitlines() if not line.startswith(SUITE)]
            raise SystemExit("\n".join(["the suite cannot be collected:", *lines, done.stderr]))
        return file.read_text()


def page() -> str:
    """The whole page."""
    return HEAD + table()


if __name__ == "__main__":
    sys.exit(generated_page.main(PAGE, page, __doc__))
