"""A headless Chromium of Debian's package, unpacked in the checkout, driven by Playwright."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright
from tests.support.processes import TOOLS_BIN

_ROOT = TOOLS_BIN.parent / "chromium/root"
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{folder}/fonts</cachedir></fontconfig>
"""
_OPTIONS = (
    "--no-sandbox",  # as root there is none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.contextmanager
def browser(folder: Path, options: Sequence[str] = ()) -> Iterator[BrowserContext]:
    """A browser with a new profile below `folder`, for servers with certificates of tests."""
    fonts = folder / "fonts.conf"
    fonts.write_text(_FONTS.format(fonts=_ROOT / "usr/share/fonts", folder=folder))
    libraries = [path for name in ("", "/pulseaudio") for path in _libraries(name)]
    env: dict[str, str | float | bool] = {
        "LD_LIBRARY_PATH": ":".join(libraries),
        "FONTCONFIG_FILE": str(fonts),
        "HOME": str(folder),
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
    }
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=_ROOT / "usr/lib/chromium/chromium",
            headless=True,
            args=[*_OPTIONS, *options],
            env=env,
            ignore_https_errors=True,
            viewport={"width": 1100, "height": 760},
        )
        try:
            yield context
        finally:
            context.close()


def _libraries(below: str) -> list[str]:
    return [str(path) for path in _ROOT.glob(f"usr/lib/*-linux-gnu{below}")]
