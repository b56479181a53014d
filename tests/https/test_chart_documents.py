"""Real Traefik with the documents that the chart renders for HTTPS, and a certificate in etcd."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import tomllib
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from tests.https.visitors import until
from tests.support.chart import render
from tests.support.echo import EchoServer
from tests.support.etcd import EtcdCluster
from tests.support.ports import free_ports
from tests.support.processes import VENV_BIN, Service

from jupyterhub_ha.certificate import Pair, facts
from jupyterhub_ha.certificate_publish import keys
from jupyterhub_ha.etcd_client import EtcdClient
from proxy_gen.certificates import Leaf, make_ca, sign

HOST = "hub.example.org"
VALUES = {
    "proxy": {
        "https": {
            "enabled": True,
            "hosts": [HOST],
            "letsencrypt": {"contactEmail": "admin@example.org"},
        },
        # Without TLS, so that any etcd will do.
        "etcd": {"enabled": False, "endpoints": ["http://etcd.example.org:2379"]},
    }
}
AUTHORITY = make_ca()
SERVED = sign(AUTHORITY, Leaf(sans=(HOST,), server=True))
TRUST = ssl.create_default_context(cadata=AUTHORITY.crt)
CHALLENGE = "/.well-known/acme-challenge/a-token"


class Replica:
    """A Traefik with the rendered documents, changed to this host's addresses and files."""

    def __init__(self, folder: Path, etcd: EtcdCluster, hub: EchoServer, issuer: EchoServer):
        data = render(VALUES).get("ConfigMap", "proxy")["data"]
        static, dynamic = (tomllib.loads(data[name]) for name in ("traefik.toml", "dynamic.toml"))
        self.http, self.https, internal = free_ports(3)
        ports = {"http": self.http, "https": self.https, "internal": internal}
        for name, port in ports.items():
            static["entryPoints"][name]["address"] = f"127.0.0.1:{port}"
        static["providers"]["etcd"]["endpoints"] = [etcd.endpoints[0].partition("//")[2]]
        static["providers"]["file"]["filename"] = str(folder / "dynamic.toml")
        (folder / "users").write_text("hub:x\n")
        dynamic["http"]["middlewares"]["api-users"]["basicAuth"]["usersFile"] = str(
            folder / "users"
        )
        for name, server in (("hub", hub), ("certificates", issuer)):
            dynamic["http"]["services"][name]["loadBalancer"]["servers"] = [{"url": server.url}]
        (folder / "traefik.toml").write_text(tomlkit.dumps(static))
        (folder / "dynamic.toml").write_text(tomlkit.dumps(dynamic))
        self.service = Service(
            [VENV_BIN / "traefik", f"--configFile={folder}/traefik.toml"], folder / "traefik.log"
        )

    def log(self) -> str:
        """What Traefik has said."""
        return self.service.log.read_text()

    def get(
        self, path: str, *, context: ssl.SSLContext | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; by HTTPS with a context, else by HTTP."""
        connection: http.client.HTTPConnection
        if context is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=10)
        else:
            connection = _NamedConnection("127.0.0.1", self.https, timeout=10, context=context)
        try:
            connection.request("GET", path, headers={"Host": HOST})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


class _NamedConnection(http.client.HTTPSConnection):
    """Asks an address for a host's certificate."""

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        context: Any = self._context  # type: ignore[attr-defined]
        self.sock = context.wrap_socket(self.sock, server_hostname=HOST)


@pytest.fixture
async def replica(tmp_path: Path) -> AsyncIterator[Replica]:
    async with EchoServer("hub") as hub, EchoServer("issuer") as issuer:
        with EtcdCluster(tmp_path / "etcd") as etcd:
            client = EtcdClient(etcd.endpoints)
            await client.txn(puts=keys("traefik", [Pair(SERVED.crt, SERVED.key)]))
            client.close()
            made = Replica(tmp_path, etcd, hub, issuer)
            made.service.start()
            try:
                await until(lambda: _serves(made), "certificate")
                yield made
            finally:
                made.service.kill()


async def _serves(replica: Replica) -> bool:
    try:
        return (await ask(replica, "/", context=TRUST))[0] == 200
    except OSError:
        return False


async def ask(
    replica: Replica, path: str, *, context: ssl.SSLContext | None = None
) -> tuple[int, dict[str, str], bytes]:
    """In a thread, so that the servers of this very process can answer."""
    return await asyncio.to_thread(replica.get, path, context=context)


async def test_users_are_served_by_https(replica: Replica) -> None:
    status, headers, body = await ask(replica, "/hub/login", context=TRUST)
    assert status == 200
    assert headers["Strict-Transport-Security"] == "max-age=15724800"
    assert json.loads(body)["name"] == "hub"


async def test_http_leads_to_https_at_the_services_port(replica: Replica) -> None:
    status, headers, _ = await ask(replica, "/hub/login?next=%2Fhub")
    assert status in {301, 308}
    assert headers["Location"] == f"https://{HOST}/hub/login?next=%2Fhub"


@pytest.mark.parametrize("context", [None, TRUST], ids=["http", "https"])
async def test_a_challenge_reaches_the_issuer(
    replica: Replica, context: ssl.SSLContext | None
) -> None:
    status, _, body = await ask(replica, CHALLENGE, context=context)
    found = json.loads(body)
    assert (status, found["name"], found["path"]) == (200, "issuer", CHALLENGE)
    # lego compares it with the name that the token is for.
    assert found["host"] == HOST


async def test_tls_before_1_2_is_refused(replica: Replica) -> None:
    old = ssl.create_default_context(cadata=AUTHORITY.crt)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        await ask(replica, "/", context=old)


async def test_a_browser_that_names_no_host_gets_the_same_certificate(replica: Replica) -> None:
    def shown() -> str:
        return ssl.get_server_certificate(("127.0.0.1", replica.https))

    assert facts(await asyncio.to_thread(shown)).serial == facts(SERVED.crt).serial


async def test_traefik_understands_every_word_of_the_documents(replica: Replica) -> None:
    log = replica.log()
    assert '"level":"error"' not in log, log
