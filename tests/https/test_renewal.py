"""A certificate through its life, under load: issued, renewed, and all that may go wrong.

Every request is checked against pebble's root. None may fail while a certificate changes, while
the issuer is dead, while names lead elsewhere or while the authority is away; nor at a replica that
is killed, from the moment when a Service would no longer send anybody there.
"""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.https.visitors import Counts, Visitors, trusted_serial, until
from tests.support.echo import EchoServer
from tests.support.https import HOST, HttpsSystem, Pebble
from tests.support.processes import Service

_VALID = 600  # seconds
_MANY = 31  # requests: so many that one that fails now and then would show
_PACE = ("--renew-at", "0.07", "--first-pause", "2", "--longest-pause", "8")


class Story:
    """The parts, and a line for each thing that happened."""

    def __init__(self, system: HttpsSystem, pebble: Pebble) -> None:
        self.system = system
        self.pebble = pebble
        self.issuer = self.start_issuer(0)
        self.visitors = Visitors(HOST, [r.port for r in system.replicas], pebble.trust())
        self._began = time.monotonic()

    def start_issuer(self, number: int) -> Service:
        options = (*self.system.acme_options(self.pebble), "--profile", "short", *_PACE)
        issuer = self.system.issuer(f"issuer{number}", *options)
        issuer.start()
        return issuer

    async def state(self, *names: str) -> dict[str, Any]:
        """The status, once its state is one of these."""

        async def check() -> dict[str, Any] | None:
            status = await self.system.status()
            return status if status.get("state") in names else None

        found: dict[str, Any] = await until(check, f"state {' or '.join(names)}")
        return found

    async def served(self, *, instead_of: str = "") -> str:
        """The serial number that all replicas serve, once it is one, and another one."""

        async def check() -> str:
            serial = str((await self.system.status()).get("serial", ""))
            shown = self.visitors.counts.last()
            return serial if serial != instead_of and shown == {serial} else ""

        return str(await until(check, "new certificate at all replicas", 90))

    async def visited(self) -> None:
        """Wait for three seconds at least, and on a slow machine until many requests were made."""
        await asyncio.sleep(3)

        async def check() -> bool:
            return self.visitors.counts.requests >= _MANY

        await until(check, "many requests")

    def tell(self, what: str, counts: Counts) -> Counts:
        """Print the line; nothing may have failed."""
        seconds = time.monotonic() - self._began
        served = ", ".join(sorted({s[:8] for each in counts.serials.values() for s in each}))
        print(
            f"{seconds:5.1f} s  {what:44} {counts.requests:5} requests, "
            f"{len(counts.failures)} failed, certificate {served}"
        )
        assert counts.failures == []
        assert counts.requests >= _MANY
        return counts


@pytest.mark.timeout(400)
async def test_life_of_a_certificate(tmp_path: Path) -> None:
    async with EchoServer("server") as server:
        system = HttpsSystem(tmp_path, server.url)
        with system, Pebble(tmp_path / "pebble", system.http_port, {"short": _VALID}) as pebble:
            story = Story(system, pebble)
            try:
                await story.state("ok")
                async with story.visitors:
                    await _live(story)
            finally:
                story.issuer.kill()


async def _live(story: Story) -> None:
    visitors, system = story.visitors, story.system
    first = await story.served()
    await story.visited()
    story.tell("issued", visitors.count_anew())

    second = await story.served(instead_of=first)
    counts = story.tell("renewed", visitors.count_anew())
    # Every replica showed the old one and then the new one, and nothing else.
    assert set(map(tuple, counts.serials.values())) == {(first, second)}

    story.issuer.kill()
    await story.visited()
    counts = story.tell("the issuer is killed", visitors.count_anew())
    assert counts.last() == {second}

    await _without_a_replica(story, second)
    third = await _wrong_challenge(story, second)

    # One that has stopped answers no more, but may come back with what it knows.
    story.pebble.server.send_signal(signal.SIGKILL)
    failed = await story.state("failing")
    await story.visited()
    counts = story.tell("the authority is away", visitors.count_anew())
    assert counts.last() == {third}
    assert "127.0.0.1" in failed["error"]
    assert failed["failures"] >= 1
    assert (await system.status())["serial"] == third


async def _without_a_replica(story: Story, serial: str) -> None:
    visitors, victim = story.visitors, story.system.replicas[0]
    visitors.away.add(victim.port)
    victim.kill()
    await story.visited()
    story.tell("a replica is killed", visitors.count_anew())
    victim.start()
    trust = story.pebble.trust()

    async def is_back() -> bool:
        return await trusted_serial(HOST, victim.port, trust) == serial

    # It answers before it has its certificate from etcd.
    await until(is_back, "certificate at the replica that is back")
    visitors.away.clear()
    await story.visited()
    counts = story.tell("the replica is back", visitors.count_anew())
    assert counts.last() == {serial}


async def _wrong_challenge(story: Story, serial: str) -> str:
    """Names lead elsewhere: it fails, is told, and is tried again with growing pauses."""
    visitors = story.visitors
    story.pebble.point_names("127.0.0.2")
    story.issuer = story.start_issuer(1)
    failed = await story.state("failing")
    assert failed["failures"] >= 1
    assert "urn:ietf:params:acme:error:" in failed["error"]
    assert HOST in failed["error"]

    async def again() -> dict[str, Any] | None:
        status = await story.system.status()
        return status if status.get("failures", 0) > failed["failures"] else None

    await until(again, "second attempt")
    counts = story.tell("a challenge fails twice", visitors.count_anew())
    assert counts.last() == {serial}
    story.pebble.point_names("127.0.0.1")
    renewed = await story.served(instead_of=serial)
    story.tell("challenges succeed again: renewed", visitors.count_anew())
    assert (await story.state("ok"))["failures"] == 0
    return renewed
