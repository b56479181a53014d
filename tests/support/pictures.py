"""Pictures of pages for the documentation. Each has within itself the words that are in it.

Two renderings are seldom the same bytes, so what is compared is the words: whoever changes a page
is told that its picture is out of step.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Locator, Page
from tests.support.processes import ROOT

IMAGES = ROOT / "docs/images"
WRITE = "WRITE_PICTURES"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = len(_SIGNATURE) + 25  # the chunk IHDR, which is first
_KEYWORD = b"Description\0\0\0\0\0"
LARGEST = 150_000


def keep_picture(page: Page, name: str, shown: Sequence[Locator], folder: Path) -> None:
    """`docs/images/NAME.png` is of this page, with the words that `shown` has now, or it fails.

    With WRITE_PICTURES in the environment the picture is made anew; without, it is in `folder`.
    """
    words = _words(shown)
    assert words, "nothing is shown"
    made = with_description(page.screenshot(animations="disabled", caret="hide"), words)
    kept = IMAGES / f"{name}.png"
    (kept if os.environ.get(WRITE) else folder / kept.name).write_bytes(made)
    assert len(made) < LARGEST, f"{kept.name} has {len(made)} bytes"
    assert kept.exists(), f"{kept} is not there; {WRITE}=1 makes it"
    was = description(kept.read_bytes())
    assert was == words, f"{kept} is of another page, {WRITE}=1 makes it anew: {was!r} != {words!r}"


def with_description(picture: bytes, words: str) -> bytes:
    """A PNG with a text in it."""
    body = b"iTXt" + _KEYWORD + words.encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return picture[:_HEADER_END] + chunk + picture[_HEADER_END:]


def description(picture: bytes) -> str:
    """The text in a PNG that `with_description` has made; empty for another one."""
    assert picture.startswith(_SIGNATURE)
    chunk = picture[_HEADER_END:]
    (length,) = struct.unpack(">I", chunk[:4])
    body = chunk[4 : length + 8]
    start = b"iTXt" + _KEYWORD
    return body.removeprefix(start).decode() if body.startswith(start) else ""


def _words(shown: Sequence[Locator]) -> str:
    """What is to be read there, without what differs each time: numbers and blanks."""
    texts = " ".join(one.inner_text() for one in shown)
    return " ".join(re.sub(r"\d+(\.\d+)?", "0", texts).split())
