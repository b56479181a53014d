"""A hub behind two replicas of Traefik that read etcd: all is well; then its parts die."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.doctor import SERVICE, TOKEN, Told, ask_api, doctor, start_server
from tests.support.etcd import EtcdCluster
from tests.support.hub import Hub
from tests.support.ports import free_port
from tests.support.proxies import TraefikEtcdSystem
from tests.support.traefik import API_PASSWORD
from tests.support.traefik_file import TraefikFileSystem

from jupyterhub_ha.toml_text import toml_document

pytestmark = pytest.mark.timeout(180)
PASSWORD = {"TRAEFIK_API_PASSWORD": API_PASSWORD}


@dataclass(frozen=True)
class World:
    """The hub, its replicas and its etcd."""

    system: TraefikEtcdSystem
    hub: Hub

    def ask(self, *words: str | Path) -> Told:
        """Let the doctor look at the replicas, too."""
        replicas = [word for one in self.system.replicas for word in ("--replica", one.url)]
        return doctor(self.system.public_url, *replicas, *words, token=TOKEN, env=PASSWORD)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("system")
    with TraefikEtcdSystem(folder / "proxy") as system:
        traits = system.proxy_traits()
        hub = Hub(folder / "hub", system.public_url, traits, system.hub_port, SERVICE)
        hub.start()
        try:
            hub.wait()
            start_server(f"{system.public_url}/", "ada")
            yield World(system, hub)
        finally:
            hub.end()


def test_all_is_well(world: World) -> None:
    told = world.ask("--user", "ada", "--kernel", "python3", "--idle", "1")
    # Traefik lets a client's own X-Scheme through, with which it deceives nobody but itself.
    assert told.unwell["forged"] == "warning: the hub believes a client's own X-Scheme"
    assert set(told.unwell) == {"events", "forged"}
    assert told.checks["replicas"]["said"].startswith("2 of 2 serve generation ")
    assert told.code == 0
    assert TOKEN not in told.output
    assert API_PASSWORD not in told.output


def test_a_replica_with_an_older_table(world: World, tmp_path: Path) -> None:
    """A third replica, whose table has another generation, and stays so"""
    with TraefikFileSystem(tmp_path, replicas=1) as other:
        mark_as(other, generation=7, store="")
        late = other.replicas[0].url
        told = world.ask("--replica", late)
    assert told.problems["replicas"].startswith(f"{late} serves 7, others 1")
    assert set(told.problems) == {"replicas"}


def test_a_replica_of_another_store(world: World, tmp_path: Path) -> None:
    said = world.ask().checks["replicas"]["said"]
    generation = int(said.rpartition(" ")[2])
    with TraefikFileSystem(tmp_path, replicas=1) as other:
        mark_as(other, generation=generation, store="another")
        told = world.ask("--replica", other.replicas[0].url)
    assert told.problems == {"replicas": "their tables are of different stores"}


def mark_as(system: TraefikFileSystem, *, generation: int, store: str) -> None:
    """Let the system's replicas tell of this table."""
    headers = {"generation": str(generation), **({"store": store} if store else {})}
    marker = {"headers": {"customResponseHeaders": headers}}
    document = {"http": {"middlewares": {"jupyterhub-generation": marker}}}
    (system.rules / "routes.toml").write_text(toml_document(document))
    system.restart()


def test_a_traefik_without_the_hubs_route(tmp_path: Path) -> None:
    with TraefikFileSystem(tmp_path, replicas=1) as other:
        (other.rules / "base.toml").unlink()
        other.restart()
        told = doctor(other.public_url)
    assert told.problems == {"jupyterhub": "a Traefik that has no route for it answers 404"}


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    with EtcdCluster(tmp_path_factory.mktemp("etcd"), 2) as running:
        yield running


def values_with(folder: Path, endpoints: list[str]) -> Path:
    values = folder / "values.yaml"
    given = {"enabled": False, "endpoints": endpoints, "tls": {"enabled": False}}
    values.write_text(json.dumps({"proxy": {"etcd": given}}))
    return values


def test_endpoints_that_are_healthy(world: World, etcd: EtcdCluster, tmp_path: Path) -> None:
    told = world.ask("--values", values_with(tmp_path, etcd.endpoints))
    assert told.checks["etcd"]["said"] == "2 of 2 endpoints are healthy"


def test_an_endpoint_that_is_away(world: World, etcd: EtcdCluster, tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{free_port()}"
    told = world.ask("--values", values_with(tmp_path, [*etcd.endpoints, away]))
    assert told.problems == {"etcd": f"others answer, and these do not: {away}"}


def test_an_etcd_without_its_majority(world: World, etcd: EtcdCluster, tmp_path: Path) -> None:
    etcd.members[1].kill()
    told = world.ask("--values", values_with(tmp_path, etcd.endpoints[:1]))
    assert told.problems == {
        "etcd": f"not healthy, such as without a majority: {etcd.endpoints[0]}"
    }


# From here on what dies stays dead.


def test_a_dead_replica(world: World) -> None:
    dead = world.system.replicas[1]
    dead.kill()
    ask_api(f"{world.system.public_url}/", "users/ada/server", "DELETE")
    told = world.ask()
    assert f"no answer from {dead.url}" in told.problems["replicas"]
    assert "1 skipped" in told.problems["etcd"], "the hub has noticed at its last change"
    assert set(told.problems) == {"replicas", "etcd"}


def test_a_hub_that_is_stopped(world: World) -> None:
    world.hub.kill()
    told = world.ask()
    assert "a proxy without a hub" in told.problems["jupyterhub"]
    assert told.unwell["forwarded"] == "not checked: first see jupyterhub"
    assert told.checks["jupyterhub"]["cure"].startswith("start the hub")
