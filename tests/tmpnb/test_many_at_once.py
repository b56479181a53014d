"""A thousand visitors at once, and a hub that is killed among them: nobody gets another's server.

With tiny servers, which are no notebooks: a thousand of those do not fit on this machine.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest
from tests.support.tmpnb import TinyHub, VisitorSession, come

pytestmark = pytest.mark.timeout(1800)


def values(count: int) -> dict[str, object]:
    """A pool for so many visitors, and not one server more."""
    return {
        "pool": {"size": count, "concurrency": 20},
        "limits": {"servers": count, "perAddressPerMinute": 0},
    }


async def some(tasks: list[asyncio.Task[str]], count: int) -> None:
    """Wait until so many are done."""
    left = set(tasks)
    while len(tasks) - len(left) < count:
        _, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)


async def test_a_thousand_visitors_at_once_get_a_thousand_servers(tmp_path: Path) -> None:
    with TinyHub(tmp_path, values(1000)) as hub:
        await hub.until(900, ready=1000)
        ready = set(await hub.servers())
        visitors = [VisitorSession(hub.url) for _ in range(1000)]
        names = await asyncio.gather(*(come(visitor, 900) for visitor in visitors))
        assert [name for name, times in Counter(names).items() if times > 1] == []
        assert set(names) == ready
        again = await asyncio.gather(*(visitor.visit() for visitor in visitors[::50]))
        assert all(page.code == 200 for page in again)
        assert [visitor.username for visitor in visitors[::50]] == names[::50]
        report = await hub.report()
        assert (report["claims"], report["claimed"]) == (1000, 1000)


async def test_a_hub_that_is_killed_among_claims_loses_and_doubles_nothing(tmp_path: Path) -> None:
    count = 150
    with TinyHub(tmp_path, values(count)) as hub:
        await hub.until(120, ready=count)
        came: list[asyncio.Task[str]] = []
        for _ in range(2):
            visitors = [VisitorSession(hub.url) for _ in range(count // 2)]
            coming = [asyncio.create_task(come(visitor)) for visitor in visitors]
            came += coming
            await some(coming, count // 15)
            await asyncio.to_thread(hub.stop, signal.SIGKILL)
            assert not all(task.done() for task in coming), "it was among the claims"
            await asyncio.to_thread(hub.start)
        names = await asyncio.gather(*came)
        assert [name for name, times in Counter(names).items() if times > 1] == []
        # Who got no answer got the same server at the next try, so not one is without a visitor.
        assert set(names) == set(await hub.servers())
        assert set(names) == set(await hub.users())
        await hub.until(claimed=count, ready=0, starting=0)
