"""The set-up command on a real etcd with mTLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.proxies import TraefikEtcdSystem


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraefikEtcdSystem]:
    folder = tmp_path_factory.mktemp("etcd-setup")
    with TraefikEtcdSystem(folder, replicas=0, members=3) as running:
        yield running


async def test_a_second_run_changes_nothing(system) -> None:
    root = system.etcd_client()
    before = await root.call("auth/status")
    _, revision = await root.range("traefik", prefix=True)
    assert system.set_up() == ""
    after = await root.call("auth/status")
    assert after["enabled"]
    assert after["authRevision"] == before["authRevision"]
    assert (await root.range("traefik", prefix=True))[1] == revision


async def test_rights_that_were_widened_are_taken_back(system) -> None:
    root = system.etcd_client()
    everything = {"permType": "READWRITE", "key": "AA==", "range_end": "AA=="}
    await root.call("auth/role/grant", {"name": "traefik", "perm": everything})
    await root.call("auth/user/grant", {"user": "traefik", "role": "root"})
    said = system.set_up()
    assert "permission for" in said
    assert "role root taken away" in said
    role = await root.call("auth/role/get", {"role": "traefik"})
    assert len(role["perm"]) == 1
    assert (await root.call("auth/user/get", {"name": "traefik"}))["roles"] == ["traefik"]


def test_every_member_is_defragmented(system) -> None:
    said = system.set_up("the-hub-password", "--defragment")
    assert sorted(line.split(":")[1].strip() for line in said.splitlines()) == ["m0", "m1", "m2"]


async def test_an_alarm_that_is_not_about_space_is_reported(system) -> None:
    root = system.etcd_client()
    alarm = {"action": "ACTIVATE", "alarm": "CORRUPT"}
    await root.call("maintenance/alarm", alarm)
    try:
        with pytest.raises(RuntimeError, match=r"exit status [13]: .*(CORRUPT|corrupt)"):
            system.set_up()
    finally:
        await root.call("maintenance/alarm", {**alarm, "action": "DEACTIVATE"})
    assert system.set_up() == ""
