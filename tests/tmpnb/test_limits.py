"""Limits, the line and its page; with tiny servers, which are no notebooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from tests.support.tmpnb import TinyHub, VisitorSession, come

pytestmark = pytest.mark.timeout(300)

SMALL = {"pool": {"size": 1}, "limits": {"servers": 2, "perAddressPerMinute": 0}}


def program(hub: TinyHub, **headers: str) -> VisitorSession:
    """A visitor that takes no pages."""
    return VisitorSession(hub.url, Accept="application/json", **headers)


async def place(visitor: VisitorSession) -> Any:
    """What the page that waits is told."""
    answer = await visitor.fetch(urljoin(visitor.url, "hub/tmpnb/place"))
    return json.loads(answer.body)


async def test_who_comes_too_late_waits_in_order_and_goes_on(tmp_path: Path) -> None:
    with TinyHub(tmp_path, SMALL) as hub:
        first, second = VisitorSession(hub.url), VisitorSession(hub.url)
        for visitor in (first, second):
            await hub.until(ready=1)
            await come(visitor)
        await hub.until(claimed=2, ready=0, starting=0)
        third, fourth = VisitorSession(hub.url), program(hub)
        page = await third.visit()
        assert page.code == 200
        assert b"All notebooks are in use" in page.body
        assert b"1 of 1" in page.body
        answer = await fourth.follow(hub.url)
        assert answer.code == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert json.loads(answer.body) == {
            "message": "all servers are in use; ask again with the same cookies",
            "place": 2,
            "of": 2,
        }
        assert (await hub.until(waiting=2))["claimed"] == 2
        assert await place(third) == {"place": 1, "of": 2, "go": False, "again": 1.1}

        await first.follow(urljoin(hub.url, "hub/logout"))
        await hub.until(ready=1)
        # Who has not asked for long is passed over, so the first in the line asks first.
        assert (await place(third))["go"] is True
        assert (await fourth.follow(hub.url)).code == 503, "it is not the first in the line"
        await third.visit()
        assert third.username
        names = {first.username, second.username, third.username}
        assert len(names) == 3
        assert len(await hub.servers()) == 2, "never more than the limit"


async def test_so_many_servers_for_one_address(tmp_path: Path) -> None:
    limits = {"servers": 20, "perAddressPerMinute": 2}
    with TinyHub(tmp_path, {"pool": {"size": 5, "concurrency": 5}, "limits": limits}) as hub:
        await hub.until(ready=5)
        for _ in range(2):
            visitor = VisitorSession(hub.url)
            await visitor.visit()
            assert visitor.username
        late = VisitorSession(hub.url)
        page = await late.visit()
        assert b"from your network" in page.body
        forged = [
            {"X-Forwarded-For": "203.0.113.1"},
            {"X-Real-IP": "203.0.113.2"},
            {"Forwarded": "for=203.0.113.3"},
            {"X-Forwarded-For": "203.0.113.4, 203.0.113.5"},
            {"X_Forwarded_For": "203.0.113.6"},
        ]
        for headers in forged:
            answer = await program(hub, **headers).follow(hub.url)
            assert answer.code == 503, headers
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
            assert "address" in json.loads(answer.body)["message"]
        assert (await hub.report())["claims"] == 2


async def test_addresses_that_a_trusted_proxy_tells_count_each(tmp_path: Path) -> None:
    limits = {"servers": 20, "perAddressPerMinute": 1}
    trusted = "c.InProcessProxy.trusted_networks = ['127.0.0.0/8']\n"
    more = trusted + "c.TemporaryAuthenticator.trusted_networks = ['127.0.0.0/8']\n"
    with TinyHub(tmp_path, {"pool": {"size": 5}, "limits": limits}, more) as hub:
        await hub.until(ready=5)
        for address, code in [
            ("203.0.113.1", 200),
            ("203.0.113.2", 200),
            ("203.0.113.1", 503),
            ("198.51.100.9, 203.0.113.1", 503),
            ("2001:db8::1", 200),
            ("2001:db8::2", 503),
            ("2001:db8:0:1::2", 200),
        ]:
            answer = await program(hub, **{"X-Forwarded-For": address}).follow(hub.url)
            assert answer.code == code, address
