"""The how-to pages' commands do what the pages say, and running servers are served meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from tests.support.doc_blocks import Block

from .how_to import PAGES, Admin, cluster_blocks, is_installation
from .kube import Kube, until
from .load.logins import log_in_together, make_users
from .release import TOKEN, Release

USER = "load-reader"
MEMBERS = 3

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(900)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin(kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Admin]:
    """A release that the first commands of the first page have installed, with a user."""
    kube = Kube(kube.kubeconfig, "how-to")
    release = Release(kube, "hub")
    release.prepare()
    found = Admin(release, tmp_path_factory.mktemp("how-to"))
    found.prepare()
    found.types(cluster_blocks(PAGES[0])[0])
    release.settle()
    await make_users(release.url, TOKEN, [USER])
    yield found
    kube.run("helm", "uninstall", release.name, "--wait")
    kube.kubectl("delete", "namespace", kube.namespace, "--wait=false")


BLOCKS = [block for page in PAGES for block in cluster_blocks(page)]


@pytest.mark.parametrize("block", [*filter(is_installation, BLOCKS)], ids=str)
async def test_an_installation(kube: Kube, tmp_path: Path, block: Block) -> None:
    release = Release(Kube(kube.kubeconfig, "begin"), "begin")
    release.prepare()
    admin = Admin(release, tmp_path)
    admin.prepare()
    admin.types(block)
    await _users_log_in(admin)
    release.kube.run("helm", "uninstall", release.name, "--wait")
    release.kube.kubectl("delete", "namespace", release.kube.namespace, "--wait")


@pytest.mark.parametrize("block", [*itertools.filterfalse(is_installation, BLOCKS)], ids=str)
async def test_commands_do_what_the_page_says(admin: Admin, block: Block) -> None:
    kube = admin.release.kube
    kube.kubectl("delete", "job", "--all")  # pages start the same one at different times
    if kube.get("statefulset", "proxy-etcd")["spec"]["replicas"] != MEMBERS:
        admin.release.upgrade()  # each command begins with what the values say
        admin.release.settle(300)
    admin.types(block)
    assert await _status(admin.release.url) == 200, "whose server runs goes on"
    await _users_log_in(admin)


async def _status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{url}user/{USER}/api/status") as r:
        return r.status


async def _users_log_in(admin: Admin) -> None:
    """As soon as all of the release is well."""
    admin.release.settle(300)
    until("etcd is not whole", lambda: _is_well(admin), 240, pause=3)
    logins = await log_in_together(admin.release.url, 2, 1)
    assert not logins.problems


def _is_well(admin: Admin) -> bool:
    return admin.status().returncode == 0
