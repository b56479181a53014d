"""The same hub with the next major version of JupyterHub, for the hub and the users' servers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.support.hub_session import HubSession
from tests.support.processes import ROOT, VENV_BIN
from tests.support.up import Up

pytestmark = pytest.mark.timeout(300)

OVERLAY = {"PYTHONPATH": str(ROOT / ".tools/jupyterhub-6")}
VALUES = ROOT / "values-examples/local.yaml"
PASSWORD = (ROOT / "values-examples/local-password.txt").read_text().strip()


def test_the_overlay_is_version_6() -> None:
    code = "import jupyterhub; print(jupyterhub.version_info[0])"
    done = subprocess.run(
        [VENV_BIN / "python", "-c", code],
        env={**os.environ, **OVERLAY}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "6\n"


async def test_a_user_works_and_the_hub_restarts(tmp_path: Path) -> None:
    with Up(VALUES, tmp_path / "state", env=OVERLAY) as hub:
        session = HubSession(hub.url, "alice", PASSWORD)
        await session.login()
        await session.start_server()
        assert await session.run_cell("print(6 * 7)") == "42\n"
        version = await session.run_cell("import jupyterhub; print(jupyterhub.version_info[0])")
        assert version == "6\n"
        hub.kill("jupyterhub --config")
        hub.wait_for_hub()
        assert await session.run_cell("print('still here')") == "still here\n"
        assert "Adopted 2 routes" in (hub.state / "logs/hub.log").read_text()
    assert hub.pids() == []
