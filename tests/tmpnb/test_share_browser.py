"""Share and remix in a real Chromium: from one visitor's JupyterLab into another one's."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect
from tests.support.browser import browser
from tests.support.processes import ROOT
from tests.support.share import SharingHub
from tests.unit.jupyterhub_ha_share.test_render import code, markdown, notebook, shows

pytestmark = pytest.mark.timeout(1200)

PICTURE = ROOT / "docs/images/shared-notebook.png"
HOSTILE = "<img src=x onerror=\"window.hacked = 1; document.title = 'hacked'\">"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 90" width="420">'
    '<polyline points="0,80 40,30 80,62 120,18 160,50 200,8 240,44 300,12" fill="none" '
    'stroke="#c2410c" stroke-width="3"/></svg>'
)
NOTEBOOK = notebook(
    markdown("# A walk\n\nHow high it was, *step by step*: see [the map](https://example.org/)."),
    code(
        {"output_type": "stream", "name": "stdout", "text": "300 steps\n"},
        source="heights = walk(steps=300)\nprint(len(heights), 'steps')",
        trusted=True,
    ),
    code(shows(**{"image/svg+xml": SVG}), source="plot(heights)", trusted=True),
    code(
        shows(
            text__html="<table><tr><th>step</th><th>height</th></tr><tr><td>1</td><td>30</td></tr>"
            "<tr><td>2</td><td>62</td></tr></table>"
        ),
        source="heights.table().head(2)",
        trusted=True,
    ),
    code(
        shows(text__html=f"{HOSTILE}<script>window.hacked = 1</script>"),
        source="# And back.\n" * 8,
        trusted=True,
    ),
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharingHub]:
    """With two servers that wait."""
    pool = {"size": 2, "concurrency": 1}
    with SharingHub(tmp_path_factory.mktemp("hub"), tmpnb={"pool": pool}) as hub:
        asyncio.run(hub.until(600, ready=2))
        yield hub


def refusals(page: Page) -> list[str]:
    """What the browser will say that it did not do because of a policy."""
    refused: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            refused.append(message.text)

    page.on("console", listen)
    return refused


def reported(coroutine: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Its result; Playwright has a loop of its own in this thread."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, coroutine).result()


@contextmanager
def person(folder: Path) -> Iterator[Page]:
    """A page of a browser with a profile of its own."""
    folder.mkdir()
    with browser(folder) as context:
        context.set_default_timeout(120_000)
        expect.set_options(timeout=120_000)
        yield context.new_page()


def shared(hub: SharingHub, page: Page) -> tuple[str, str, str]:
    """Ada opens a notebook's server and shares it; her name, the link and that to delete it."""
    page.goto(hub.url)
    page.wait_for_url(re.compile("/user/[^/]+/lab"))
    name = page.url.partition("/user/")[2].partition("/")[0]
    (hub.folder / name / "walk.ipynb").write_bytes(NOTEBOOK)
    page.goto(urljoin(hub.url, "hub/share"))
    refused = refusals(page)
    expect(page.get_by_text("walk.ipynb")).to_be_visible()
    page.get_by_role("button", name="Share").click()
    expect(page.locator("#status")).to_have_text("walk.ipynb is shared.")
    expect(page.locator("#shares li")).to_have_count(1)
    assert refused == []
    link = str(page.locator("#link").get_attribute("href"))
    return name, link, str(page.locator("#delete-link").get_attribute("href"))


def sees(page: Page, link: str, picture: Path) -> None:
    """Whoever opens the link: the notebook, and nothing of it does anything."""
    refused = refusals(page)
    page.goto(link)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="A walk")).to_be_visible()
    expect(frame.get_by_text("300 steps")).to_be_visible()
    width = "image => image.decode().then(() => image.naturalWidth)"
    assert frame.locator("img").first.evaluate(width) > 0
    assert frame.locator("h1").evaluate("() => self.origin") == "null"
    assert page.title() == "A walk"
    assert refused == []
    page.screenshot(path=picture)
    if os.environ.get("WRITE_PICTURES"):
        PICTURE.write_bytes(picture.read_bytes())
    assert PICTURE.read_bytes().startswith(b"\x89PNG")


def opened(hub: SharingHub, page: Page) -> str:
    """Bob opens it in a server of his own; his name."""
    page.get_by_role("link", name="Open in a server of your own").click()
    page.wait_for_url(re.compile(r"/user/[^/]+/lab/tree/walk\.ipynb"))
    name = page.url.partition("/user/")[2].partition("/")[0]
    shown = page.locator(".jp-Notebook")
    expect(shown.get_by_text("300 steps").first).to_be_visible()
    expect(shown.get_by_text("height").last).to_be_visible()
    assert page.evaluate("() => window.hacked") is None, "no output is trusted"
    copy = json.loads((hub.folder / name / "walk.ipynb").read_text())
    assert "trusted" not in json.dumps(copy)
    assert len(copy["cells"]) == 5
    return name


def test_share_look_remix_and_delete(hub: SharingHub, tmp_path: Path) -> None:
    with person(tmp_path / "ada") as page:
        ada, link, delete = shared(hub, page)
        page.goto(urljoin(hub.url, "hub/logout"))
    reported(hub.until(600, claimed=0, ending=0, ready=2))

    with person(tmp_path / "bob") as page:
        sees(page, link, tmp_path / "picture.png")
        assert reported(hub.report())["claimed"] == 0, "to look takes no server"
        bob = opened(hub, page)
        assert bob != ada
        # By a link from elsewhere: it asks, and the copy that is there stays.
        page.goto(f"{link}/open")
        ask = page.get_by_role("button", name="Open a copy")
        expect(ask).to_be_visible()
        home = hub.folder / bob
        assert [file.name for file in home.glob("*.ipynb")] == ["walk.ipynb"]
        ask.click()
        page.wait_for_url(re.compile(rf"/user/{bob}/lab/tree/walk-1\.ipynb"))

    with person(tmp_path / "ada-again") as page:
        page.goto(delete)
        page.get_by_role("button", name="Delete it").click()
        expect(page.locator("#status")).to_have_text("It is deleted.")
        answer = page.goto(link)
        assert answer is not None
        assert answer.status == 404
        expect(page.get_by_role("heading")).to_contain_text("not shared, or not any more")
