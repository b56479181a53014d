"""What visitors see, in a real Chromium; the pictures of it are in the documentation."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect
from tests.support.browser import browser
from tests.support.pictures import keep_picture
from tests.support.tmpnb import TmpnbHub, VisitorSession, come
from tests.unit.jupyterhub_ha_share.test_render import code, markdown, notebook

from proxy_gen import chart

pytestmark = pytest.mark.timeout(900)

SERVERS = 2
WAITING = chart.defaults(chart.find())["tmpnb"]["waiting"]
SMALL = (820, 480)
CURVE = """\
from math import sin

from IPython.display import SVG

heights = [60 - 50 * sin(x / 22) * sin(x / 3) for x in range(600)]
points = " ".join(f"{x},{y:.1f}" for x, y in enumerate(heights))
line = f'<polyline points="{points}" fill="none" stroke="#c2410c"/>'
image = '<svg xmlns="http://www.w3.org/2000/svg" width="600" height="120">'
SVG(f"{image}{line}</svg>")"""
PRINTED = "600 points, computed in a server that is yours alone"


def _cell(name: str, source: str) -> dict[str, Any]:
    return {**code(source=source), "id": name, "execution_count": None}


NOTEBOOK = notebook(
    markdown("# A beat\n\nTwo tones, nearly the same. *Change the numbers, and run it again.*"),
    _cell("curve", CURVE),
    _cell("words", 'print(len(heights), "points, computed in a server that is yours alone")'),
    kernelspec={"name": "python3", "display_name": "Python 3", "language": "python"},
)
# The notebook comes with the image elsewhere; the setting keeps a question out of the picture.
HOOK = """
from pathlib import Path

def _as_in_the_image(spawner):
    home = Path({folder!r}) / spawner.user.name
    settings = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{{"fetchNews": "false"}}')
    (home / "beat.ipynb").write_bytes({notebook!r})

c.Spawner.pre_spawn_hook = _as_in_the_image
"""
Result = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TmpnbHub]:
    """With as many servers as wait, and not one more."""
    folder = tmp_path_factory.mktemp("hub")
    values = {
        "pool": {"size": SERVERS, "concurrency": 1},
        "limits": {"servers": SERVERS, "perAddressPerMinute": 0},
        "open": "/lab/tree/beat.ipynb",
        "waiting": WAITING,
    }
    with TmpnbHub(folder, values, HOOK.format(folder=str(folder), notebook=NOTEBOOK)) as hub:
        yield hub


@pytest.fixture
def result() -> Iterator[Result]:
    """Awaits, in another thread: Playwright has a loop of its own in this one."""
    loop = asyncio.new_event_loop()
    with ThreadPoolExecutor(1) as other:
        yield lambda coroutine: other.submit(loop.run_until_complete, coroutine).result()
    loop.close()


async def visitor(hub: TmpnbHub) -> VisitorSession:
    """Somebody else, who has just come."""
    session = VisitorSession(hub.url)
    await session.visit()
    return session


@contextmanager
def person(folder: Path, width: int, height: int) -> Iterator[Page]:
    """A page of a browser with a profile of its own."""
    with browser(folder) as context:
        context.set_default_timeout(120_000)
        expect.set_options(timeout=120_000)
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        yield page


def opened(page: Page) -> str:
    """The page is JupyterLab with the notebook; the name of the server that it is in."""
    page.wait_for_url(re.compile(r"/user/[^/]+/lab/tree/beat\.ipynb"))
    expect(page.locator(".jp-Notebook").get_by_role("heading", name="A beat")).to_be_visible()
    return page.url.partition("/user/")[2].partition("/")[0]


def test_a_visitor_has_jupyterlab_and_runs_a_notebook(
    hub: TmpnbHub, result: Result, tmp_path: Path
) -> None:
    result(hub.until(600, ready=SERVERS))
    waited = set(result(hub.users()))
    with person(tmp_path, 1100, 760) as page:
        page.goto(hub.url)
        assert opened(page) in waited
        expect(page.get_by_role("button", name=re.compile(r"Python 3.* \| Idle"))).to_be_visible()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        shown = page.locator(".jp-Notebook")
        expect(shown.locator(".jp-OutputArea-output").get_by_text(PRINTED)).to_be_visible()
        expect(shown.locator(".jp-OutputArea-output img")).to_be_visible()
        # A cell's output is there a moment before its number.
        expect(shown.locator(".jp-CodeCell .jp-InputPrompt").last).to_have_text(
            re.compile(r"\[\d+\]:")
        )
        keep_picture(page, "tmpnb-visitor", [shown], tmp_path)
        page.goto(urljoin(hub.url, "hub/logout"))
    result(hub.until(600, claimed=0, ending=0))


def test_who_comes_too_late_sees_the_place_and_goes_on(
    hub: TmpnbHub, result: Result, tmp_path: Path
) -> None:
    result(hub.until(600, ready=SERVERS))
    inside = [result(visitor(hub)) for _ in range(SERVERS)]
    for one in inside:
        result(come(one))
    ahead = result(visitor(hub))
    with person(tmp_path, *SMALL) as page:
        page.goto(hub.url)
        expect(page.get_by_role("heading")).to_have_text(WAITING["title"])
        expect(page.get_by_text(WAITING["text"])).to_be_visible()
        expect(page.locator("#place")).to_have_text("2 of 2")
        result(ahead.visit())  # who does not ask for long loses the place
        behind = result(visitor(hub))
        expect(page.locator("#place")).to_have_text("2 of 3")
        keep_picture(page, "tmpnb-waiting", [page.locator("main")], tmp_path)
        result(ahead.visit())
        shows_the_counts(page.context.new_page(), hub, tmp_path)

        result(inside[0].follow(urljoin(hub.url, "hub/logout")))
        assert result(come(ahead)) not in {one.username for one in inside}
        result(behind.visit())
        expect(page.locator("#place")).to_have_text("1 of 2")
        result(inside[1].follow(urljoin(hub.url, "hub/logout")))
        name = opened(page)
        assert name not in {one.username for one in [*inside, ahead, behind]}


def shows_the_counts(page: Page, hub: TmpnbHub, folder: Path) -> None:
    """The page with what the pool has, while three wait."""
    page.set_viewport_size({"width": SMALL[0], "height": 820})
    page.goto(urljoin(hub.url, "hub/tmpnb/stats"))
    expect(page.get_by_role("heading")).to_have_text("Temporary notebooks")
    rows = page.get_by_role("row")
    shown = dict(row.inner_text().split("\t") for row in rows.all())
    assert shown["Claimed by visitors"] == str(SERVERS)
    assert shown["Visitors waiting in the line"] == "3"
    assert shown["Ready in the pool"] == "0"
    assert float(shown["Seconds to start, for half of them at most"]) > 0
    keep_picture(page, "tmpnb-stats", [page.locator("main")], folder)
    page.close()
