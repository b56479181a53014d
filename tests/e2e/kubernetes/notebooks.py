"""A release of temporary notebooks in the test cluster, and its visitors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin

from tests.support.processes import answers
from tests.support.tmpnb import Operator, VisitorSession

from . import visits
from .kube import until
from .release import Release


class Notebooks(Operator):
    """The release, its operator, and who has had which server."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.url = release.url
        self.seen: list[str] = []

    async def visitor(self) -> VisitorSession:
        """A new visitor with a server."""
        return (await self.arrive(1, 0))[0].visitor

    async def arrive(self, count: int, within: float) -> list[visits.Arrival]:
        """So many new visitors; nobody has got a server that somebody had before."""
        arrivals = await visits.arrive(self.url, count, within)
        self.seen += [arrival.visitor.username for arrival in arrivals]
        assert len(set(self.seen)) == len(self.seen)
        return arrivals

    async def leave(self, *visitors: VisitorSession) -> None:
        """Visitors log out, and their servers end."""
        for visitor in visitors:
            await visitor.follow(urljoin(self.url, "hub/logout"))
        await self.until(claimed=0, ending=0)

    def upgrade(self, values: dict[str, Any]) -> None:
        """helm upgrade, and all of it as it should be."""
        self.release.upgrade(values)
        self.release.settle()

    def waiting(self) -> set[str]:
        """The users whose pods run: they wait in the pool, or have a visitor."""
        pods = self.release.kube.pods("singleuser-server")
        running = [pod for pod in pods if pod["status"]["phase"] == "Running"]
        return {pod["metadata"]["annotations"]["hub.jupyter.org/username"] for pod in running}


@contextmanager
def installed(release: Release) -> Iterator[Notebooks]:
    """Install it in a namespace of restricted pods; remove it at the end, with visitors' pods."""
    release.prepare()
    release.upgrade()
    # The first release of a new cluster is ready before all nodes know the way to its address.
    until("the entrance does not answer", lambda: answers(f"{release.url}hub/health"), 60)
    yield Notebooks(release)
    release.kube.run("helm", "uninstall", release.name, "--wait")
    release.kube.kubectl("delete", "pod", "--selector=component=singleuser-server")
