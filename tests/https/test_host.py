"""The documents of a bundle for one host: real Traefik asks pebble itself, or shows files."""

from __future__ import annotations

import json
import ssl
import stat
from base64 import b64decode
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.https.visitors import trusted_serial, until
from tests.support.https import HOST, Pebble
from tests.support.ports import free_ports
from tests.support.processes import VENV_BIN, Service

from jupyterhub_ha.certificate import facts
from proxy_gen import bundle, chart
from proxy_gen.certificates import Leaf, make_ca, sign
from proxy_gen.host_place import Options, Place
from proxy_gen.values import Values


class Host:
    """The bundle's files below a folder, and its first replica."""

    def __init__(self, folder: Path, https: dict[str, Any], http_port: int) -> None:
        self.port, first = free_ports(2)
        proxy = {
            "kind": "traefik-file",
            "traefik": {"replicas": 1},
            "https": {"enabled": True, **https},
        }
        options = Options("127.0.0.1", http_port, self.port, first, Place(folder))
        built = bundle.build(Values({"proxy": proxy}), chart.defaults(chart.find()), options)
        for name, file in built.files.items():
            path = folder / name.removeprefix("root/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text)
            path.chmod(0o600 if file.private else 0o644)
        self.place = options.place
        self.place.acme.mkdir(mode=0o700)
        static = self.place.config / "traefik/traefik-1.toml"
        self.traefik = Service(
            [VENV_BIN / "traefik", f"--configfile={static}"], folder / "traefik.log"
        )

    async def serial(self, trust: ssl.SSLContext) -> str:
        shown = partial(trusted_serial, HOST, self.port, trust)
        return str(await until(shown, "certificate that is trusted"))


def serials(kept: Path) -> list[str]:
    """The serial numbers in Traefik's acme.json; none while it is being written."""
    try:
        resolvers = json.loads(kept.read_text()).values()
    except json.JSONDecodeError:
        return []
    certificates = [one for resolver in resolvers for one in resolver["Certificates"] or ()]
    return [facts(b64decode(one["certificate"]).decode()).serial for one in certificates]


@pytest.mark.timeout(180)
async def test_traefik_asks_the_authority_itself(tmp_path: Path) -> None:
    (http_port,) = free_ports(1)
    with Pebble(tmp_path / "pebble", http_port, {"default": 90 * 86400}) as pebble:
        acme = {
            "contactEmail": "admin@example.org",
            "acmeServer": pebble.directory,
            "caCertificates": pebble.tls.ca.read_text(),
        }
        host = Host(tmp_path / "host", {"hosts": [HOST], "letsencrypt": acme}, http_port)
        host.traefik.start()
        try:
            first = await host.serial(pebble.trust())
            kept = host.place.acme / "acme.json"
            assert stat.S_IMODE(kept.stat().st_mode) == 0o600
            # Traefik shows a certificate before it has written it.
            host.traefik.wait_until(lambda: first in serials(kept), "certificate in acme.json")
            host.traefik.stop()
            host.traefik.start()
            # Kept: the authority is not asked again, as it would be 30 days before the end.
            assert await host.serial(pebble.trust()) == first
        finally:
            host.traefik.kill()


async def test_the_values_certificate_is_shown(tmp_path: Path) -> None:
    authority = make_ca()
    pair = sign(authority, Leaf(sans=(HOST,), server=True))
    (http_port,) = free_ports(1)
    manual = {"type": "manual", "manual": {"cert": pair.crt, "key": pair.key}}
    host = Host(tmp_path / "host", manual, http_port)
    key = host.place.config / "traefik/tls/tls.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    host.traefik.start()
    try:
        trust = ssl.create_default_context(cadata=authority.crt)
        assert await host.serial(trust) == facts(pair.crt).serial
    finally:
        host.traefik.kill()
