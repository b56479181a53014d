"""What the documents say is done: their commands run, their links lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.doc_blocks import PAGES, Block, all_blocks
from tests.support.processes import ROOT, TOOLS_BIN, VENV_BIN

# These run elsewhere: `make test` is this test run, and tests/e2e does what `make run` does.
ELSEWHERE = re.compile(
    r"^(make (run|test|lint|setup|e2e)\b|pkill |(\.venv/bin/)?pytest |helm upgrade "
    r"|\.venv/bin/python tests/e2e/)"
)
HERE = [block for block in all_blocks() if not block.elsewhere]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like a clone's root, with the files that the documents assume."""
    for name in ("chart", "values-examples", ".venv", ".tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "values-examples/minimal.yaml", tmp_path / "old.yaml")
    shutil.copy(ROOT / "values-examples/production.yaml", tmp_path / "values.yaml")
    return tmp_path


@pytest.mark.parametrize("block", HERE, ids=str)
def test_a_block_of_commands_runs(block: Block, folder: Path) -> None:
    path = f"{VENV_BIN}:{TOOLS_BIN}:/usr/bin:/bin"
    if "secrets.yaml" in " ".join(block.commands):
        subprocess.run(
            [VENV_BIN / "proxy-gen", "secrets", "secrets.yaml"], cwd=folder, check=True,
            capture_output=True,
        )  # fmt: skip
    for command in block.commands:
        if ELSEWHERE.match(command):
            continue
        done = subprocess.run(
            ["sh", "-c", command], cwd=folder, env={"PATH": path, "HOME": str(folder)},
            capture_output=True, text=True, check=False, timeout=110, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        # As of diff itself: 1 tells that there is a difference.
        expected = {block.exit_code} | ({1} if command.startswith("proxy-gen diff") else set())
        assert done.returncode in expected, f"{command}\n{done.stdout[-2000:]}{done.stderr}"


def test_there_are_commands_to_run() -> None:
    commands = [command for block in HERE for command in block.commands]
    assert sum(not ELSEWHERE.match(command) for command in commands) >= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    dead = [
        target for target in targets if "://" not in target and not (page.parent / target).exists()
    ]
    assert not dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:chart|generator|tests|tools|benchmarks|values-examples|docs)/[\w./-]+)`",
        page.read_text(),
    )
    missing = [name for name in named if not (ROOT / name).exists()]
    assert not missing
