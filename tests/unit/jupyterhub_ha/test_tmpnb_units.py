"""Visitors' servers as transient units: addresses, properties, commands.

What systemd itself makes of the properties is read by systemd-analyze where the machine has it. The
programs of systemd that the spawner calls are scripts here, which write down how they are called:
the machine of the tests need not be run by systemd.
"""

import shutil
import stat
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.support.units import environment
from traitlets.config import Config

from jupyterhub_ha import tmpnb_units
from jupyterhub_ha.errors import UnitError
from jupyterhub_ha.tmpnb_units import (
    SPAWNER_CLASS,
    Limits,
    TransientUnitSpawner,
    address_of,
    configure_units,
    environment_file,
    properties,
)
from jupyterhub_ha.values import Values

LIMITS = Limits(disk=2**30, tasks=256, memory=2**29, cpus=0.5)
ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.parametrize(
    ("number", "address"),
    [
        (0, "127.64.0.0"),
        (1, "127.64.0.1"),
        (256, "127.64.1.0"),
        (2**22 - 1, "127.127.255.255"),
        (2**22, "127.64.0.0"),
    ],
)
def test_each_server_has_a_loopback_address_of_its_own(number, address):
    assert address_of(number) == address


@pytest.mark.parametrize(
    ("reachable", "denied", "allowed"),
    [
        (None, "any", "127.0.0.1 127.64.0.1"),
        ([], "127.0.0.0/8 10.0.0.0/8 ", "127.0.0.1 127.64.0.1"),
        (["127.0.0.53"], "127.0.0.0/8 10.0.0.0/8 ", "127.0.0.1 127.64.0.1 127.0.0.53"),
    ],
)
def test_what_a_unit_reaches(reachable, denied, allowed):
    made = dict(properties("127.64.0.1", "/visitor", LIMITS, reachable))
    assert made["IPAddressDeny"].startswith(denied)
    assert made["IPAddressAllow"] == allowed


def test_limits():
    made = dict(properties("127.64.0.1", "/visitor", LIMITS, None))
    folders = [one.split(",")[0] for one in made["TemporaryFileSystem"].split()]
    assert folders == [f"/visitor:size={2**30}", f"/dev/shm:size={2**30}"]  # noqa: S108
    limits = ("MemoryMax", "MemorySwapMax", "CPUQuota", "TasksMax")
    assert [made[name] for name in limits] == [str(2**29), "0", "50%", "256"]
    without = dict(properties("127.64.0.1", "/visitor", Limits(2**30, 64), None))
    assert not {"MemoryMax", "CPUQuota"} & without.keys()


@pytest.mark.parametrize(
    "value", ["plain", 'quo"te', "back\\slash", "$HOME", "`id`", "100%", "é", ""]
)
def test_variables_come_back_as_they_were(value, tmp_path):
    file = tmp_path / "x.env"
    file.write_text(environment_file({"NAME": value, "OTHER": "x"}))
    assert environment(file) == {"NAME": value, "OTHER": "x"}


@pytest.mark.skipif(not ANALYZE, reason="this machine has no systemd-analyze")
@pytest.mark.parametrize("reachable", [None, ["127.0.0.53"]])
def test_systemd_reads_the_properties_and_finds_little_exposed(reachable, tmp_path):
    lines = [f"{k}={v}" for k, v in properties("127.64.0.1", "/visitor", LIMITS, reachable)]
    unit = tmp_path / "visitor.service"
    unit.write_text("\n".join(["[Service]", "ExecStart=/bin/true", *lines]) + "\n")
    for command in (["verify"], ["security", "--offline=yes", "--threshold=20"]):
        done = subprocess.run(
            [ANALYZE, *command, unit], capture_output=True, text=True, check=False, timeout=100
        )
        assert done.returncode == 0, done.stdout + done.stderr
        if command == ["verify"]:
            assert done.stdout + done.stderr == ""


# --- the spawner --------------------------------------------------------------------------------

SCRIPT = """#!/bin/sh
echo "${0##*/} $*" >> {log}
for word; do
  case $word in --property=EnvironmentFile=*) cp -p "${word##*=}" {folder}/kept.env;; esac
done
echo "{said}"
exit {code}
"""


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """Programs of systemd that write down how they are called, and end as they are told."""

    def programs(code=0, said=""):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        text = SCRIPT
        changes = {"log": tmp_path / "log", "folder": tmp_path, "said": said, "code": code}
        for name, value in changes.items():
            text = text.replace(f"{{{name}}}", str(value))
        for name in ("systemd-run", "systemctl"):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        monkeypatch.setattr(tmpnb_units, "_ENVIRONMENTS", tmp_path / "environments")
        monkeypatch.setattr(tmpnb_units, "_FILTERING", (tmp_path,))
        return tmp_path

    return programs


@pytest.fixture
def spawner():
    """Of the user with number 7."""
    made = TransientUnitSpawner(mem_limit="512M", cpu_limit=2)
    made.user = SimpleNamespace(id=7, name="v7", url="/user/v7/")
    made.cmd = ["sh", "-c", "jupyterhub-singleuser"]
    made.get_env = lambda: {"JUPYTERHUB_API_TOKEN": "very-secret", "PATH": "/usr/bin:/bin"}
    made.get_args = list
    return made


async def test_a_server_is_started(systemd, spawner):
    folder = systemd()
    assert await spawner.start() == ("127.64.0.7", 8888)
    (line,) = (folder / "log").read_text().splitlines()
    options, _, command = line.partition(" -- ")
    assert "--unit=jupyterhub-visitor-7.service --slice=jupyterhub-visitors.slice" in options
    assert "--property=DynamicUser=yes" in options
    assert f"--property=MemoryMax={512 * 2**20}" in options
    assert "--property=IPAddressAllow=127.0.0.1 127.64.0.7" in options
    assert command == "/usr/bin/sh -c jupyterhub-singleuser --KernelManager.transport=ipc"


async def test_its_token_is_where_only_root_reads_it_and_only_while_it_starts(systemd, spawner):
    folder = systemd()
    await spawner.start()
    assert "very-secret" not in (folder / "log").read_text()
    kept = folder / "kept.env"
    assert environment(kept)["JUPYTERHUB_API_TOKEN"] == "very-secret"
    assert environment(kept)["HOME"] == spawner.home
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    environments = folder / "environments"
    assert stat.S_IMODE(environments.stat().st_mode) == 0o700
    assert list(environments.iterdir()) == []


async def test_what_systemd_says_of_a_failure_is_told(systemd, spawner):
    folder = systemd(1, "Unit was already loaded")
    with pytest.raises(UnitError, match="Unit was already loaded; `journalctl --unit"):
        await spawner.start()
    assert list((folder / "environments").iterdir()) == []


async def test_without_a_filter_of_addresses_nothing_is_started(systemd, spawner, monkeypatch):
    folder = systemd()
    monkeypatch.setattr(tmpnb_units, "_FILTERING", (Path("/nonexistent"),))
    with pytest.raises(UnitError, match=r"cannot filter addresses.*; start the host with"):
        await spawner.start()
    assert not (folder / "log").exists()


@pytest.mark.parametrize(("code", "status"), [(0, None), (3, 1), (4, 1)])
async def test_whether_it_runs(systemd, spawner, code, status):
    systemd(code)
    assert await spawner.poll() == status


async def test_a_systemd_that_does_not_answer_is_no_server_that_ended(systemd, spawner):
    systemd(1, "Failed to connect to bus")
    with pytest.raises(UnitError, match="Failed to connect to bus"):
        await spawner.poll()


async def test_it_is_stopped(systemd, spawner):
    folder = systemd()
    await spawner.stop()
    assert (folder / "log").read_text() == "systemctl stop jupyterhub-visitor-7.service\n"


def test_values_reach_the_spawner():
    c = Config()
    data = {"tmpnb": {"sandbox": {"disk": "2G", "internet": True}}}
    configure_units(c, Values(data))
    assert c.JupyterHub.spawner_class == SPAWNER_CLASS
    made = TransientUnitSpawner(config=c)
    assert (made.disk, made.internet) == (2 * 2**30, True)
