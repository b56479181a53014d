"""What the documents say is done: their commands run, their links lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.processes import ROOT, TOOLS_BIN, VENV_BIN

PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")],
    key=lambda page: str(page),
)
# A remark above a block says what the block needs or how it ends:
#   <!-- not run here: REASON -->   or   <!-- exit: 1 -->
BLOCK = re.compile(
    r"(?:^<!-- (?P<remark>[^>]+) -->\n+)?^```sh\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
# These run elsewhere: `make test` is this test run, and tests/e2e does what `make run` does.
ELSEWHERE = re.compile(
    r"^(make (run|test|lint|setup|e2e)\b|pkill |pytest |helm upgrade |\.venv/bin/python tests/e2e/)"
)


@dataclass(frozen=True)
class Block:
    """A block of shell commands in a page."""

    page: Path
    line: int
    commands: tuple[str, ...]
    exit_code: int

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks() -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in BLOCK.finditer(text):
            remark = match["remark"] or ""
            if remark.startswith("not run here: "):
                continue
            commands = tuple(
                line.partition("  #")[0].strip()
                for line in match["text"].replace("\\\n", " ").splitlines()
                if line.strip() and not line.startswith("#")
            )
            code = int(remark.removeprefix("exit: ")) if remark.startswith("exit: ") else 0
            found.append(Block(page, text.count("\n", 0, match.start()) + 1, commands, code))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like a clone's root, with the files that the documents assume."""
    for name in ("chart", "values-examples", ".venv", ".tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "values-examples/minimal.yaml", tmp_path / "old.yaml")
    shutil.copy(ROOT / "values-examples/production.yaml", tmp_path / "values.yaml")
    return tmp_path


@pytest.mark.parametrize("block", blocks(), ids=str)
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
    commands = [command for block in blocks() for command in block.commands]
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
