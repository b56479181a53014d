"""An authority that binds each account to one that its user has there: right, wrong, missing."""

from __future__ import annotations

import json
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.https.test_host import Host
from tests.https.visitors import trusted_serial, until
from tests.support.https import HOST, HttpsSystem, Pebble
from tests.support.ports import free_ports
from tests.support.processes import Service

from jupyterhub_ha.certificate_issuer_options import HMAC_KEY

ACCOUNTS = {
    "kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
    "kid-2": "b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJQH",
}
_PLACE = "proxy.https.letsencrypt.externalAccountBinding"


def command_lines() -> list[str]:
    """What a list of processes shows."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # ended meanwhile
            continue
    return found


class Bound:
    """Issuers one after the other, with one state; each with another account."""

    def __init__(self, system: HttpsSystem, pebble: Pebble) -> None:
        self._system = system
        self._pebble = pebble
        self._number = 0
        self.seen: set[str] = set()
        self.logs: list[Path] = []

    async def status(self, key_id: str, key: str, state: str) -> dict[str, Any]:
        """How the issuer says that it is, once that is `state`."""
        self._number += 1
        issuer = self._issuer(key_id, key)
        self.logs.append(issuer.log)
        issuer.start()

        async def check() -> dict[str, Any] | None:
            self.seen.update(line for line in command_lines() if "lego" in line)
            if f'"state": "{state}"' not in issuer.log.read_text():
                return None
            status = await self._system.status()
            return status if status["state"] == state else None

        try:
            return dict(await until(check, f"state {state}"))
        finally:
            issuer.stop()

    def _issuer(self, key_id: str, key: str) -> Service:
        options = self._system.acme_options(self._pebble)
        if key_id:
            options = (*options, "--eab-key-id", key_id)
        issuer = self._system.issuer(f"issuer{self._number}", *options)
        issuer.env = {**(issuer.env or {}), HMAC_KEY: key}
        return issuer


@pytest.mark.timeout(300)
async def test_the_issuers_account_is_bound_to_an_external_one(
    small: HttpsSystem, tmp_path: Path
) -> None:
    pebble = Pebble(tmp_path / "pebble", small.http_port, {"default": 86400}, accounts=ACCOUNTS)
    with pebble:
        bound = Bound(small, pebble)
        missing = await bound.status("", "", "failing")
        assert f"set keyId and hmacKey of {_PLACE}" in missing["error"]

        wrong = await bound.status("kid-1", ACCOUNTS["kid-2"], "failing")
        assert f"check keyId and hmacKey of {_PLACE}" in wrong["error"]

        # Corrected values are tried at once.
        right = await bound.status("kid-1", ACCOUNTS["kid-1"], "ok")
        assert right["failures"] == 0
        shown = partial(trusted_serial, HOST, small.replicas[0].port, pebble.trust())
        assert await until(shown, "certificate") == right["serial"]
        state = json.loads((small.folder / "state/certificates.json").read_text())

        other = await bound.status("kid-2", ACCOUNTS["kid-2"], "ok")
        assert other["serial"] != right["serial"]
        changed = json.loads((small.folder / "state/certificates.json").read_text())
        assert changed["account.key"] != state["account.key"]

    assert any("--accept-tos" in line for line in bound.seen)
    everything = [*bound.seen, *(log.read_text() for log in bound.logs), str(changed), str(wrong)]
    for key in ACCOUNTS.values():
        assert not [text for text in everything if key in text]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("key_id", ["kid-1", "kid-2"])
async def test_traefiks_account_is_bound_to_an_external_one(key_id: str, tmp_path: Path) -> None:
    (http_port,) = free_ports(1)
    pebble = Pebble(tmp_path / "pebble", http_port, {"default": 86400}, accounts=ACCOUNTS)
    with pebble:
        acme = {
            "contactEmail": "admin@example.org",
            "acmeServer": pebble.directory,
            "caCertificates": pebble.tls.ca.read_text(),
            # Right for one of the two.
            "externalAccountBinding": {"keyId": key_id, "hmacKey": ACCOUNTS["kid-1"]},
        }
        host = Host(tmp_path / "host", {"hosts": [HOST], "letsencrypt": acme}, http_port)
        static = host.place.config / "traefik/traefik-1.toml"
        assert stat.S_IMODE(static.stat().st_mode) == 0o600
        host.traefik.start()

        async def refused() -> bool:
            return "acme:error" in host.traefik.log.read_text()

        try:
            if key_id == "kid-1":
                assert await host.serial(pebble.trust())
            else:
                await until(refused, "refusal")
                assert await trusted_serial(HOST, host.port, pebble.trust()) == ""
        finally:
            host.traefik.kill()
        assert ACCOUNTS["kid-1"] not in host.traefik.log.read_text()
