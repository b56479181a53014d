"""`proxy-gen up` with other values than the example's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from tests.support.hub_session import HubSession
from tests.support.processes import ROOT, VENV_BIN
from tests.support.up import Up

pytestmark = pytest.mark.timeout(300)

VALUES = ROOT / "values-examples/local.yaml"
PASSWORD = (ROOT / "values-examples/local-password.txt").read_text().strip()


async def test_three_of_each_below_a_path_and_with_other_names(tmp_path: Path) -> None:
    values = yaml.safe_load(VALUES.read_text())
    values["fullnameOverride"] = "other"
    values["hub"]["baseUrl"] = "/jupyter/"
    values["proxy"]["traefik"] = {"replicas": 3}
    values["proxy"]["etcd"] = {"replicas": 3}
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    with Up(file, tmp_path / "state") as hub:
        assert hub.url.endswith("/jupyter/")
        assert hub.dashboard_url == "", "it is off by default"
        session = HubSession(hub.url, "zoë@example.org", PASSWORD)
        await session.login()
        await session.start_server()
        assert await session.run_cell("print(6 * 7)") == "42\n"
        # The loss of one member and one replica at once.
        hub.kill("--name=member-0 ")
        hub.kill("traefik-2.toml")
        assert await session.run_cell("print('on')") == "on\n"
    assert hub.pids() == []


@pytest.mark.parametrize("change", ["proxy.kind=chp", "proxy.etcd.replicas=2"])
def test_what_cannot_run_here_is_refused_with_the_cure(change: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [VENV_BIN / "proxy-gen", "up", VALUES, "--set", change, f"--state-dir={tmp_path}"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode in {1, 2}
    assert change.partition("=")[0] in done.stderr
    assert "Traceback" not in done.stderr
