"""A whole hub on this machine: log in, run a cell, lose a replica, lose the hub, stop.

The tests share one hub and run in the order of this file; each leaves the hub working.
"""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.support import processes
from tests.support.hub_session import HubSession, close, execute
from tests.support.processes import ROOT, VENV_BIN
from tests.support.up import Up, tagged_pids

pytestmark = pytest.mark.timeout(300)

VALUES = ROOT / "values-examples/local.yaml"
PASSWORD = (ROOT / "values-examples/local-password.txt").read_text().strip()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with Up(VALUES, tmp_path_factory.mktemp("up") / "state") as running:
        yield running


def status(url: str, user: str = "", password: str = "") -> int:
    request = urllib.request.Request(url)  # noqa: S310
    if user:
        token = b64encode(f"{user}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    return processes.status(request)


def requests_served(hub: Up, replica: int) -> int:
    """How many requests of users a replica has answered, from its metrics."""
    url = f"http://127.0.0.1:{hub.ports[f'replica-{replica}']}/metrics"
    with urllib.request.urlopen(url, timeout=30) as response:
        text = response.read().decode()
    counts = re.findall(
        r'^traefik_service_requests_total\{.*service="(?!\w+@internal).*\} (\S+)$',
        text,
        re.MULTILINE,
    )
    return int(sum(float(count) for count in counts))


def test_the_url_gives_the_login_page(hub: Up) -> None:
    with urllib.request.urlopen(f"{hub.url}hub/login", timeout=30) as response:  # noqa: S310
        assert response.status == 200
        assert b'name="password"' in response.read()


def serving(hub: Up) -> int:
    """Which replica has new connections, found by making some."""
    before = [requests_served(hub, replica) for replica in (0, 1)]
    for _ in range(10):
        assert status(f"{hub.url}hub/health") == 200
    after = [requests_served(hub, replica) for replica in (0, 1)]
    (found,) = (replica for replica in (0, 1) if after[replica] - before[replica] >= 10)
    return found


def test_replicas_have_the_charts_environment(hub: Up) -> None:
    (pid,) = hub.pids("traefik-1.toml")
    assert b"GOGC=400" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def test_a_restart_shows_nobody_an_error(hub: Up) -> None:
    """The replica that has listened longest serves; the one that starts gets no user before."""
    first = serving(hub)
    (pid,) = hub.pids(f"traefik-{first + 1}.toml")
    os.kill(pid, signal.SIGTERM)
    answers = []
    deadline = time.monotonic() + 60
    while (
        not hub.pids(f"traefik-{first + 1}.toml") or f"-{first + 1}: runs again" not in hub.output
    ):
        answers.append(status(f"{hub.url}hub/health"))
        assert time.monotonic() < deadline, hub.output
    answers += [status(f"{hub.url}hub/health") for _ in range(50)]
    assert set(answers) == {200}
    assert serving(hub) == 1 - first


def readme_script(hub: Up, user: str, password_file: Path) -> subprocess.CompletedProcess[str]:
    script = [VENV_BIN / "python", ROOT / "tests/e2e/run_cell.py", hub.url]
    return subprocess.run(
        [*script, "--user", user, "--password-file", password_file],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_the_script_of_the_readme_runs_a_cell(hub: Up) -> None:
    done = readme_script(hub, "alice", ROOT / "values-examples/local-password.txt")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "42\n"


def test_a_wrong_password_is_refused(hub: Up) -> None:
    done = readme_script(hub, "mallory", ROOT / "LICENSE")
    assert done.returncode == 1
    assert "wrong password?" in done.stderr


async def test_work_goes_on_when_a_replica_is_killed(hub: Up) -> None:
    session = HubSession(hub.url, "alice", PASSWORD)
    await session.login()
    await session.start_server()
    kernel = await session.start_kernel()
    before = await session.open_channels(kernel)
    assert await execute(before, "x = 20; print(x)") == "20\n"
    name = f"traefik-{serving(hub) + 1}"
    hub.kill(f"{name}.toml")
    # The other replica serves on at once, and the kernel's memory is where it was.
    assert status(f"{hub.url}hub/health") == 200
    after = await session.open_channels(kernel)
    assert await execute(after, "print(x + 22)") == "42\n"
    await close(after)
    await close(before)
    hub.wait_for(f"{name}: stopped by itself", 60)
    hub.wait_for(f"{name}: runs again", 60)


async def test_a_restarted_hub_leaves_running_servers_alone(hub: Up) -> None:
    session = HubSession(hub.url, "bob", PASSWORD)
    await session.login()
    await session.start_server()
    kernel = await session.start_kernel()
    channels = await session.open_channels(kernel)
    hub.kill("jupyterhub --config")
    # No hub now: the user's own requests go on.
    assert await execute(channels, "print('alive')") == "alive\n"
    hub.wait_for_hub()
    # The killed hub's is an orphan now; it must be known as ours, to be ended with the rest.
    assert len(hub.pids("jupyterhub_idle_culler")) == 2
    assert await execute(channels, "print('still')") == "still\n"
    await close(channels)
    assert await session.run_cell("print('a new kernel')") == "a new kernel\n"
    log = (hub.state / "logs/hub.log").read_text()
    adopted = re.findall(r"[Aa]dopted (\d+) routes", log)
    assert int(adopted[-1]) >= 3, "the hub's route and those of alice and bob"


def test_the_dashboard_needs_its_password(hub: Up) -> None:
    secrets = yaml.safe_load((hub.state / "secrets.yaml").read_text())
    password = secrets["proxy"]["traefik"]["dashboard"]["password"]
    assert status(hub.dashboard_url) == 401
    assert status(hub.dashboard_url, "admin", "wrong") == 401
    assert status(hub.dashboard_url, "admin", password) == 200


def test_the_replicas_api_is_the_hubs_only(hub: Up) -> None:
    internal = f"http://127.0.0.1:{hub.ports['replica-0']}"
    assert status(f"{internal}/ping") == 200
    assert status(f"{internal}/api/rawdata") == 401
    assert status(f"{hub.url}api/rawdata") != 200, "the API must not be on the public port"


def test_secrets_are_for_this_account_only(hub: Up) -> None:
    assert stat.S_IMODE(hub.state.stat().st_mode) == 0o700
    assert stat.S_IMODE((hub.state / "secrets.yaml").stat().st_mode) == 0o600
    secrets = yaml.safe_load((hub.state / "secrets.yaml").read_text())
    password = secrets["proxy"]["etcd"]["auth"]["hubPassword"]
    assert password not in hub.output
    words = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True)
    assert password not in words.stdout
    for log in (hub.state / "logs").iterdir():
        assert password not in log.read_text(errors="replace"), log


def test_a_second_hub_in_the_same_folder_is_refused(hub: Up) -> None:
    done = subprocess.run(
        [VENV_BIN / "proxy-gen", "up", VALUES, f"--state-dir={hub.state}"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "runs from this folder already" in done.stderr
    assert status(f"{hub.url}hub/health") == 200


def test_ctrl_c_stops_everything_and_leaves_nothing(hub: Up) -> None:
    assert len(hub.pids("jupyterhub-singleuser")) == 2, "the servers of alice and bob"
    assert hub.interrupt() == 0
    assert hub.pids() == []
    with pytest.raises(OSError, match="refused"):
        status(f"{hub.url}hub/health")


def test_killed_outright_it_leaves_nothing_for_the_next_start(tmp_path: Path) -> None:
    first = Up(VALUES, tmp_path / "state")
    with first:
        first.process.kill()
        first.process.wait()
    with Up(VALUES, tmp_path / "state") as second:
        assert status(f"{second.url}hub/health") == 200
        assert len(second.pids("traefik-1.toml")) == 1
    assert second.pids() == []


def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [VENV_BIN / "proxy-gen", "up", VALUES, "--port=0", f"--state-dir={state}"],
            stdout=output, stderr=output, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    deadline = time.monotonic() + 120
    while "up: etcd" not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(100) == 0
    assert "JupyterHub  http" not in log.read_text(), "it went on starting"
    assert tagged_pids(state) == []
