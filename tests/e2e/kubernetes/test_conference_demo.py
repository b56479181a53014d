"""values-examples/conference-demo.yaml runs: one link for all, static files, shared notebooks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

import pytest
from tests.e2e.cluster.settings import ROOT
from tests.https.visitors import until
from tests.support.share import share
from tests.support.tmpnb import VisitorSession
from tests.unit.jupyterhub_ha_share.test_render import markdown, notebook

from .kube import Kube
from .notebooks import Notebooks, installed
from .release import Release, chart_values

_FILES = (
    ROOT / "values-examples/conference-demo.yaml",
    Path(__file__).parent / "values/conference-demo.yaml",
)
_SCRIPT = re.compile(r"/user/[^/]+/static/lab/main\.[0-9a-f]{16,}\.js")

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
    pytest.mark.quick,
]


@pytest.fixture(scope="module")
def talk(kube: Kube) -> Iterator[Notebooks]:
    """The example with a pool of two, in a namespace of restricted pods."""
    image = chart_values()["singleuser"]["image"]
    values = {"singleuser": {"image": {"name": image["name"], "tag": image["tag"]}}}
    with installed(Release(Kube(kube.kubeconfig, "talk"), "talk", values, _FILES)) as notebooks:
        yield notebooks


async def script_of(talk: Notebooks, listener: VisitorSession) -> str:
    """The URL of JupyterLab's script in a listener's page."""
    page = await listener.follow(talk.url)
    found = _SCRIPT.search(page.body.decode())
    assert found, page.body[:2000]
    return urljoin(talk.url, found[0])


async def served_by(listener: VisitorSession, url: str) -> str:
    answer = await listener.fetch(url, headers={"Accept-Encoding": "gzip"})
    assert answer.code == 200
    return str(answer.headers["Server"]).partition("/")[0]


async def all_from_nginx(listener: VisitorSession, url: str) -> bool:
    """Each replica of Traefik looks for itself, each five seconds, which pods are there."""
    return {await served_by(listener, url) for _ in range(8)} == {"nginx"}


async def test_the_link_on_the_slide_opens_the_demo(talk: Notebooks) -> None:
    await talk.until(ready=2)
    listener = VisitorSession(talk.url)
    answer = await listener.visit()
    assert answer.code == 200
    assert answer.request.url == urljoin(talk.url, f"user/{listener.username}/lab/tree/demo.ipynb")
    await talk.leave(listener)


async def test_static_files_come_from_their_pods_and_from_the_server_while_these_are_away(
    talk: Notebooks,
) -> None:
    await talk.until(ready=2)
    listener = await talk.visitor()
    url = await script_of(talk, listener)
    check = partial(all_from_nginx, listener, url)
    await until(check, "files from nginx by all replicas", 30)
    kube = talk.release.kube
    kube.kubectl("scale", "deployment/tmpnb-static", "--replicas=0")
    kube.kubectl("wait", "--for=delete", "pod", "--selector=component=tmpnb-static")
    assert {await served_by(listener, url) for _ in range(8)} == {"TornadoServer"}
    kube.kubectl("scale", "deployment/tmpnb-static", "--replicas=2")
    kube.rolled_out("deployment/tmpnb-static", seconds=120)
    await until(check, "files from nginx by all replicas again", 30)
    await talk.leave(listener)


async def test_what_a_listener_shares_is_seen_when_the_server_is_gone(talk: Notebooks) -> None:
    await talk.until(ready=2)
    listener = await talk.visitor()
    page = await listener.follow(urljoin(talk.url, "hub/share"))
    assert page.code == 200
    answer = await share(listener, page.request.url, notebook(markdown("# Kept")), "Kept.ipynb")
    assert answer.code == 201, answer.body
    await talk.leave(listener)
    view = await VisitorSession(talk.url).fetch(json.loads(answer.body)["url"])
    assert view.code == 200
    assert b"<h1>Kept</h1>" in view.body


async def test_helm_test_says_so(talk: Notebooks) -> None:
    talk.release.kube.run("helm", "test", "talk", "--timeout=3m")
