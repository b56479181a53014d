"""Visitors' servers on one host, by a real systemd: what they reach, write and leave behind.

It runs in namespaces of its own (tests/support/nested_systemd.py), which needs root. In place of
Jupyter, whose Python may lie where units cannot read, a program looks around.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support import nested_systemd
from tests.support.processes import ROOT, VENV_BIN

WHY_NOT = nested_systemd.missing()
pytestmark = [
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT),
    pytest.mark.timeout(150),
]

SCRIPT = f"""
mkdir -p /var/lib/jupyterhub-ha/visitor
ip address add 10.9.9.9/32 dev lo
ip address add 198.51.100.7/32 dev lo
/usr/bin/python3 -m http.server 8081 >/dev/null 2>&1 &
hub=$!
{VENV_BIN}/python -W ignore {nested_systemd.OUT}/spawn.py > {nested_systemd.OUT}/found.json
code=$?
ls -A /var/lib/private /var/lib/jupyterhub-ha/visitor /run/jupyterhub-visitors
kill $hub
exit $code
"""
SPAWN = f"""
import asyncio, json, sys, urllib.request
from types import SimpleNamespace

sys.path.insert(0, {str(ROOT / "chart/files/hub")!r})
from jupyterhub_ha.tmpnb_units import TransientUnitSpawner, UnitError


def spawner(number, **options):
    made = TransientUnitSpawner(disk="50M", **options)
    made.user = SimpleNamespace(id=number, name=f"v{{number}}", url=f"/user/v{{number}}/")
    made.cmd = ["/usr/bin/python3", "{nested_systemd.OUT}/visitors_unit.py"]
    made.get_args = list
    made.get_env = lambda: {{
        "JUPYTERHUB_API_TOKEN": f'$HOME "{{number}}"',
        "JUPYTERHUB_SERVICE_URL": f"http://{{made.ip}}:{{made.port}}/",
        "PATH": "/usr/bin:/bin",
    }}
    return made


async def seen(made):
    for _ in range(600):
        try:
            url = f"http://{{made.ip}}:{{made.port}}/"
            return json.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(url).read()))
        except OSError:
            await asyncio.sleep(0.1)


async def failure(made):
    try:
        await made.start()
    except UnitError as error:
        return str(error)


async def main():
    first, second = spawner(1), spawner(2, internet=True)
    missing = spawner(3)
    missing.cmd = ["/nonexistent"]
    for made in (first, second):
        await made.start()
    # As a hub that has been restarted knows it.
    found = {{"polled": [await spawner(1).poll(), await spawner(4).poll()]}}
    found |= {{"first": await seen(first), "second": await seen(second)}}
    found |= {{"twice": await failure(spawner(1)), "missing": await failure(missing)}}
    found["missing polled"] = await missing.poll()
    await first.stop()
    found["stopped"] = await first.poll()
    await first.start()
    found["again"] = await seen(first)
    for made in (first, second):
        await made.stop()
    json.dump(found, sys.stdout)


asyncio.run(main())
"""


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """What the servers found, and what the folders have when all of them have ended."""
    looks = Path(__file__).with_name("visitors_unit.py").read_text()
    folder = tmp_path_factory.mktemp("systemd")
    return nested_systemd.run_and_read(SCRIPT, folder, 120, spawn=SPAWN, visitors_unit=looks)


@pytest.fixture
def found(tried: tuple[dict[str, Any], str]) -> dict[str, Any]:
    """What the servers found."""
    return tried[0]


def test_a_server_reaches_itself_and_the_hub(found: dict[str, Any]) -> None:
    reached = found["first"]["reached"]
    open_ = {name for name, outcome in reached.items() if outcome == "ok"}
    assert open_ == {"own", "first", "hub"}


def test_with_internet_it_reaches_public_addresses_and_dns_but_no_other_server(
    found: dict[str, Any],
) -> None:
    reached = found["second"]["reached"]
    open_ = {name for name, outcome in reached.items() if outcome == "ok"}
    assert open_ == {"own", "second", "hub", "public", "dns"}


def test_it_writes_only_into_folders_of_its_own(found: dict[str, Any]) -> None:
    first = found["first"]
    refused = {path for path, outcome in first["written"].items() if outcome != "ok"}
    assert refused == {"/etc/x", "/var/tmp/x"}  # noqa: S108
    assert first["listed"] == {
        "/home": "PermissionError",
        "/root": "PermissionError",
        "/run/jupyterhub-visitors": "PermissionError",
        ".": "ok",
        "/tmp": "ok",  # noqa: S108
    }
    assert 40 <= first["filled"] <= 50


def test_it_is_nobody_and_sees_nobody(found: dict[str, Any]) -> None:
    first, second = found["first"], found["second"]
    # systemd's range for users that exist only meanwhile.
    assert 61184 <= first["uid"] <= 65519
    assert first["uid"] != second["uid"]
    assert first["processes"] <= 2
    assert first["namespace"] != 0


def test_its_variables_are_its_own(found: dict[str, Any]) -> None:
    assert found["first"]["token"] == '$HOME "1"'
    assert found["second"]["token"] == '$HOME "2"'
    assert found["first"]["home"] == "/var/lib/jupyterhub-ha/visitor"


def test_the_hub_knows_what_runs(found: dict[str, Any]) -> None:
    assert found["polled"] == [None, 1]
    assert found["stopped"] == found["missing polled"] == 1
    assert found["again"]["reached"]["hub"] == "ok"


def test_failures_have_systemds_reason(found: dict[str, Any]) -> None:
    assert "was already loaded" in found["twice"]
    assert "/nonexistent" in found["missing"]


def test_nothing_is_left(tried: tuple[dict[str, Any], str]) -> None:
    lines = [line for line in tried[1].splitlines() if line]
    assert lines == [
        f"{folder}:"
        for folder in (
            "/run/jupyterhub-visitors",
            "/var/lib/jupyterhub-ha/visitor",
            "/var/lib/private",
        )
    ]
