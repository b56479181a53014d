"""Visitors share notebooks: a real hub, real single-user servers, and the service beside them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from tests.support.hub_session import HubSession
from tests.support.share import SharingHub, share
from tests.support.tmpnb import VisitorSession, come
from tests.unit.jupyterhub_ha_share.test_render import code, markdown, notebook, shows

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharingHub]:
    """One for all tests of this module, below a path, with small limits."""
    words = {"max-size": 0.1, "per-visitor": 2}
    pool, limits = {"size": 1, "concurrency": 1}, {"servers": 50, "perAddressPerMinute": 0}
    folder = tmp_path_factory.mktemp("hub")
    with SharingHub(folder, words, {"pool": pool, "limits": limits}, base="/jupyter/") as hub:
        yield hub


async def visitor_of(hub: SharingHub) -> VisitorSession:
    """A visitor with a server, on the page to share."""
    await hub.until(ready=1)
    visitor = VisitorSession(hub.url)
    await come(visitor)
    answer = await visitor.follow(urljoin(hub.url, "hub/share"))
    assert answer.code == 200, answer.body
    assert answer.request.url == hub.share_url
    assert f'data-server="/jupyter/user/{visitor.username}/"'.encode() in answer.body
    return visitor


def stranger(hub: SharingHub) -> VisitorSession:
    """Somebody without a session."""
    return VisitorSession(hub.url)


async def shared(visitor: VisitorSession, hub: SharingHub, text: str) -> dict[str, Any]:
    answer = await share(visitor, hub.share_url, notebook(markdown(f"# {text}")), "My notes.ipynb")
    assert answer.code == 201, answer.body
    return dict(json.loads(answer.body))


async def test_who_has_the_link_sees_the_notebook_when_its_server_is_gone(hub: SharingHub) -> None:
    visitor = await visitor_of(hub)
    made = await shared(visitor, hub, "Seen")
    assert made["url"] == hub.page_of(made["identity"])
    await visitor.follow(urljoin(hub.url, "hub/logout"))
    await hub.until(claimed=0, ending=0)
    claims = (await hub.report())["claims"]

    view = await stranger(hub).fetch(made["url"])
    assert view.code == 200
    assert b"<h1>Seen</h1>" in view.body
    assert b"My notes.ipynb" in view.body
    page = await stranger(hub).fetch(f"{made['url']}/page")
    assert b'<h1 id="Seen">' in page.body
    file = await stranger(hub).fetch(f"{made['url']}/x.ipynb")
    assert json.loads(file.body)["cells"][0]["source"] == "# Seen"
    assert file.headers["Content-Disposition"] == "attachment; filename*=UTF-8''My%20notes.ipynb"
    assert (await hub.report())["claims"] == claims, "to look takes no server"


async def test_what_strangers_made_is_sent_with_a_policy(hub: SharingHub) -> None:
    visitor = await visitor_of(hub)
    made = await shared(visitor, hub, "Policy")
    for below in ("/page", "/x.ipynb"):
        answer = await stranger(hub).fetch(made["url"] + below)
        policy = answer.headers["Content-Security-Policy"].split("; ")
        sandbox = next(part for part in policy if part.startswith("sandbox"))
        assert "default-src 'none'" in policy
        assert not {"allow-scripts", "allow-same-origin", "allow-forms"} & set(sandbox.split())
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for below in ("", "/delete#x"):
        answer = await stranger(hub).fetch(made["url"] + below)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Robots-Tag"] == "noindex"


async def test_the_visitor_lists_and_deletes(hub: SharingHub) -> None:
    visitor = await visitor_of(hub)
    made = await shared(visitor, hub, "Listed")
    listed = await visitor.fetch(f"{hub.share_url}api/shares")
    assert [one["identity"] for one in json.loads(listed.body)["shares"]] == [made["identity"]]
    api = f"{hub.share_url}api/shares/{made['identity']}"
    other = await visitor_of(hub)
    assert (await other.fetch(api, "DELETE")).code == 404
    assert (await stranger(hub).fetch(made["url"])).code == 200
    answer = await visitor.fetch(api, "DELETE")
    assert json.loads(answer.body) == {"gone": True}
    for below in ("", "/page", "/x.ipynb"):
        answer = await stranger(hub).fetch(made["url"] + below)
        assert answer.code == 404
        assert b"not shared, or not any more" in answer.body


async def test_who_has_the_secret_deletes_without_a_session(hub: SharingHub) -> None:
    made = await shared(await visitor_of(hub), hub, "Secret")
    url, _, secret = made["delete"].partition("#")
    assert (await stranger(hub).fetch(url)).code == 200
    assert (await stranger(hub).fetch(made["url"])).code == 200, (
        "to look at the page deletes nothing"
    )
    assert (await stranger(hub).fetch(url, "POST", body="wrong")).code == 404
    answer = await stranger(hub).fetch(url, "POST", body=secret)
    assert json.loads(answer.body) == {"gone": True}
    assert (await stranger(hub).fetch(made["url"])).code == 404


async def test_what_is_too_much_or_no_notebook_is_refused_with_the_reason(hub: SharingHub) -> None:
    visitor = await visitor_of(hub)
    for body, status, words in [
        (notebook(markdown("a" * 100_001)), 413, "may have 100000. Remove large outputs"),
        (b"<html>", 422, "cannot be read as a notebook"),
        (notebook(code(shows(**{"text/html": 3}))), 422, "cannot be"),
    ]:
        answer = await share(visitor, hub.share_url, body)
        assert answer.code == status, answer.body
        assert words in json.loads(answer.body)["message"]
    for number in range(2):
        await shared(visitor, hub, f"Number {number}")
    answer = await share(visitor, hub.share_url, notebook(markdown("one more")))
    assert answer.code == 507
    assert "You share 2 notebooks" in json.loads(answer.body)["message"]


async def test_nobody_shares_without_a_session_or_by_another_sites_page(hub: SharingHub) -> None:
    body = notebook(markdown("forged"))
    nobody = HubSession(hub.url, "", "")
    assert (await share(stranger(hub), hub.share_url, body)).code == 403
    for token in ("", "x", "the-operators-token"):
        headers = {"Authorization": f"token {token}"}
        url = f"{hub.share_url}api/shares"
        assert (await nobody.fetch(url, "POST", body=body, headers=headers)).code == 403
    visitor = await visitor_of(hub)
    url = f"{hub.share_url}api/shares?name=a"
    answer = await visitor.fetch(url, "POST", body=body, headers={"X-XSRFToken": ""})
    assert answer.code == 403


async def test_the_token_of_a_server_is_of_no_use(hub: SharingHub) -> None:
    visitor = await visitor_of(hub)
    token = (await visitor.run_cell("import os; print(os.environ['JUPYTERHUB_API_TOKEN'])")).strip()
    program = HubSession(hub.url, "", "")
    for method in ("GET", "POST"):
        answer = await program.fetch(
            f"{hub.share_url}api/shares",
            method,
            body=notebook() if method == "POST" else None,
            headers={"Authorization": f"token {token}"},
        )
        assert answer.code == 403, (method, answer.body)


async def test_robots_take_no_server_by_the_button(hub: SharingHub) -> None:
    made = await shared(await visitor_of(hub), hub, "Robots")
    claims = (await hub.report())["claims"]
    robot = VisitorSession(hub.url, **{"User-Agent": "Googlebot/2.1", "Sec-Fetch-Mode": ""})
    answer = await robot.follow(f"{made['url']}/open")
    assert answer.code == 200
    assert b"A notebook of your own" in answer.body
    assert (await hub.report())["claims"] == claims


async def test_the_button_gives_a_server_and_leads_back(hub: SharingHub) -> None:
    made = await shared(await visitor_of(hub), hub, "Button")
    await hub.until(ready=1)
    claims = (await hub.report())["claims"]
    visitor = stranger(hub)
    url = f"{made['url']}/open"
    answer = await visitor.follow(url)
    assert answer.code == 200
    assert answer.request.url == url
    assert b'data-server="/jupyter/user/' in answer.body
    assert (await hub.report())["claims"] == claims + 1

    # Only the button on a page of this host puts the copy there at once.
    at_once = b'<button id="open" class="button" hidden>'
    for site in ("same-origin", "same-site", "cross-site", "none", ""):
        answer = await visitor.fetch(url, headers={"Sec-Fetch-Site": site})
        assert answer.code == 200
        assert (at_once in answer.body) is (site == "same-origin"), site


async def test_who_has_lost_a_server_gets_another_one_by_the_button(hub: SharingHub) -> None:
    visitor = await visitor_of(hub)
    made = await shared(visitor, hub, "Lost")
    operator = HubSession(hub.url, "", "")
    # As the keeper does when a server is idle: the session stays in the browser.
    await operator.fetch(
        urljoin(hub.url, f"hub/api/users/{visitor.username}/server"),
        "DELETE",
        headers={"Authorization": "token the-operators-token"},
    )
    for _ in range(300):
        if visitor.username not in await hub.users():
            break
        await asyncio.sleep(0.2)
    await hub.until(ready=1)
    await asyncio.sleep(6)  # so long the service believes what the hub has said
    claims = (await hub.report())["claims"]
    answer = await visitor.follow(f"{made['url']}/open")
    assert answer.code == 200, answer.body
    assert answer.request.url == f"{made['url']}/open"
    assert (await hub.report())["claims"] == claims + 1
    assert f"/user/{visitor.username}/".encode() not in answer.body
    assert b'data-server="/jupyter/user/' in answer.body


async def test_it_goes_on_after_a_restart_and_a_hub_that_is_away(hub: SharingHub) -> None:
    visitor = await visitor_of(hub)
    made = await shared(visitor, hub, "Restart")
    hub.share.kill()
    for file in (hub.folder / "shared/pages").iterdir():
        file.unlink()  # as after an upgrade that shows pages otherwise
    hub.start_share()
    answer = await stranger(hub).fetch(f"{made['url']}/page")
    assert b'<h1 id="Restart">' in answer.body
    assert len(list((hub.folder / "shared/pages").iterdir())) == 1
    answer = await visitor.fetch(f"{hub.share_url}api/shares")
    assert [one["title"] for one in json.loads(answer.body)["shares"]] == ["Restart"]
