"""A certificate that others write: published when it changes, without a restart of anything."""

from __future__ import annotations

import json
import os
import ssl
from pathlib import Path

import pytest
from tests.https.visitors import Visitors, shown_serial, until
from tests.support.https import HOST, HttpsSystem
from tests.support.processes import Service

from jupyterhub_ha.certificate import facts
from jupyterhub_ha.certificate_publish import PLACEHOLDER, keys, tls_prefix
from jupyterhub_ha.errors import EtcdAuthError
from proxy_gen.certificates import Leaf, Pair, make_ca, sign

AUTHORITY = make_ca()
TRUST = ssl.create_default_context(cadata=AUTHORITY.crt)


def draw() -> Pair:
    return sign(AUTHORITY, Leaf(sans=(HOST,), server=True))


class Mounted:
    """A Secret as the kubelet mounts it: links to a folder that is replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("tls.crt", "tls.key"):
            (folder / name).symlink_to(f"..data/{name}")
        self._number = 0

    def write(self, crt: str, key: str) -> None:
        self._number += 1
        new = self.folder / f"..{self._number}"
        new.mkdir()
        (new / "tls.crt").write_text(crt)
        (new / "tls.key").write_text(key)
        link = self.folder / "..data_tmp"
        link.symlink_to(new.name)
        os.replace(link, self.folder / "..data")

    @property
    def options(self) -> tuple[str | Path, ...]:
        return ("--tls-crt", self.folder / "tls.crt", "--tls-key", self.folder / "tls.key")


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path / "mounted")


async def served(visitors: Visitors, crt: str) -> None:
    serial = facts(crt).serial

    async def check() -> bool:
        return visitors.counts.last() == {serial}

    await until(check, f"certificate {serial}", 30)


async def test_a_changed_certificate_is_served_without_a_restart(
    small: HttpsSystem, mounted: Mounted
) -> None:
    old, new = draw(), draw()
    mounted.write(old.crt, old.key)
    issuer = small.issuer("issuer", *mounted.options)
    issuer.start()
    try:
        ports = [replica.port for replica in small.replicas]

        async def first() -> bool:
            try:
                shown = {await shown_serial(HOST, port, TRUST) for port in ports}
            except OSError:
                return False
            return shown == {facts(old.crt).serial}

        await until(first, "first certificate")
        async with Visitors(HOST, ports, TRUST) as visitors:
            await served(visitors, old.crt)
            mounted.write(new.crt, new.key)
            await served(visitors, new.crt)
            assert visitors.counts.failures == []
            wrong = draw()
            mounted.write(wrong.crt, new.key)
            await until(lambda: failing(small), "complaint about the key")
            assert visitors.counts.last() == {facts(new.crt).serial}
            assert visitors.counts.failures == []
    finally:
        issuer.stop()
    log = issuer.log.read_text()
    assert "does not belong" in (await small.status())["error"]
    assert "PRIVATE KEY" not in log
    assert new.key.splitlines()[1] not in log


async def failing(system: HttpsSystem) -> bool:
    return (await system.status()).get("state") == "failing"


async def test_what_etcd_lost_is_published_again(small: HttpsSystem, mounted: Mounted) -> None:
    pair = draw()
    mounted.write(pair.crt, pair.key)
    issuer = small.issuer("issuer", *mounted.options)
    issuer.start()
    client = small.etcd_client("root")
    try:
        prefix = tls_prefix("traefik")

        async def published() -> bool:
            found, _ = await client.range(prefix, prefix=True)
            return {p.key: p.value for p in found} == keys("traefik", [pair])  # type: ignore[list-item]

        await until(published, "published certificate")
        await client.delete(prefix, prefix=True)
        # A certificate of a host that has gone.
        await client.put(f"{prefix}certificates/7/certFile", "left over")
        await until(published, "certificate published again")
    finally:
        client.close()
        issuer.stop()


async def test_before_the_first_certificate_nobody_is_told_to_trust_anything(
    small: HttpsSystem, mounted: Mounted
) -> None:
    issuer = small.issuer("issuer", *mounted.options)
    issuer.start()
    try:
        await until(lambda: failing(small), "complaint")
        assert "cannot be read" in (await small.status())["error"]
        distrust = ssl.create_default_context()
        distrust.check_hostname = False
        distrust.verify_mode = ssl.CERT_NONE
        client = small.etcd_client("root")
        found, _ = await client.range(tls_prefix("traefik"), prefix=True)
        client.close()
        (crt,) = [pair.value for pair in found if pair.key.endswith("certFile")]

        async def placeholder() -> bool:
            return await shown_serial(HOST, small.replicas[0].port, distrust) == facts(crt).serial

        await until(placeholder, PLACEHOLDER)
    finally:
        issuer.stop()


async def test_of_two_issuers_one_works(small: HttpsSystem, mounted: Mounted) -> None:
    pair = draw()
    mounted.write(pair.crt, pair.key)
    issuers: list[Service] = []
    try:
        for number in range(2):
            issuers.append(small.issuer(f"issuer{number}", *mounted.options))
            issuers[-1].start()
        first, second = issuers

        async def waits() -> Service | None:
            for issuer in issuers:
                if "waiting for it to end" in issuer.log.read_text():
                    return issuer
            return None

        waiting = await until(waits, "issuer that waits")
        working = first if waiting is second else second

        async def published() -> bool:
            return "published certificate" in working.log.read_text()

        await until(published, "published certificate")
        assert "status" not in waiting.log.read_text()
        working.stop()
        changed = draw()
        mounted.write(changed.crt, changed.key)

        async def takes_over() -> bool:
            return facts(changed.crt).serial in waiting.log.read_text()

        await until(takes_over, "take-over")
    finally:
        for issuer in issuers:
            issuer.stop()


async def test_only_traefik_and_the_issuer_read_private_keys(small: HttpsSystem) -> None:
    client = small.etcd_client("hub")
    try:
        await client.range("traefik/http/", prefix=True)
        for prefix in ("traefik/tls/", "traefik/", "jupyterhub-certificates/"):
            with pytest.raises(EtcdAuthError):
                await client.range(prefix, prefix=True)
    finally:
        client.close()
    client = small.etcd_client("certificates")
    try:
        await client.range("traefik/tls/", prefix=True)
        for prefix in ("traefik/http/", "jupyterhub-ha/"):
            with pytest.raises(EtcdAuthError):
                await client.put(f"{prefix}x", "y")
    finally:
        client.close()


async def test_without_https_the_user_and_its_keys_go(small: HttpsSystem) -> None:
    root = small.etcd_client("root")
    try:
        await root.put("traefik/tls/certificates/0/keyFile", json.dumps("a key"))
        assert "taken away" in small.set_up(with_certificates=False)
        found, _ = await root.range("traefik/tls/", prefix=True)
        users = (await root.call("auth/user/list"))["users"]
    finally:
        root.close()
    assert not found
    assert "certificates" not in users
