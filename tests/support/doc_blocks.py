"""The blocks of shell commands in the documents, and what is remarked above them.

A remark says what a block needs or how it ends:

    <!-- not run here: REASON -->   or   <!-- exit: 1 -->
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import ROOT

PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")],
    key=lambda page: str(page),
)
CLUSTER = "needs a cluster"
"""The reason of blocks that tests/e2e/kubernetes runs."""
_BLOCK = re.compile(
    r"(?:^<!-- (?P<remark>[^>]+) -->\n+)?^```sh\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A block of shell commands in a page."""

    page: Path
    line: int
    text: str
    remark: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def elsewhere(self) -> str:
        """Why it is not run on a machine without anything else; empty if it is."""
        reason = self.remark.removeprefix("not run here: ")
        return reason if reason != self.remark else ""

    @property
    def exit_code(self) -> int:
        """How its last command ends."""
        code = self.remark.removeprefix("exit: ")
        return int(code) if code != self.remark else 0

    @property
    def commands(self) -> tuple[str, ...]:
        """Its commands, each on one line and without remarks."""
        return tuple(
            line.partition("  #")[0].strip()
            for line in self.text.replace("\\\n", " ").splitlines()
            if line.strip() and not line.startswith("#")
        )


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page, in their order."""
    text = page.read_text()
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match["text"], match["remark"] or "")
        for match in _BLOCK.finditer(text)
    ]


def all_blocks() -> list[Block]:
    """All blocks of all documents."""
    return [block for page in PAGES for block in blocks_of(page)]
