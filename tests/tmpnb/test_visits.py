"""Visitors of a real hub with real single-user servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from tests.support.hub_session import SessionError, execute
from tests.support.tmpnb import TmpnbHub, VisitorSession, come

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TmpnbHub]:
    """One for all tests of this module, below a path."""
    pool, limits = {"size": 2, "concurrency": 2}, {"servers": 50, "perAddressPerMinute": 0}
    values = {"pool": pool, "limits": limits}
    more = "c.Spawner.poll_interval = 2\n"
    with TmpnbHub(tmp_path_factory.mktemp("hub"), values, more, base="/jupyter/") as hub:
        yield hub


async def arrived(hub: TmpnbHub, path: str = "") -> VisitorSession:
    """A visitor with a server."""
    await hub.until(ready=2)
    visitor = VisitorSession(hub.url)
    page = await visitor.visit(path)
    assert page.code == 200, page.body
    await come(visitor)  # a server that is late to answer is given to nobody
    return visitor


async def test_a_visit_ends_in_a_server_of_ones_own(hub: TmpnbHub) -> None:
    visitor = VisitorSession(hub.url)
    await hub.until(ready=2)
    page = await visitor.visit()
    assert page.code == 200
    assert page.request.url.endswith(f"/jupyter/user/{visitor.username}/lab")
    assert await visitor.run_cell("print(6 * 7)") == "42\n"


async def test_who_comes_back_gets_the_same_server(hub: TmpnbHub) -> None:
    visitor = await arrived(hub)
    first = visitor.username
    for path in ("", "hub/", "hub/login", "hub/open/lab/tree", "hub/home", "hub/tmpnb/new"):
        visitor.username = ""
        assert (await visitor.visit(path)).code == 200, path
        assert visitor.username == first, path


@pytest.mark.parametrize(
    ("link", "opened"),
    [
        ("hub/open/tree", "tree"),
        ("hub/user-redirect/lab/tree/a%20b.ipynb?x=1", "lab/tree/a%20b.ipynb?x=1"),
        ("hub/?redirect=/lab/tree/a.ipynb", "lab/tree/a.ipynb"),
        ("?redirect=/jupyter/hub/open/tree", "tree"),
        ("lab/tree/a.ipynb", "lab/tree/a.ipynb"),
        ("hub/login?next=/jupyter/user/somebody/tree", "tree"),
        # Not out of this site, and not out of the server.
        ("hub/?redirect=https://evil.example.org/", "lab"),
        ("hub/?next=//evil.example.org/", "lab"),
        ("hub/?redirect=/../../hub/logout", "lab"),
    ],
)
async def test_a_link_opens_what_it_says(hub: TmpnbHub, link: str, opened: str) -> None:
    visitor = await arrived(hub)
    # The server may not have such a file; where the hub sends the visitor is what counts.
    url = urljoin(hub.url, link)
    while "/user/" not in url or "/hub/" in url:
        answer = await visitor.fetch(url)
        assert answer.code in {302, 303}, (url, answer.code)
        url = urljoin(url, answer.headers["Location"])
    assert url == f"{visitor.server_url}{opened}"


async def test_a_visitor_reaches_nothing_of_another(hub: TmpnbHub) -> None:
    ada, bob = await arrived(hub), await arrived(hub)
    assert ada.username != bob.username
    claimed = (await hub.report())["claimed"]
    for path in ("lab", "api/kernels", "api/contents", "tree", "terminals/1"):
        answer = await ada.follow(urljoin(bob.server_url, path))
        assert answer.code in {403, 404}, (path, answer.code)
    stranger = VisitorSession(hub.url)
    answer = await stranger.follow(urljoin(bob.server_url, "lab"))
    assert answer.code == 410
    assert b"Open a new notebook" in answer.body
    assert (await hub.report())["claimed"] == claimed, "nobody got a server for that"


async def test_a_visitor_has_no_rights_in_the_hub(hub: TmpnbHub) -> None:
    visitor, other = await arrived(hub), await arrived(hub)
    for path in ("home", "token", "admin", "spawn", f"spawn/{other.username}"):
        answer = await visitor.fetch(urljoin(hub.url, f"hub/{path}"))
        assert answer.code == 302, path
        assert answer.headers["Location"] == "/jupyter/hub/"
    await visitor.fetch(urljoin(hub.url, "hub/tmpnb/stats"))
    api = urljoin(hub.url, "hub/api/")
    me, they = f"users/{visitor.username}", f"users/{other.username}"
    for method, path in [
        ("GET", "users"),
        ("GET", they),
        ("DELETE", me),
        ("DELETE", f"{they}/server"),
        ("POST", f"{me}/server"),
        ("POST", f"{me}/tokens"),
        ("GET", f"{me}/tokens"),
        ("POST", "tmpnb/drain"),
        ("POST", "users/another"),
        ("GET", "groups"),
        ("GET", "proxy"),
        ("POST", "shutdown"),
        ("POST", f"shares/{visitor.username}/"),
    ]:
        answer = await visitor.fetch(api + path, method, body="{}" if method == "POST" else None)
        assert answer.code in {403, 404}, (method, path, answer.code, answer.body)


async def test_the_server_s_own_token_opens_nothing_else(hub: TmpnbHub) -> None:
    visitor, other = await arrived(hub), await arrived(hub)
    code = "import os; print(os.environ['JUPYTERHUB_API_TOKEN'], os.environ['JUPYTERHUB_API_URL'])"
    token, api = (await visitor.run_cell(code)).split()
    program = VisitorSession(hub.url, Authorization=f"token {token}", Accept="application/json")
    who = json.loads((await program.fetch(f"{api}/user")).body)
    assert who["name"] == visitor.username
    scopes = {name: owner for name, _, owner in (text.partition("!") for text in who["scopes"])}
    assert scopes.pop("access:servers") == f"server={visitor.username}/"
    # What is read is the own name and groups, and when the own server was used.
    reading = {"read:users:activity", "read:users:groups", "read:users:name"}
    assert set(scopes) == {"users:activity", *reading}
    assert set(scopes.values()) == {f"user={visitor.username}"}
    for method, path in [
        ("GET", "users"),
        ("DELETE", f"users/{visitor.username}/server"),
        ("POST", f"users/{visitor.username}/tokens"),
        ("DELETE", f"users/{other.username}"),
        ("POST", f"users/{other.username}/activity"),
        ("POST", "tmpnb/recycle"),
    ]:
        answer = await program.fetch(
            f"{api}/{path}", method, body="{}" if method == "POST" else None
        )
        assert answer.code in {403, 404}, (method, path, answer.code)
    answer = await program.fetch(urljoin(other.server_url, "api/contents"))
    assert answer.code in {302, 403}, answer.code


async def test_no_form_and_no_request_for_a_token_claims_a_server(hub: TmpnbHub) -> None:
    report = await hub.until(ready=2)
    visitor = VisitorSession(hub.url)
    login = urljoin(hub.url, "hub/login")
    forms = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await visitor.fetch(login, "POST", headers=forms, body="username=admin&password=x")
    assert answer.code in {403, 405}
    for body in ("{}", '{"auth": null}', '{"auth": {"name": "x"}}'):
        url = urljoin(hub.url, "hub/api/users/x/tokens")
        assert (await visitor.fetch(url, "POST", body=body)).code == 403
    assert (await hub.report())["claims"] == report["claims"]


async def test_who_logs_out_gives_the_server_back(hub: TmpnbHub) -> None:
    visitor = await arrived(hub)
    claimed = (await hub.report())["claimed"]
    await visitor.follow(urljoin(hub.url, "hub/logout"))
    await hub.until(claimed=claimed - 1, ending=0)
    assert visitor.username not in await hub.users()


async def test_a_server_that_has_ended_leaves_a_page_with_a_button(hub: TmpnbHub) -> None:
    visitor = await arrived(hub)
    lost = visitor.username
    channels = await visitor.open_channels(await visitor.start_kernel())
    with pytest.raises(SessionError, match="closed"):
        await execute(channels, "import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
    channels.close()  # the other end has gone, but tornado keeps its own until it is told
    for _ in range(300):
        if lost not in await hub.users():
            break
        await asyncio.sleep(0.2)
    claims = (await hub.report())["claims"]
    for path in ("", "hub/", f"user/{lost}/lab", "hub/open/tree", ""):
        answer = await visitor.follow(urljoin(hub.url, path))
        assert answer.code == 410, path
        assert b"This notebook has ended" in answer.body
    answer = await visitor.fetch(
        urljoin(hub.url, f"hub/user/{lost}/api/kernels"), headers={"Accept": "application/json"}
    )
    assert answer.code == 424
    assert (await hub.report())["claims"] == claims, "never silently another"
    visitor.username = ""
    assert (await visitor.visit("hub/tmpnb/new")).code == 200
    assert visitor.username not in {"", lost}
