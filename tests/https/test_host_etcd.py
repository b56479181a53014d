"""A bundle for one host with etcd: its issuer obtains and renews one certificate for all replicas.

All services but the hub run as their units say; the authority is pebble.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.https.visitors import Visitors, trusted_serial, until
from tests.support.https import HOST, Pebble
from tests.support.ports import free_range
from tests.support.processes import TOOLS_BIN, VENV_BIN
from tests.support.units import Manager, make_folders

from jupyterhub_ha.certificate import facts
from proxy_gen import bundle, chart, secrets
from proxy_gen.certificates import Leaf, make_ca, sign
from proxy_gen.errors import UsageError
from proxy_gen.host_place import Options, Place
from proxy_gen.values import Values, merge

_VALID = 60  # seconds: renewed after 37 to 40
ISSUER = "jupyterhub-certificates.service"
REPLICAS = ("jupyterhub-traefik-1.service", "jupyterhub-traefik-2.service")
SERVICES = ("etcd-1", "etcd-setup", "traefik-1", "traefik-2", "certificates")


class EtcdHost:
    """The bundle below `folder`: a member of etcd, two replicas and the issuer."""

    def __init__(self, folder: Path) -> None:
        self.http_port = free_range(14)
        self.port = self.http_port + 1
        programs = folder / "bin"
        programs.mkdir(parents=True)
        for program in (VENV_BIN / "traefik", TOOLS_BIN / "etcd", TOOLS_BIN / "lego"):
            (programs / program.name).symlink_to(program)
        self.place = Place(folder / "host", VENV_BIN / "python", programs)
        self._folder = folder

    def install(self, https: dict[str, Any]) -> None:
        """Render with `proxy.https`, and do what the README says that needs no other account."""
        proxy = {
            "kind": "traefik-etcd",
            "etcd": {"replicas": 1},
            "https": {"enabled": True, **https},
        }
        given = Values(merge(secrets.draw(), {"proxy": proxy}))
        options = Options("127.0.0.1", self.http_port, self.port, self.http_port + 2, self.place)
        for name, file in bundle.build(given, chart.defaults(chart.find()), options).files.items():
            path = self.place.prefix / name.removeprefix("root/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text)
            path.chmod(0o600 if file.private else 0o644)
        make_folders(self.place.prefix / "etc/tmpfiles.d/jupyterhub-ha.conf")

    @contextmanager
    def running(self) -> Iterator[Manager]:
        """All services but the hub."""
        logs = self._folder / "logs"
        logs.mkdir(exist_ok=True)
        with Manager(self.place.units, logs) as manager:
            for name in SERVICES:
                # No replica is ready before a hub has written routes.
                manager.start(f"jupyterhub-{name}.service", wait=False)
            yield manager

    def log(self) -> str:
        """What the issuer has said."""
        return (self._folder / f"logs/{ISSUER}.log").read_text()

    async def serial(self, trust: ssl.SSLContext, *, instead_of: str = "") -> str:
        """The serial number that is shown, once it is trusted and another one."""

        async def other() -> str:
            shown = await trusted_serial(HOST, self.port, trust)
            return "" if shown == instead_of else shown

        return str(await until(other, "certificate that is trusted", 120))


@pytest.mark.timeout(400)
async def test_all_replicas_show_what_the_issuer_obtained_and_renewed(tmp_path: Path) -> None:
    host = EtcdHost(tmp_path / "host")
    with Pebble(tmp_path / "pebble", host.http_port, {"short": _VALID}) as pebble:
        acme = {
            "contactEmail": "admin@example.org",
            "acmeServer": pebble.directory,
            "caCertificates": pebble.tls.ca.read_text(),
            "profile": "short",
        }
        host.install({"hosts": [HOST], "letsencrypt": acme})
        trust = pebble.trust()
        with host.running() as manager:
            first = await host.serial(trust)
            kept = host.place.certificates / "certificates.json"
            assert stat.S_IMODE(kept.stat().st_mode) == 0o600
            assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
            assert {"account.key", "tls.key"} <= json.loads(kept.read_text()).keys()
            manager.restart(ISSUER)
            second = await host.serial(trust, instead_of=first)
            # Kept: the restart asked for none, and the account is the same.
            assert host.log().count("obtaining a certificate") == 2
            # Replicas share the port: the one that is left shows the same.
            manager.stop("jupyterhub-traefik-2.service")
            manager.stop(ISSUER)
            assert await host.serial(trust) == second
        assert "PRIVATE KEY" not in host.log()


async def test_files_that_another_program_keeps_are_published_when_they_change(
    tmp_path: Path,
) -> None:
    authority = make_ca()
    kept = tmp_path / "live"
    kept.mkdir()

    def write() -> str:
        pair = sign(authority, Leaf(sans=(HOST,), server=True))
        for name, text in (("fullchain.pem", pair.crt), ("privkey.pem", pair.key)):
            (kept / f"{name}.new").write_text(text)
            (kept / f"{name}.new").replace(kept / name)
        return facts(pair.crt).serial

    host = EtcdHost(tmp_path / "host")
    secret = {"name": str(kept), "crt": "fullchain.pem", "key": "privkey.pem"}
    host.install({"type": "secret", "secret": secret})
    serials = [write()]
    trust = ssl.create_default_context(cadata=authority.crt)
    with host.running():
        assert await host.serial(trust) == serials[0]
        serials.append(write())
        assert await host.serial(trust, instead_of=serials[0]) == serials[1]


@pytest.mark.timeout(300)
async def test_replicas_restart_one_after_the_other_and_no_visitor_sees_it(tmp_path: Path) -> None:
    authority = make_ca()
    pair = sign(authority, Leaf(sans=(HOST,), server=True))
    host = EtcdHost(tmp_path / "host")
    host.install({"type": "manual", "manual": {"cert": pair.crt, "key": pair.key}})
    trust = ssl.create_default_context(cadata=authority.crt)
    with host.running() as manager:
        await asyncio.to_thread(manager.start, "jupyterhub-hub.service")
        assert await host.serial(trust) == facts(pair.crt).serial
        # As at a start of the host: the one that has waited for the table last leads.
        for name in REPLICAS:
            await asyncio.to_thread(manager.restart, name)
        # They are led to the login page.
        async with Visitors(HOST, [host.port], trust) as visitors:
            for name in REPLICAS:
                await asyncio.to_thread(manager.restart, name)
                await asyncio.sleep(2)
            counts = visitors.counts
        assert counts.failures == []
        assert counts.requests > 50
        assert counts.last() == {facts(pair.crt).serial}


async def test_two_replicas_cannot_ask_an_authority_without_etcd(tmp_path: Path) -> None:
    acme = {"contactEmail": "admin@example.org"}
    https = {"enabled": True, "hosts": [HOST], "letsencrypt": acme}
    values = Values({"proxy": {"kind": "traefik-file", "https": https}})
    with pytest.raises(UsageError, match="set it to 1, or"):
        bundle.build(values, chart.defaults(chart.find()), Options())
