"""The suite as an author of another proxy uses it: the documented class and command."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.processes import ROOT, TOOLS_BIN, VENV_BIN

PACKAGE = Path(__file__).parent / "jupyterhub_ha_conformance"
GUIDE = (ROOT / "docs/how-to/conformance.md").read_text()


def run(folder: Path, system: str, *options: str) -> subprocess.CompletedProcess[str]:
    """The suite in a folder of its own, without this project's configuration of pytest."""
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    (folder / "mysystem.py").write_text(example)
    (folder / "pytest.ini").write_text("[pytest]\n")
    # As installed: with nothing of this project around it.
    shutil.copytree(PACKAGE, folder / "site" / PACKAGE.name)
    command = [sys.executable, "-m", "pytest", "--pyargs", "jupyterhub_ha_conformance"]
    path = os.pathsep.join([str(TOOLS_BIN), str(VENV_BIN), os.environ["PATH"]])
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", f"--proxy-system={system}", *options],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": f"{folder}{os.pathsep}{folder / 'site'}"},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_the_documented_system_runs(tmp_path: Path) -> None:
    some = "test_a_route_is_added or trailers_of_a_response or test_routes_by_host"
    done = run(tmp_path, "mysystem:MySystem", "--feature-table", "-k", some)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    assert "1 xfailed" in done.stdout
    assert re.search(r"^Trailers of a response arrive +no \[1\]", done.stdout, re.MULTILINE)
    assert "[1] http-proxy drops trailers" in done.stdout


@pytest.mark.parametrize("system", ["mysystem:Nobody", "nowhere:MySystem", "mysystem"])
def test_a_system_that_is_not_there_is_named(tmp_path: Path, system: str) -> None:
    done = run(tmp_path, system, "--collect-only")
    assert done.returncode != 0
    assert f"--proxy-system {system}" in done.stdout + done.stderr


def test_a_deviation_of_no_test_is_named(tmp_path: Path) -> None:
    declared = 'class Other(MySystem):\n    deviations = {"test_x": "y"}\n'
    (tmp_path / "other.py").write_text(f"from mysystem import MySystem\n\n\n{declared}")
    page = tmp_path / "page.md"
    done = run(tmp_path, "other:Other", "--collect-only", f"--feature-page={page}")
    assert done.returncode != 0
    assert "Other: test_x" in done.stdout + done.stderr
    assert not page.exists()
