"""Replicas with TLS, an ACME authority, and the issuer that publishes its certificates."""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support.certificates import write_certificates
from tests.support.etcd import EtcdCluster, set_up_users
from tests.support.ports import free_port, free_ports
from tests.support.processes import ROOT, TOOLS_BIN, VENV_BIN, Service, answers
from tests.support.traefik import dynamic_configuration, static_configuration

from jupyterhub_ha.certificate_publish import STATUS_KEY
from jupyterhub_ha.etcd_client import EtcdClient

HOST = "hub.example.org"
PASSWORDS = {
    "root": "the-root-password",
    "hub": "the-hub-password",
    "certificates": "the-certificates-password",
}


class Pebble:
    """The ACME server pebble and the DNS server that it asks; a context manager.

    Each authorization is checked, and every name is at this host unless `point_names` says else.
    `profiles` are seconds of validity by name, `address` is where this host is to be reached. With
    `accounts`, key identifiers and their MAC keys, only who has one of these gets an account.
    """

    def __init__(
        self,
        folder: Path,
        http_port: int,
        profiles: dict[str, int],
        address: str = "127.0.0.1",
        accounts: dict[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        listen, management, dns, self._dns_management = free_ports(4)
        self.directory = f"https://{address}:{listen}/dir"
        self._management = f"https://127.0.0.1:{management}"
        self.tls = write_certificates(folder / "tls", address)["server"]
        self._dns = Service(
            [
                TOOLS_BIN / "pebble-challtestsrv",
                *("-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""),
                *("-dnsserver", f"127.0.0.1:{dns}"),
                *("-management", f"127.0.0.1:{self._dns_management}"),
                *("-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", ""),
            ],
            folder / "dns.log",
        )
        configuration = {
            "listenAddress": f"{address}:{listen}",
            "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(self.tls.cert),
            "privateKey": str(self.tls.key),
            "httpPort": http_port,
            "tlsPort": free_port(),
            "keyAlgorithm": "ecdsa",
            "retryAfter": {"authz": 1, "order": 1},
            "externalAccountBindingRequired": bool(accounts),
            "externalAccountMACKeys": accounts or {},
            "profiles": {
                name: {"description": name, "validityPeriod": seconds}
                for name, seconds in profiles.items()
            },
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": configuration}))
        self.server = Service(
            [
                TOOLS_BIN / "pebble",
                *("-config", folder / "pebble.json", "-dnsserver", f"127.0.0.1:{dns}"),
            ],
            folder / "pebble.log",
            env={
                **os.environ,
                "PEBBLE_VA_NOSLEEP": "1",
                "PEBBLE_AUTHZREUSE": "0",
                "PEBBLE_WFE_NONCEREJECT": "0",
            },
        )

    def __enter__(self) -> Pebble:
        self._dns.start()
        self.server.start()
        context = self.tls.context()
        self.server.wait_until(lambda: answers(self.directory, context), "directory")
        return self

    def __exit__(self, *_: object) -> None:
        self.server.kill()
        self._dns.kill()

    def trust(self) -> ssl.SSLContext:
        """A browser's TLS context that trusts this authority and no other."""
        url = f"{self._management}/roots/0"
        with urllib.request.urlopen(url, context=self.tls.context(), timeout=10) as answer:  # noqa: S310
            return ssl.create_default_context(cadata=answer.read().decode())

    def point_names(self, address: str) -> None:
        """Have all names be at another address."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._dns_management}/set-default-ipv4",
            json.dumps({"ip": address}).encode(),
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            answer.read()


class HttpsReplica(Service):
    """A Traefik with an entry point `https` of its own; `http` is a port that replicas share."""

    def __init__(
        self, folder: Path, http_port: int, backend: str, challenge: str, etcd: EtcdCluster
    ) -> None:
        folder.mkdir(parents=True)
        internal, self.port = free_ports(2)
        self.url = f"http://127.0.0.1:{internal}"
        certificates = (etcd.certificates or {})["traefik"]
        static = static_configuration(
            f"127.0.0.1:{http_port}",
            f"127.0.0.1:{internal}",
            folder / "dynamic.toml",
            etcd.endpoints,
            certificates,
        )
        static += _STATIC.format(port=self.port)
        (folder / "traefik.toml").write_text(static)
        dynamic = dynamic_configuration(backend).partition("[tls.stores")[0]
        dynamic = dynamic.replace('entryPoints = ["http"]', 'entryPoints = ["http", "https"]')
        (folder / "dynamic.toml").write_text(dynamic + _DYNAMIC.format(challenge=challenge))
        super().__init__(
            [VENV_BIN / "traefik", f"--configfile={folder / 'traefik.toml'}"],
            folder / "traefik.log",
        )

    def start(self) -> None:
        """Start it and wait until it answers a ping."""
        super().start()
        self.wait_until(lambda: answers(f"{self.url}/ping"), "ping")


_STATIC = """
[entryPoints.http.http.redirections.entryPoint]
to = ":443"
scheme = "https"
priority = 1000000

[entryPoints.https]
address = "127.0.0.1:{port}"

[entryPoints.https.http.tls]
"""
_DYNAMIC = """
[http.routers.acme-challenge]
entryPoints = ["http", "https"]
rule = "PathPrefix(`/.well-known/acme-challenge/`)"
priority = 2000000
service = "certificates"

[[http.services.certificates.loadBalancer.servers]]
url = "{challenge}"
"""


class HttpsSystem:
    """Three etcd members with users and mTLS, and three replicas; a context manager."""

    def __init__(self, folder: Path, backend: str, *, replicas: int = 3, members: int = 3) -> None:
        self.folder = folder
        self.http_port, self.challenge_port = free_ports(2)
        self.certificates = write_certificates(folder / "certificates")
        self.etcd = EtcdCluster(folder / "etcd", members, self.certificates)
        challenge = f"http://127.0.0.1:{self.challenge_port}"
        self.replicas = [
            HttpsReplica(folder / f"traefik{i}", self.http_port, backend, challenge, self.etcd)
            for i in range(replicas)
        ]
        self._stack = ExitStack()

    def __enter__(self) -> HttpsSystem:
        with ExitStack() as stack:
            stack.enter_context(self.etcd)
            self.set_up()
            for replica in self.replicas:
                stack.callback(replica.kill)
                replica.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def set_up(self, *, with_certificates: bool = True) -> str:
        """Create users and roles with the real command; returns what it says."""
        passwords = dict(PASSWORDS)
        if not with_certificates:
            del passwords["certificates"]
        return set_up_users(self.etcd.endpoints, self.certificates["root"], passwords)

    def etcd_client(self, user: str) -> EtcdClient:
        """A client of etcd as `root`, `hub` or `certificates`."""
        files = self.certificates[user]
        return EtcdClient(
            self.etcd.endpoints,
            username=user,
            password=PASSWORDS[user],
            ca_file=str(files.ca),
            cert_file=str(files.cert),
            key_file=str(files.key),
        )

    def issuer(self, name: str, *options: str | Path) -> Service:
        """The real command, not started; its log is NAME.log in the system's folder."""
        files = self.certificates["certificates"]
        return Service(
            [
                *(sys.executable, "-m", "jupyterhub_ha.certificate_issuer"),
                *("--endpoints", *self.etcd.endpoints, "--ca-file", str(files.ca)),
                *("--cert-file", str(files.cert), "--key-file", str(files.key)),
                *("--interval", "0.5", *map(str, options)),
            ],
            self.folder / f"{name}.log",
            env={
                **os.environ,
                "JUPYTERHUB_HA_ETCD_CERTIFICATES_PASSWORD": PASSWORDS["certificates"],
                "PYTHONPATH": str(ROOT / "chart/files/hub"),
            },
        )

    def acme_options(self, pebble: Pebble) -> tuple[str | Path, ...]:
        """What an issuer needs to get certificates for HOST from `pebble`."""
        return (
            *("--host", HOST, "--email", "admin@example.org"),
            *("--acme-server", pebble.directory, "--acme-ca-file", pebble.tls.ca),
            *("--lego", TOOLS_BIN / "lego"),
            *("--challenge-address", f"127.0.0.1:{self.challenge_port}"),
            *("--state-folder", self.folder / "state"),
        )

    async def status(self) -> dict[str, Any]:
        """What the issuer says of itself in etcd; empty before it has."""
        client = self.etcd_client("certificates")
        try:
            pairs, _ = await client.range(STATUS_KEY)
        finally:
            client.close()
        return dict(json.loads(pairs[0].value)) if pairs else {}
