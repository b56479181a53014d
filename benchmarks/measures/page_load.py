"""What a page of JupyterLab costs a visitor's server, with static files from nginx and without.

A real Chromium without a cache opens a server of the pool behind `traefik-etcd`; all servers have
started before, so that nothing else goes on.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page
from tests.support.browser import browser
from tests.support.tmpnb import TmpnbHub, hub_behind
from tests.support.tmpnb_static import StaticFiles, lead

from benchmarks.bench import Bench, Size
from benchmarks.usage import Usage, usage_of

WITH = "static files from nginx"
WITHOUT = "all from the server"
CASE = "JupyterLab, empty cache"
ROUNDS: dict[Size, int] = {"full": 9, "quick": 5, "smoke": 1}


async def run(bench: Bench) -> None:
    """The two in turns, each round in a new browser and a server that nobody has used."""
    rounds = ROUNDS[bench.size]
    bench.progress.expect(rounds)
    folders = {name: bench.folder / name.replace(" ", "-") for name in (WITHOUT, WITH)}
    values = {
        "pool": {"size": rounds, "concurrency": 2},
        "limits": {"servers": rounds, "perAddressPerMinute": 0},
    }
    with ExitStack() as stack:
        static = StaticFiles(folders[WITH] / "nginx")
        stack.callback(static.kill)
        static.start()
        folders[WITHOUT].mkdir()
        without = hub_behind("traefik-etcd", folders[WITHOUT], values)
        prepared = hub_behind(
            "traefik-etcd", folders[WITH], values, prepare=lambda system: lead(system, static)
        )
        hubs = {WITHOUT: stack.enter_context(without), WITH: stack.enter_context(prepared)}
        for hub in hubs.values():
            await hub.until(600, ready=rounds)
        for number in range(1, rounds + 1):
            bench.progress.step(f"round {number}")
            for name, hub in hubs.items():
                with bench.tolerating(f"round {number}, {name}"):
                    folder = folders[name] / f"browser-{number}"
                    folder.mkdir()
                    found = await asyncio.to_thread(_open, hub, folder)
                    bench.record(CASE, name, number, **found)


@dataclass
class _Watch:
    """What a server uses while a page loads."""

    pid: int
    before: Usage = field(init=False)
    most: int = 0
    done: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.before = usage_of([self.pid])

    def look(self) -> None:
        """Until it is done, see how many descriptors there are at once."""
        while not self.done.wait(0.02):
            self.most = max(self.most, usage_of([self.pid]).descriptors)


def _open(hub: TmpnbHub, folder: Path) -> dict[str, float]:
    """Claim a server with its first page, then load JupyterLab and watch both ends."""
    with browser(folder) as context:
        page = context.new_page()
        # Claimed and logged in, by a page that loads nothing.
        page.goto(f"{hub.url}hub/open/api/status", timeout=120_000)
        found = re.match(r"https?://[^/]+/user/([^/]+)/", page.url)
        if not found:
            raise RuntimeError(f"no server: {page.url}")
        return _load(page, f"{found[0]}lab", _Watch(_server(hub, found[1])))


def _load(page: Page, url: str, watch: _Watch) -> dict[str, float]:
    sizes: list[float] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")

    def finished(event: dict[str, Any]) -> None:
        sizes.append(event["encodedDataLength"])

    session.on("Network.loadingFinished", finished)
    thread = threading.Thread(target=watch.look)
    thread.start()
    began = time.perf_counter()
    try:
        page.goto(url, timeout=120_000)
        page.wait_for_selector(".jp-Launcher", timeout=120_000)
        took = time.perf_counter() - began
    finally:
        watch.done.set()
        thread.join()
    after = usage_of([watch.pid])
    return {
        "time": took,
        "requests": len(sizes),
        "received": sum(sizes) / 2**20,
        "server_CPU": after.cpu_seconds - watch.before.cpu_seconds,
        "server_descriptors": watch.most - watch.before.descriptors,
    }


def _server(hub: TmpnbHub, user: str) -> int:
    """The process of a visitor's server."""
    mark = f"JUPYTERHUB_USER={user}".encode()
    for pid in hub.pids():
        if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return pid
    raise RuntimeError(f"no process of the server of {user}")
