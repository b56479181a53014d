"""etcd's members on their own feet: they begin, come back, become more and fewer. Real etcd."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.support.certificates import write_certificates
from tests.support.etcd_pods import EtcdPods
from tests.support.ports import free_ports
from tests.support.processes import TOOLS_BIN, Service, answers

from jupyterhub_ha import etcd_options
from jupyterhub_ha.errors import EtcdError
from jupyterhub_ha.etcd_client import EtcdClient
from jupyterhub_ha.etcd_membership import Member
from jupyterhub_ha.etcd_options import document
from jupyterhub_ha.etcd_wire import decode, encode
from jupyterhub_ha.membership_lock import LOCK_KEY, membership_lock

pytestmark = pytest.mark.timeout(400)

# Not in the configuration file, or another way to find members than ours.
ONLY_ON_THE_COMMAND_LINE = re.compile(r"discovery.*|raft-.*-timeout|.*-crl-file|v2-deprecation")


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[EtcdPods]:
    with EtcdPods(tmp_path, write_certificates(tmp_path / "certificates")) as made:
        yield made


def begin(pods: EtcdPods, wanted: int) -> None:
    """A cluster of so many members, set up."""
    pods.wanted = wanted
    pods.start()
    pods.wait()
    done = pods.set_up()
    assert done.returncode == 0, done.stderr


async def members(pods: EtcdPods, *asked: int) -> list[Member]:
    client = pods.client(*asked)
    answer = await client.call("cluster/member/list", {"linearizable": True})
    client.close()
    return [Member.of(found) for found in answer["members"]]


async def voters(pods: EtcdPods, *asked: int) -> list[str]:
    return sorted(m.name for m in await members(pods, *asked) if not m.is_learner)


def until_said(pods: EtcdPods, number: int, text: str) -> None:
    """Wait for a line in a pod's log."""
    pods.pods[number].wait_until(lambda: text in pods.log(number), f"word of {text!r}", 90)


async def own_value(pods: EtcdPods, number: int, key: str) -> str:
    """What a member has itself, whatever the others have."""
    client = pods.client(number)
    answer = await client.call("kv/range", {"key": encode(key), "serializable": True})
    client.close()
    return decode(answer["kvs"][0]["value"]) if "kvs" in answer else ""


async def put(pods: EtcdPods, key: str, value: str) -> None:
    client = pods.client(*pods.running)
    await client.put(key, value)
    client.close()


async def test_members_that_start_together_are_one_cluster(pods: EtcdPods) -> None:
    pods.wanted = 3
    pods.start()
    pods.wait()
    assert await voters(pods) == ["m0", "m1", "m2"]
    # One that looks late finds the others' cluster, and joins it.
    assert any("no member has data: a new cluster begins" in pods.log(n) for n in range(3))


async def test_none_begins_before_the_last_one_has_been_seen(pods: EtcdPods) -> None:
    pods.wanted = 3
    pods.start(0, 1)
    until_said(pods, 0, "no answer from m2")
    until_said(pods, 1, "no answer from m2")
    assert not any(map(pods.has_data, (0, 1, 2)))
    pods.start(2)
    pods.wait()
    assert await voters(pods) == ["m0", "m1", "m2"]


@pytest.mark.parametrize("is_set_up", [True, False])
async def test_a_member_that_lost_its_volume_comes_back_by_itself(
    pods: EtcdPods, is_set_up: bool
) -> None:
    """Also before there are users."""
    if is_set_up:
        begin(pods, 3)
    else:
        pods.wanted = 3
        pods.start()
        pods.wait()
    await put(pods, "traefik/x", "1")
    before = {m.name: m.id for m in await members(pods)}
    pods.lose(1)
    await put(pods, "traefik/y", "2")
    pods.start(1)
    pods.wait()
    after = {m.name: m.id for m in await members(pods)}
    assert after.keys() == before.keys()
    assert {name for name in after if after[name] != before[name]} == {"m1"}
    assert await own_value(pods, 1, "traefik/x") == "1"
    assert await own_value(pods, 1, "traefik/y") == "2"


async def test_two_of_five_lose_their_volumes_at_once(pods: EtcdPods) -> None:
    begin(pods, 5)
    await put(pods, "traefik/x", "1")
    pods.lose(1, 3)
    pods.start()
    pods.wait()
    assert await voters(pods) == pods.names
    assert [await own_value(pods, n, "traefik/x") for n in (1, 3)] == ["1", "1"]


async def test_without_the_others_a_lost_member_begins_nothing(pods: EtcdPods) -> None:
    begin(pods, 3)
    await put(pods, "traefik/x", "1")
    pods.lose(0)
    for number in (1, 2):
        pods.pods[number].kill()
    pods.start(0)
    until_said(pods, 0, "no answer from m1, m2, which may have data")
    pods.start(1)  # with its data, but one of three is no majority
    until_said(pods, 0, "the cluster refuses or has no leader")
    assert pods.pods[0].running
    assert not pods.has_data(0)
    pods.start(2)
    pods.wait()
    assert await voters(pods) == ["m0", "m1", "m2"]
    assert await own_value(pods, 0, "traefik/x") == "1"


async def test_all_members_lost_begin_anew(pods: EtcdPods) -> None:
    begin(pods, 3)
    await put(pods, "traefik/x", "1")
    pods.lose(0, 1, 2)
    begin(pods, 3)
    assert await voters(pods) == ["m0", "m1", "m2"]
    assert await own_value(pods, 1, "traefik/x") == ""


class Writer:
    """Writes one number after another to the first member and its companions, as a hub would."""

    def __init__(self, client: EtcdClient) -> None:
        self.client = client
        self.failed: list[str] = []
        self.written = 0
        self.slowest = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Writer:
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self.client.close()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self.client.put("traefik/counter", str(self.written + 1))
                self.written += 1
            except EtcdError as error:
                self.failed.append(str(error))
            self.slowest = max(self.slowest, loop.time() - began)
            await asyncio.sleep(0.02)


async def scale(pods: EtcdPods, wanted: int) -> None:
    """As `helm upgrade` does: pods and the set-up's Job at once."""
    gone = range(wanted, pods.wanted)
    pods.wanted = wanted
    pods.start()
    set_up = asyncio.to_thread(pods.set_up, "--timeout", "60")
    for number in gone:
        await asyncio.to_thread(pods.pods[number].stop)
        pods.lose(number)  # persistentVolumeClaimRetentionPolicy.whenScaled
    done = await set_up
    assert done.returncode == 0, done.stderr
    await asyncio.to_thread(pods.wait)
    assert await voters(pods, 0, 1) == pods.names[:wanted]


async def test_the_number_of_members_changes_while_clients_write(pods: EtcdPods) -> None:
    begin(pods, 1)
    first = (await members(pods, 0))[0]
    async with Writer(pods.client(0, 1, 2)) as writer:
        for wanted in (3, 5, 3):
            before = writer.written
            await scale(pods, wanted)
            assert writer.written > before
            counted = int(await own_value(pods, wanted - 1, "traefik/counter"))
            assert counted >= before
    assert writer.failed == []
    assert first.id in {m.id for m in await members(pods, 0)}, "another cluster"
    # A volume that was scaled away is not missed when the member comes again.
    await scale(pods, 5)


async def test_one_at_a_time_changes_the_members(pods: EtcdPods) -> None:
    begin(pods, 1)
    one, other = pods.client(0), pods.client(0)
    async with membership_lock(one, "m1") as before:
        assert before == ""
        async with membership_lock(other, "m2") as found:
            assert found == "m1"
    async with membership_lock(other, "m2") as found:
        assert found == ""
    assert (await one.range(LOCK_KEY))[0] == []
    one.close()
    other.close()


async def test_a_member_that_runs_is_not_removed(pods: EtcdPods) -> None:
    """As when the set-up of the former release is late."""
    begin(pods, 3)
    pods.wanted = 1
    done = await asyncio.to_thread(pods.set_up, "--timeout", "1")
    assert done.returncode == 1
    assert "m1 is not wanted, but still runs" in done.stderr
    assert await voters(pods, 0) == ["m0", "m1", "m2"]


async def fill(client: EtcdClient, *keys: str) -> None:
    """Write to the keys in turn until etcd has no space."""
    for key in itertools.cycle(keys):
        try:
            await client.put(key, "x" * 50_000)
        except EtcdError as error:
            assert "database space exceeded" in str(error)  # noqa: PT017
            return


async def test_a_full_etcd_is_given_room(tmp_path: Path) -> None:
    """The smallest quota that holds the users, and one value written until nothing fits."""
    certificates = write_certificates(tmp_path / "certificates")
    quota = {"quota-backend-bytes": str(1024 * 1024)}
    with EtcdPods(tmp_path, certificates, 3, quota) as pods:
        begin(pods, 3)
        client = pods.client()
        await fill(client, "traefik/x")
        done = await asyncio.to_thread(pods.set_up)
        assert done.returncode == 0, done.stderr
        assert "there is room again" in done.stderr
        await client.put("traefik/x", "written")
        alarms = await client.call("maintenance/alarm", {"action": "GET"})
        assert not alarms.get("alarms")
        client.close()


async def test_data_that_need_nearly_all_of_the_quota_are_reported(tmp_path: Path) -> None:
    certificates = write_certificates(tmp_path / "certificates")
    quota = {"quota-backend-bytes": str(1024 * 1024)}
    with EtcdPods(tmp_path, certificates, 1, quota) as pods:
        begin(pods, 1)
        client = pods.client()
        said = ""
        for turn in range(5):  # each time less is given back
            await fill(client, *(f"traefik/{turn}/{number}" for number in range(100)))
            said = (await asyncio.to_thread(pods.set_up)).stderr
            if "raise proxy.etcd.quotaBackendBytes" in said:
                break
        client.close()
        assert "the data need nearly all of it: raise proxy.etcd.quotaBackendBytes" in said


def test_the_file_can_have_every_option_of_etcd(tmp_path: Path) -> None:
    """Each one in etcd's own help with its default there, in one file that etcd starts with."""
    etcd = TOOLS_BIN / "etcd"
    text = subprocess.run([etcd, "--help"], capture_output=True, text=True, check=True)
    found = dict(re.findall(r"^ +--([a-z0-9-]+)(?: '([^']*)')?", text.stdout + text.stderr, re.M))
    assert len(found) > 80
    options = {n: v for n, v in found.items() if not ONLY_ON_THE_COMMAND_LINE.fullmatch(n)}
    known = etcd_options.KNOWN
    assert options.keys() - known == set()
    assert known - found.keys() == set()
    client, peer, health = free_ports(3)
    options |= {
        "name": "m0",
        "data-dir": str(tmp_path / "data"),
        "listen-client-urls": f"http://127.0.0.1:{client}",
        "advertise-client-urls": f"http://127.0.0.1:{client}",
        "listen-peer-urls": f"http://127.0.0.1:{peer}",
        "initial-advertise-peer-urls": f"http://127.0.0.1:{peer}",
        "listen-metrics-urls": f"http://127.0.0.1:{health}",
        "initial-cluster": f"m0=http://127.0.0.1:{peer}",
        "max-concurrent-streams": "1000",
    }
    file = tmp_path / "etcd.json"
    file.write_text(json.dumps(document({n: v for n, v in options.items() if v})))
    service = Service([etcd, f"--config-file={file}"], tmp_path / "etcd.log")
    service.start()
    try:
        service.wait_until(lambda: answers(f"http://127.0.0.1:{health}/readyz"), "readiness")
    finally:
        service.kill()
