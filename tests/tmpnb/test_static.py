"""Static files of visitors' pages from nginx: a real browser, real servers, the chart's router."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message

import pytest
import yaml
from benchmarks.usage import tree_of
from playwright.sync_api import Page, Response
from tests.support.browser import browser
from tests.support.chart import CHART
from tests.support.proxies import TraefikEtcdSystem
from tests.support.tmpnb import TmpnbHub, hub_behind
from tests.support.tmpnb_static import StaticFiles, chart_document, lead

pytestmark = pytest.mark.timeout(600)

HASHED = re.compile(r"/[^/?]*[0-9a-f]{16,}[.][a-z0-9]+([?]|$)")
IMMUTABLE = "public, max-age=31536000, immutable"
# An extension of a visitor's image that the pods of nginx do not have.
OWN = "lab/extensions/own/static/remoteEntry.0123456789abcdef0123.js"
MORE = 'c.Spawner.environment["JUPYTER_PATH"] = {path!r}\n'


@dataclass(frozen=True)
class World:
    """A hub behind Traefik, nginx beside it, and a visitor's page."""

    hub: TmpnbHub
    system: TraefikEtcdSystem
    static: StaticFiles
    page: Page
    seen: list[Response]

    def user_url(self) -> str:
        """The visitor's server."""
        found = re.match(r"https?://[^/]+/user/[^/]+/", self.page.url)
        assert found
        return found[0]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """JupyterLab is open; `seen` is what the browser got meanwhile."""
    folder = tmp_path_factory.mktemp("static")
    static = StaticFiles(folder / "nginx")
    package = folder / "share/labextensions/own"
    file = folder / "share/labextensions" / OWN.removeprefix("lab/extensions/")
    file.parent.mkdir(parents=True)
    file.write_text("of this image alone")
    build = {"load": f"static/{file.name}", "extension": "./extension"}
    about = {"name": "own", "version": "1.0.0", "jupyterlab": {"_build": build}}
    (package / "package.json").write_text(json.dumps(about))
    more = MORE.format(path=str(folder / "share"))
    systems: list[TraefikEtcdSystem] = []

    def prepare(system: TraefikEtcdSystem) -> None:
        lead(system, static)
        systems.append(system)

    try:
        static.start()
        values = {"pool": {"size": 1, "concurrency": 1}}
        with hub_behind("traefik-etcd", folder, values, more, prepare=prepare) as hub:
            asyncio.run(hub.until(ready=1))
            with browser(folder) as context:
                seen: list[Response] = []
                page = context.new_page()
                page.on("response", lambda response: seen.append(response))
                page.goto(hub.url, timeout=120_000)
                page.wait_for_selector(".jp-Launcher", timeout=180_000)
                yield World(hub, systems[0], static, page, seen)
    finally:
        static.kill()


def get(url: str, **headers: str) -> tuple[Message, bytes]:
    """A program's request; an error status raises."""
    request = urllib.request.Request(url, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return answer.headers, answer.read()


def served_by(url: str) -> str:
    """Who answered: nginx, or the user's server."""
    return (get(url)[0]["Server"] or "").partition("/")[0]


def a_script(world: World) -> str:
    return next(seen.url for seen in world.seen if "/static/lab/main." in seen.url)


def test_jupyterlab_has_all_files_with_a_hash_from_nginx_and_the_rest_from_its_server(
    world: World,
) -> None:
    got = {seen.url: seen.headers for seen in world.seen if "/user/" in seen.url}
    files = {url: headers for url, headers in got.items() if HASHED.search(url) and OWN not in url}
    assert len(files) > 30
    ours = {url: headers for url, headers in files.items() if headers["server"] == "nginx"}
    # One that was slow for a moment is taken from the server, as it should be.
    assert len(ours) > 0.9 * len(files), set(files) - set(ours)
    assert {headers["cache-control"] for headers in ours.values()} == {IMMUTABLE}
    large = {u: h for u, h in ours.items() if int(h["content-length"]) > 2000}
    assert {headers.get("content-encoding") for headers in large.values()} == {"gzip"}
    rest = {url: headers for url, headers in got.items() if not HASHED.search(url)}
    assert any("/api/kernelspecs" in url for url in rest)
    assert {headers["server"].partition("/")[0] for headers in rest.values()} == {"TornadoServer"}


def test_every_file_that_is_collected_is_led_there(world: World) -> None:
    router = chart_document()["routers"]["tmpnb-static"]
    expression = re.search(r"PathRegexp\(`(.*?)`\)", router["rule"])
    assert expression
    files = [file for file in world.static.files.rglob("*.*") if file.suffix != ".gz"]
    files = [file for file in files if file.is_file()]
    assert len(files) > 200
    for file in files:
        path = f"/user/v-1/{file.relative_to(world.static.files)}"
        assert re.search(expression[1], path)


def test_what_only_this_image_has_comes_from_its_server(world: World) -> None:
    seen = next(seen for seen in world.seen if OWN in seen.url)
    assert (seen.status, seen.text()) == (200, "of this image alone")
    assert seen.headers["server"].startswith("TornadoServer")


def test_nobody_has_it_and_so_says_the_server(world: World) -> None:
    missing = f"{world.user_url()}static/lab/none.0123456789abcdef.js"
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(missing)
    assert caught.value.code == 404
    assert caught.value.headers["Server"].startswith("TornadoServer")
    caught.value.close()


def test_both_have_the_same_bytes(world: World) -> None:
    url = a_script(world)
    until(lambda: served_by(url), "nginx")
    headers, ours = get(url)
    # Who sends the header that leads past the router is sent past it.
    theirs_headers, theirs = get(url, **{"X-Jupyterhub-Static": "server"})
    assert headers["Server"] == "nginx"
    assert theirs_headers["Server"].startswith("TornadoServer")
    assert ours == theirs
    assert headers["Content-Type"] == theirs_headers["Content-Type"]
    assert headers["X-Content-Type-Options"] == theirs_headers["X-Content-Type-Options"]


def test_while_nginx_is_dead_or_stuck_files_come_from_the_server(world: World) -> None:
    url = a_script(world)
    until(lambda: served_by(url), "nginx")
    world.static.stop()
    # At once, by the refused connection; later, by the failed check of its health.
    for _ in range(8):
        assert served_by(url) == "TornadoServer"
        time.sleep(1)
    until(lambda: reached(world), {"0"})
    world.static.start()
    until(lambda: served_by(url), "nginx")
    # Traefik takes a pod in before it counts it, so the metric may follow a moment later.
    until(lambda: reached(world), {"1"})
    pids = tree_of(world.static.pid)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert served_by(url) == "TornadoServer"
        assert time.monotonic() - began < 20
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    until(lambda: served_by(url), "nginx")


def until(look: Callable[[], object], wanted: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while (seen := look()) != wanted:
        assert time.monotonic() < deadline, f"{seen} after {seconds} s, not {wanted}"
        time.sleep(0.5)


def reached(world: World) -> set[str]:
    """What the replicas' metrics say of nginx: the series that an alert of the chart looks at."""
    alerts = yaml.safe_load((CHART / "files/monitoring/tmpnb-alerts.yaml").read_text())
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]
    (expression,) = (r["expr"] for r in rules if r["alert"] == "JupyterHubNotebookFilesAway")
    ((name, service),) = re.findall(r'(traefik_\w+)\{.*(service="[^"]*")\}', expression)
    lines = [
        line
        for replica in world.system.replicas
        for line in get(f"{replica.url}/metrics")[1].decode().splitlines()
        if line.startswith(f"{name}{{") and service in line
    ]
    assert len(lines) == len(world.system.replicas)
    return {line.rpartition(" ")[2] for line in lines}
