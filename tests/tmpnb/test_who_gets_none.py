"""Robots, previews, prefetches and clients without cookies: answered without a server.

With tiny servers, which are no notebooks; here only the hub is looked at.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urljoin

import pytest
from tests.support.tmpnb import TinyHub, VisitorSession

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyHub]:
    """One for all tests of this module."""
    with TinyHub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(autouse=True)
async def no_claim(hub: TinyHub) -> object:
    """No test here may take a server, unless it says so."""
    claims = (await hub.until(ready=3))["claims"]
    yield
    assert (await hub.report())["claims"] == claims


@pytest.mark.parametrize("path", ["", "hub/", "hub/login", "hub/open/lab", "lab"])
async def test_head(hub: TinyHub, path: str) -> None:
    visitor = VisitorSession(hub.url)
    answer = await visitor.fetch(urljoin(hub.url, path), "HEAD")
    assert answer.code in ({302} if path in {"", "lab"} else {200}), answer.code
    assert answer.body == b""
    assert visitor._cookies == {}


@pytest.mark.parametrize("header", ["Purpose", "Sec-Purpose", "X-Moz", "X-Purpose"])
async def test_what_a_browser_fetches_ahead_is_no_visit(hub: TinyHub, header: str) -> None:
    word = "preview" if header == "X-Purpose" else "prefetch"
    visitor = VisitorSession(hub.url, **{header: word})
    answer = await visitor.follow(hub.url)
    assert answer.code == 503
    assert answer.headers["Cache-Control"] == "no-store"
    assert visitor._cookies == {}


@pytest.mark.parametrize(
    "agent",
    ["Slackbot-LinkExpanding 1.0", "Googlebot/2.1", "facebookexternalhit/1.1", "WhatsApp/2.23"],
)
async def test_a_preview_of_a_link_has_title_and_description(hub: TinyHub, agent: str) -> None:
    visitor = VisitorSession(hub.url, **{"User-Agent": agent})
    for path in ("", "hub/open/lab/tree/a.ipynb"):
        answer = await visitor.follow(urljoin(hub.url, path))
        assert answer.code == 200
        assert b'property="og:title" content="A notebook of your own"' in answer.body
        assert b'name="description"' in answer.body
    assert visitor._cookies == {}


async def test_a_browser_without_cookies_is_told_so(hub: TinyHub) -> None:
    visitor = VisitorSession(hub.url)
    url = urljoin(hub.url, "hub/open/lab?x=1")
    answer = await visitor.fetch(url)
    assert answer.code == 303
    visitor._cookies.clear()
    answer = await visitor.fetch(urljoin(url, answer.headers["Location"]))
    assert answer.code == 403
    assert b"keeps no cookies" in answer.body
    assert b'href="/hub/open/lab?x=1"' in answer.body


async def test_what_does_not_say_that_it_is_a_browser_must_do_what_a_page_says(
    hub: TinyHub,
) -> None:
    visitor = VisitorSession(hub.url, **{"Sec-Fetch-Mode": ""})
    answer = await visitor.follow(hub.url)
    assert answer.code == 200
    (url,) = re.findall(rb'http-equiv="refresh" content="0; url=(.*?)"', answer.body)
    assert re.fullmatch(rb"/hub/\?tmpnb-again=\d+", url)
    assert b'<a href="%b">' % url in answer.body


async def test_a_forged_or_old_ticket_is_none(hub: TinyHub) -> None:
    visitor = VisitorSession(hub.url)
    for ticket in ("x", "2|1:0|10:1000000000|23:jupyterhub-tmpnb-ticket|4:eHh4|" + "0" * 64):
        visitor._cookies["jupyterhub-tmpnb-ticket", "/hub/"] = ticket
        answer = await visitor.fetch(urljoin(hub.url, f"hub/?tmpnb-again={time.time():.0f}"))
        assert answer.code == 403


async def test_a_link_that_was_kept_from_a_first_visit_begins_anew(hub: TinyHub) -> None:
    for old in ("1000000000", "x", "\u0661", "9" * 400):
        answer = await VisitorSession(hub.url).fetch(f"{hub.url}hub/?tmpnb-again={quote(old)}")
        assert answer.code in ({403} if old[0] == "9" else {303}), old


async def test_a_program_gets_json(hub: TinyHub) -> None:
    program = VisitorSession(hub.url, Accept="*/*", **{"User-Agent": "curl/8.0"})
    answer = await program.fetch(urljoin(hub.url, "hub/"))
    assert answer.code == 303
    program._cookies.clear()
    answer = await program.fetch(urljoin(hub.url, answer.headers["Location"]))
    assert answer.code == 403
    assert "cookies" in json.loads(answer.body)["message"]


async def test_who_claims_nothing_has_no_server_s_rights(hub: TinyHub, tmp_path: Path) -> None:
    visitor = VisitorSession(hub.url)
    for path in ("hub/api/tmpnb/drain", "hub/api/tmpnb/resize", "hub/api/tmpnb/recycle"):
        answer = await visitor.fetch(urljoin(hub.url, path), "POST", body='{"size": 0}')
        assert answer.code == 403
    report = await hub.report()
    assert report["pool"]["wanted"] == 3
    anonymous = json.loads((await visitor.fetch(urljoin(hub.url, "hub/api/tmpnb"))).body)
    assert "last_failure" not in anonymous
    assert "last_failure" in report
    page = await visitor.fetch(urljoin(hub.url, "hub/tmpnb/stats"))
    assert page.code == 200
    assert b"<th>Wanted in the pool</th><td>3</td>" in page.body
