"""What may go wrong with the pool; with tiny servers, which are no notebooks."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from urllib.parse import urljoin

import pytest
from tests.support.tmpnb import TinyHub, VisitorSession

pytestmark = pytest.mark.timeout(300)


async def claimed(hub: TinyHub) -> VisitorSession:
    """A visitor with a server."""
    visitor = VisitorSession(hub.url)
    await visitor.visit()
    assert visitor.username
    return visitor


async def test_spawns_that_fail_are_tried_more_and_more_rarely_and_heal(tmp_path: Path) -> None:
    with TinyHub(tmp_path, {"limits": {"servers": 20, "perAddressPerMinute": 0}}) as hub:
        await hub.until(ready=3)
        hub.let_starts(fail="the image registry.example.org/x:1 is gone")
        visitor = await claimed(hub)
        for name in await hub.servers():
            if name != visitor.username:
                await hub.servers(name, "DELETE")
        # Whoever comes now waits, and whoever has a server keeps it.
        late = VisitorSession(hub.url)
        page = await late.visit()
        assert b"All notebooks are in use" in page.body
        await asyncio.sleep(12)
        report = await hub.report()
        assert 2 <= report["failures"] <= 12, "at first 3 at once, then one after longer pauses"
        assert report["last_failure"] == "RuntimeError: the image registry.example.org/x:1 is gone"
        assert (await visitor.visit()).code == 200
        hub.let_starts()
        await hub.until(ready=4)  # one more for who waits
        await late.visit()
        assert late.username not in {"", visitor.username}
        await hub.until(ready=3, starting=0)
        assert set(await hub.users()) == set(await hub.servers())
        assert "consecutive spawns failed" not in hub.log.replace("Hub will exit", "")


async def test_a_server_that_does_not_answer_is_given_to_nobody_and_ended(tmp_path: Path) -> None:
    limits = {"servers": 20, "perAddressPerMinute": 0}
    with TinyHub(tmp_path, {"limits": limits}) as hub:
        await hub.until(ready=3)
        before = set(await hub.servers())
        hub.let_starts(seconds=15)
        lost = sorted(before)[:2]
        for name in lost:  # their process goes, and the spawner goes on to say that they run
            await hub.servers(f"{name}/lose", "POST")
        first, second = await claimed(hub), VisitorSession(hub.url)
        assert {first.username} == before - set(lost)
        assert b"All notebooks are in use" in (await second.visit()).body
        report = await hub.until(ready=3, ending=0)
        await second.visit()
        assert second.username not in {"", *before}
        assert report["ended"]["dead"] == 2
        assert not set(lost) & set(await hub.users())


async def test_another_spec_drains_the_pool_and_leaves_visitors_alone(tmp_path: Path) -> None:
    config = tmp_path / "jupyterhub_config.py"
    with TinyHub(tmp_path, {"limits": {"servers": 20, "perAddressPerMinute": 0}}) as hub:
        await hub.until(ready=3)
        visitor = await claimed(hub)
        await hub.until(ready=3)
        old = set(await hub.servers())
        hub.let_starts(fail="the new image is not there yet")
        await asyncio.to_thread(hub.stop)
        config.write_text(config.read_text() + "c.TemporaryAuthenticator.spec = 'new'\n")
        await asyncio.to_thread(hub.start)
        await hub.until(old=3, ready=0)
        await asyncio.sleep(3)
        assert set(await hub.servers()) == old, "the old pool stays until there is a new one"
        late = await claimed(hub)
        assert late.username in old
        hub.let_starts()
        await hub.until(old=0, ready=3, ending=0)
        running = set(await hub.servers())
        assert running & old == {visitor.username, late.username}
        assert set(await hub.users()) == running
        again = await visitor.visit()
        assert again.code == 200


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restarted_hub_adopts_what_runs(tmp_path: Path, how: signal.Signals) -> None:
    with TinyHub(tmp_path) as hub:
        await hub.until(ready=3)
        visitor = await claimed(hub)
        await hub.until(ready=3)
        before = set(await hub.servers())
        await asyncio.to_thread(hub.stop, how)
        await asyncio.to_thread(hub.start)
        report = await hub.until(ready=3, claimed=1)
        assert set(await hub.servers()) == before
        assert report["failures"] == 0
        first = visitor.username
        assert (await visitor.visit()).code == 200
        assert visitor.username == first
        assert (await claimed(hub)).username in before - {first}


async def test_a_hub_that_is_killed_while_servers_start_leaves_none_behind(tmp_path: Path) -> None:
    with TinyHub(tmp_path) as hub:
        await hub.until(ready=3)
        hub.let_starts(seconds=30)
        await claimed(hub)
        await claimed(hub)
        await hub.until(starting=2)
        hub.let_starts()  # those two have read theirs
        await asyncio.to_thread(hub.stop, signal.SIGKILL)
        await asyncio.to_thread(hub.start)
        await hub.until(ready=3, claimed=2, starting=0, ending=0)
        assert set(await hub.users()) == set(await hub.servers())
        assert len(await hub.servers()) == 5


async def test_drain_resize_and_recycle(tmp_path: Path) -> None:
    with TinyHub(tmp_path) as hub:
        await hub.until(ready=3)
        visitor = await claimed(hub)
        await hub.until(ready=3)
        assert (await hub.control("resize", {"size": 1})).code == 202
        await hub.until(ready=1, wanted=1, ending=0)
        before = set(await hub.servers())
        assert (await hub.control("recycle")).code == 202
        await hub.until(ready=1, old=0, ending=0)
        assert set(await hub.servers()) & before == {visitor.username}
        assert (await hub.control("drain")).code == 202
        await hub.until(ready=0, wanted=0, ending=0)
        assert await hub.servers() == [visitor.username]
        late = VisitorSession(hub.url)
        assert b"All notebooks are in use" in (await late.visit()).body
        assert (await visitor.visit()).code == 200
        for wrong in ({"size": 7}, {"size": -1}, {"size": "3"}, {"size": True}, {}, [], None):
            answer = await hub.control("resize", wrong)
            assert answer.code == 400, wrong
            assert b"from 0 to 6" in answer.body
        assert (await hub.control("resize", {"size": None})).code == 202
        await hub.until(wanted=3)


async def test_a_server_of_age_ends_however_much_it_is_used(tmp_path: Path) -> None:
    with TinyHub(tmp_path, {"maxAge": 6, "idleTimeout": 60}) as hub:
        await hub.until(ready=3)
        began = time.monotonic()
        visitor = await claimed(hub)
        while (await visitor.fetch(urljoin(visitor.server_url, "x"))).code == 200:
            assert time.monotonic() - began < 60
            await asyncio.sleep(0.2)
        assert time.monotonic() - began >= 5
        await hub.until(claimed=0, ending=0)
        assert (await hub.report())["ended"]["age"] == 1


async def test_a_server_that_could_not_be_stopped_is_not_forgotten(tmp_path: Path) -> None:
    with TinyHub(tmp_path) as hub:
        await hub.until(ready=3)
        hub.let_starts(fail_stop="the cluster's API does not answer")
        before = set(await hub.servers())
        await hub.control("resize", {"size": 1})
        await hub.until(ready=1)
        await asyncio.sleep(3)
        assert set(await hub.servers()) == set(await hub.users()) == before
        hub.let_starts()
        await hub.until(ready=1, ending=0)
        assert set(await hub.servers()) == set(await hub.users())
        assert len(await hub.servers()) == 1
