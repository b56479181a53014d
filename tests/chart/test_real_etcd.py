"""Real etcd with the options and the certificates that the chart renders: three members."""

import base64
import json
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest
from tests.support.certificates import CertFiles
from tests.support.chart import render
from tests.support.etcd_pods import EtcdPods
from tests.support.processes import TOOLS_BIN, answers, status

from jupyterhub_ha.etcd_options import options_of
from proxy_gen.host_traefik import etcd_arguments


class Cluster:
    """The StatefulSet's pods on this host; `folder` has a folder of files for each Secret."""

    def __init__(self, rendered, folder):
        self.folder = folder
        for who in ("server", "hub", "root", "traefik"):
            (folder / who).mkdir()
            for name, text in rendered.secret(f"proxy-etcd-{who}").items():
                (folder / who / name).write_text(text)
        self.passwords = {who: (folder / who / "password").read_text() for who in ("root", "hub")}
        certificates = {
            who: CertFiles(*(folder / who / name for name in ("ca.crt", "tls.crt", "tls.key")))
            for who in ("server", "root")
        }
        arguments = etcd_arguments(rendered.get("StatefulSet", "proxy-etcd"))
        options = {
            name: value.replace("/etc/etcd/tls", str(folder / "server"))
            for name, value in options_of(arguments).items()
        }
        self.pods = EtcdPods(folder, certificates, 3, options, name="proxy-etcd-")
        self.pods.passwords = self.passwords
        self.members, self.health = self.pods.pods, self.pods.health
        self.clients, self.peers = self.pods.endpoints, self.pods.peers

    def context(self, who):
        """A client's TLS with the certificate of `who`."""
        files = self.folder / (who or "server")
        context = ssl.create_default_context(cafile=files / "ca.crt")
        if who:
            context.load_cert_chain(files / "tls.crt", files / "tls.key")
        return context

    def gateway(self, who, path, body, token=""):
        """What etcd's JSON gateway answers."""
        request = urllib.request.Request(  # noqa: S310  an https URL of our own
            f"{self.clients[0]}/v3/{path}",
            data=json.dumps(body).encode(),
            headers={"Authorization": token} if token else {},
        )
        context = self.context(who)
        try:
            with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()  # it holds the connection
            raise

    def token(self, who):
        """A token for a user with a password."""
        body = {"name": who, "password": self.passwords[who]}
        return self.gateway(who, "auth/authenticate", body)["token"]

    def etcdctl(self, who, *arguments):
        """etcdctl, which speaks gRPC as Traefik does; returns the finished process."""
        files = self.folder / who
        tls = [f"--cacert={files}/ca.crt", f"--cert={files}/tls.crt", f"--key={files}/tls.key"]
        command = [TOOLS_BIN / "etcdctl", f"--endpoints={self.clients[0]}", *tls, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    def set_up(self):
        """Run the set-up Job's program, as the Job does."""
        done = self.pods.set_up()
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Cluster(render(), tmp_path_factory.mktemp("etcd"))
    with made.pods as pods:
        pods.start()
        pods.wait()
        made.set_up()
        yield made


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def test_probes_still_answer_with_authentication_on(cluster):
    assert all(status(f"{url}/readyz") == 200 for url in cluster.health)
    assert all(status(f"{url}/livez") == 200 for url in cluster.health)


def test_the_hub_writes_what_is_its_own(cluster):
    token = cluster.token("hub")
    for key in ("traefik/http/x", "jupyterhub-ha/x"):
        cluster.gateway("hub", "kv/put", {"key": encoded(key), "value": encoded("1")}, token)
    for key in ("other", "traefik/tls/x", "traefik/x"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            cluster.gateway("hub", "kv/put", {"key": encoded(key), "value": ""}, token)


def test_the_hub_needs_its_password(cluster):
    with pytest.raises(urllib.error.HTTPError, match="403"):
        cluster.gateway("hub", "kv/put", {"key": encoded("traefik/http/x"), "value": ""})


def test_traefik_reads_and_nothing_else(cluster):
    assert cluster.etcdctl("traefik", "get", "traefik", "--prefix").returncode == 0
    assert "permission denied" in cluster.etcdctl("traefik", "put", "traefik/x", "2").stderr
    assert "permission denied" in cluster.etcdctl("traefik", "get", "jupyterhub-ha/x").stderr


def test_the_gateway_refuses_a_certificate_with_a_common_name(cluster):
    with pytest.raises(urllib.error.HTTPError, match=r"40[01]"):
        cluster.gateway("traefik", "kv/range", {"key": encoded("traefik")})


def test_nobody_without_a_certificate(cluster):
    with pytest.raises(OSError, match=r".") as refusal:
        cluster.gateway("", "kv/range", {"key": encoded("traefik")})
    # Refused in the handshake; which side notices first is a matter of luck.
    assert not isinstance(refusal.value, urllib.error.HTTPError)


def test_a_client_is_no_member(cluster):
    """The same authority signs both, but a peer's certificate must name the Service."""
    url = f"{cluster.peers[0]}/members"
    assert status(url, context=cluster.context("server")) == 200
    assert not answers(url, cluster.context("hub"))


def test_a_big_transaction_fits(cluster):
    puts = [
        {"requestPut": {"key": encoded(f"traefik/http/n{i}"), "value": encoded("1")}}
        for i in range(4000)
    ]
    answer = cluster.gateway("hub", "kv/txn", {"success": puts}, cluster.token("hub"))
    assert answer["succeeded"] is True


def test_the_set_up_may_run_again(cluster):
    cluster.set_up()


def test_losing_one_of_three_changes_nothing(cluster):
    def written():
        try:
            token = cluster.token("hub")
            body = {"key": encoded("traefik/http/y"), "value": ""}
            cluster.gateway("hub", "kv/put", body, token)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            return False  # it was the leader, and the others have to elect one of them first
        return True

    cluster.members[2].kill()
    cluster.members[0].wait_until(written, "leader", timeout=30)
    cluster.pods.start(2)
    cluster.pods.wait(2)


def test_a_lost_volume_heals(cluster):
    """With the certificates and options of the chart; more of it in tests/conformance."""
    cluster.pods.lose(1)
    cluster.pods.start(1)
    cluster.pods.wait(1)
    assert "added to the cluster" in cluster.pods.log(1)
