"""Temporary notebooks from a bundle for one host, with each proxy; a notebook of one's own at once.

Servers are processes of the account that runs the tests: units are systemd's, and
test_visitors_units.py has one.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from subprocess import run

import pytest
import yaml
from tests.chart.test_tmpnb import LEAST
from tests.support.host import Host
from tests.support.tmpnb import VisitorSession

from jupyterhub_ha.values import merge

pytestmark = pytest.mark.timeout(300)

ONE_MEMBER = ("--set", "proxy.etcd.replicas=1")
KINDS = {"traefik-file": (), "in-process": (), "traefik-etcd": ONE_MEMBER}


async def arrive(visitor: VisitorSession) -> None:
    """Visit until there is a server, as the page that waits does."""
    async with asyncio.timeout(150):
        while not visitor.username:
            await visitor.visit()
            await asyncio.sleep(0.5)


def said_by_helm_test(url: str) -> str:
    """What the pod of `helm test` says of a hub with temporary notebooks."""
    words = [sys.executable, "-m", "jupyterhub_ha.check_release", "--page=hub/tmpnb/stats"]
    return run([*words, "--login", url, "--timeout=60"], capture_output=True, text=True).stdout


@pytest.mark.parametrize("kind", KINDS)
async def test_each_visitor_works_in_a_server_of_their_own(kind: str, tmp_path: Path) -> None:
    values = merge(LEAST, {"tmpnb": {"pool": {"size": 2, "concurrency": 2}}})
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    with Host(tmp_path, kind, *KINDS[kind], values=file) as host:
        one, other = VisitorSession(host.url), VisitorSession(host.url)
        for visitor in (one, other):
            await arrive(visitor)
            assert await visitor.run_cell("print(6 * 7)") == "42\n"
        assert one.username != other.username
        # Nobody gets into another's.
        assert (await one.fetch(f"{other.server_url}api/contents")).code in {403, 404}
        assert f"{host.url}hub/tmpnb/stats is a page of JupyterHub" in await asyncio.to_thread(
            said_by_helm_test, host.url
        )
        host.manager.restart("jupyterhub-hub.service")
        again = await one.visit()
        assert again.request.url == f"{one.server_url}lab"
    assert host.pids() == []
