"""The command of `helm test`'s pod, run on real etcd, Traefik and JupyterHub."""

import os
import re
import subprocess
import sys

import pytest
from tests.chart.test_real_traefik import MARKER, Replica, put
from tests.support.chart import ROOT, render
from tests.support.etcd import EtcdCluster
from tests.support.hub import Hub
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(180)


class Release:
    """What a release has, on this host: three members, two replicas, and a hub to start later."""

    def __init__(self, folder):
        self.folder = folder
        self.hub_port = free_port()
        self.etcd = EtcdCluster(folder / "etcd", members=3)
        self.replicas = [self.replica(name) for name in ("a", "b")]
        self.public = f"http://127.0.0.1:{self.replicas[0].users}/"
        traits = {
            "endpoints": self.etcd.endpoints,
            "replica_urls": [url(replica) for replica in self.replicas],
            "api_username": "hub",
            "api_password": "an-api-password",
        }
        self.hub = Hub(folder / "hub", self.public, traits, port=self.hub_port)

    def replica(self, name, etcd=None):
        """A Traefik with the chart's documents."""
        return Replica(self.folder / name, (etcd or self.etcd).endpoints[0], self.hub_port)

    def test(self, *more_replicas, seconds=0):
        """Run what the pod runs, with this host's addresses; returns exit status and lines."""
        (container,) = render().get("Pod", "hub-test")["spec"]["containers"]
        replicas = [url(replica) for replica in (*self.replicas, *more_replicas)]
        here = {
            "--timeout=60": [f"--timeout={seconds}"],
            "--login=http://proxy-public/": [f"--login={self.public}"],
            "http://proxy-replicas:8080": replicas,
        }
        for number, health in enumerate(self.etcd.health):
            here[f"http://proxy-etcd-{number}.proxy-etcd:2381"] = [health]
        args = [word for arg in container["args"] for word in here.get(arg, [arg])]
        assert not [arg for arg in args if "proxy-" in arg], "an address of the cluster is left"
        done = subprocess.run(
            [sys.executable, *container["command"][1:], *args],
            env={**os.environ, "PYTHONPATH": str(ROOT / "chart/files/hub")},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()


def url(replica):
    return f"http://127.0.0.1:{replica.internal}"


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    made = Release(tmp_path_factory.mktemp("release"))
    try:
        with made.etcd:
            put(made.etcd, MARKER, "1")  # as the set-up does, before Traefik starts
            for replica in made.replicas:
                replica.start()
                replica.wait_for_table()
            yield made
    finally:
        made.hub.end()
        for replica in made.replicas:
            replica.service.kill()


@pytest.fixture(scope="module")
def whole(release):
    """The release with its hub."""
    release.hub.start()
    release.hub.wait()
    return release


def test_all_that_is_wrong_without_a_hub_is_said_at_once(release):
    status, lines = release.test()
    assert status == 1
    login, replicas, etcd = lines
    assert re.match(
        "FAILED: login page: .*/hub/login: answers 50[24], and it is not Jupyter", login
    )
    assert re.match("FAILED: replicas: .*: the replicas serve a table without routes", replicas)
    assert etcd == "ok: etcd: 3 healthy"


def test_a_release_that_serves(whole):
    status, lines = whole.test(seconds=60)
    assert status == 0, lines
    login, replicas, etcd = lines
    assert re.fullmatch(
        f"ok: login page: {whole.public}hub/login is the login page of JupyterHub [0-9.]+", login
    )
    assert re.fullmatch(
        "ok: replicas: 2 in step, at generation [0-9]+ of store [0-9a-f]{8}", replicas
    )
    assert etcd == "ok: etcd: 3 healthy"


def test_a_replica_that_has_the_table_of_another_etcd(whole, tmp_path):
    with EtcdCluster(tmp_path / "lost") as lost:
        put(lost, MARKER, "7")
        stranger = whole.replica("stranger", lost)
        try:
            stranger.start()
            stranger.wait_for_table()
            status, (login, replicas, etcd) = whole.test(stranger)
        finally:
            stranger.service.kill()
    assert status == 1
    assert f"{url(stranger)} has generation 7 of store (none)" in replicas
    assert "the replicas serve different tables" in replicas
    assert login.startswith("ok: ")
    assert etcd.startswith("ok: ")


def test_what_has_died_is_named(whole):
    """Users go on through the other replica, and two members are a majority."""
    whole.replicas[1].service.kill()
    whole.etcd.members[2].kill()
    whole.etcd.wait()  # it may have led, and until another leads, none is healthy
    status, lines = whole.test()
    assert status == 1
    assert len(lines) == 3, lines
    login, replicas, etcd = lines
    assert login.startswith("ok: ")
    assert replicas.startswith(f"FAILED: replicas: {url(whole.replicas[1])}: no answer (")
    assert etcd.startswith(f"FAILED: etcd: {whole.etcd.health[2]}/health: no answer (")
