"""Real web servers, as `proxy-gen edge` writes them, in front of a real proxy."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import pytest
import pytest_asyncio
from tests.support.edge_deviations import UNDECIDED
from tests.support.edge_systems import EDGES, EdgeSystem
from tests.support.edge_world import World

from jupyterhub_ha_conformance.fixtures import (
    _systems,
    backend,
    hub_of,
    large_body,
    recorder,
    serve,
    system,
    table,
)

__all__ = ["_systems", "backend", "large_body", "recorder", "serve", "system", "table"]
Start = Callable[[str, str], EdgeSystem]


def pytest_proxy_systems() -> Sequence[type[EdgeSystem]]:
    """The web servers, for the plugin of the conformance suite."""
    return list(EDGES.values())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what cannot be told."""
    out = {
        test.replace("[", f"[{server}-") for server, tests in UNDECIDED.items() for test in tests
    }
    items[:] = [item for item in items if item.name not in out]


@pytest.fixture(scope="session")
def _edges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts a web server when it is first asked for; all end with the session."""
    running: dict[tuple[str, str], EdgeSystem] = {}
    with contextlib.ExitStack() as stack:

        def start(name: str, base: str) -> EdgeSystem:
            if (name, base) not in running:
                folder = tmp_path_factory.mktemp(f"{name}-tls")
                one = EDGES[name](folder, tls=True, base=base)
                running[name, base] = stack.enter_context(one)
            return running[name, base]

        yield start


@pytest.fixture(params=list(EDGES))
def web_server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture
async def world(web_server: str, _edges: Start) -> AsyncIterator[World]:
    """The whole host is JupyterHub's."""
    one = _edges(web_server, "/")
    async with hub_of(one) as running:
        yield World(one, running, "/")


@pytest_asyncio.fixture(params=["/", "/jupyter/"], ids=["root", "sub-path"])
async def any_world(
    request: pytest.FixtureRequest, web_server: str, _edges: Start
) -> AsyncIterator[World]:
    """The whole host is JupyterHub's, or a part of it."""
    one = _edges(web_server, request.param)
    async with hub_of(one) as running:
        yield World(one, running, request.param)


@pytest_asyncio.fixture
async def sub_path(web_server: str, _edges: Start) -> AsyncIterator[World]:
    """A part of the host is JupyterHub's."""
    one = _edges(web_server, "/jupyter/")
    async with hub_of(one) as running:
        yield World(one, running, "/jupyter/")
