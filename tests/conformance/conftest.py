"""The suite runs on every proxy of our table; here are the fixtures of what only one promises."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
from tests.support.proxies import PROXIES, System, TraefikEtcdSystem

from jupyterhub_ha_conformance.fixtures import Table, backend, hub_of

__all__ = ["backend"]


def pytest_proxy_systems() -> Sequence[type[System]]:
    """Our proxies, for the plugin of the suite."""
    return list(PROXIES.values())


@pytest.fixture(scope="session")
def etcd_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraefikEtcdSystem]:
    with TraefikEtcdSystem(tmp_path_factory.mktemp("traefik-etcd")) as running:
        yield running


@pytest.fixture
async def etcd_table(etcd_system: TraefikEtcdSystem) -> AsyncIterator[Table]:
    async with hub_of(etcd_system) as one:
        yield one
