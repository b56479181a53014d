"""`singleuser.kernels` in the cluster: the pod's own script as a process, then a user's server."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.hub_session import HubSession
from tests.support.kernels import CELLS as KNOWN_CELLS
from tests.support.kernels import ECHO, PACKAGED, SCHEME, Pod
from tests.support.local_hub import LocalHub, logged_in

pytestmark = pytest.mark.timeout(400)

FOLDER = "from_a_folder"
PROXY = 'c.JupyterHub.proxy_class = "jupyterhub_ha.InProcessProxy"\n'
CELLS = {**KNOWN_CELLS, FOLDER: KNOWN_CELLS["python3"]}


@pytest.fixture(scope="module")
def folder_of_the_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kernelspec that somebody built into the image."""
    folder = tmp_path_factory.mktemp("image") / "opt/some-kernel"
    folder.mkdir(parents=True)
    words = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": words, "display_name": "of the image", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    (folder / "logo-svg.svg").write_text("<svg/>")
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pod(
    tmp_path_factory: pytest.TempPathFactory, pips: dict[str, str], folder_of_the_image: Path
) -> Pod:
    """A pod whose container has installed every sort of kernel."""
    kernels = [
        *PACKAGED,
        {"name": FOLDER, "kernelspec": str(folder_of_the_image)},
        {"name": "python3", "prebuilt": True},
    ]
    made = Pod(kernels, pips, tmp_path_factory.mktemp("pod"))
    await made.make()
    done = made.install()
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"kernels: {', '.join(kernel['name'] for kernel in kernels)}\n"
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def user(pod: Pod, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HubSession]:
    """A user with a server of a real hub, in the environment that the pod has."""
    config = f'{PROXY}c.Spawner.environment["JUPYTER_PATH"] = {pod.jupyter_path!r}\n'
    with LocalHub(tmp_path_factory.mktemp("local"), config) as hub:
        yield await logged_in(hub, "ada")


@pytest.mark.asyncio(loop_scope="module")
async def test_the_user_sees_every_kernel(user: HubSession) -> None:
    code = (
        "import subprocess as s; print(s.getoutput('jupyter kernelspec list --json 2>/dev/null'))"
    )
    there = json.loads(await user.run_cell(code))["kernelspecs"]
    assert set(CELLS) <= set(there)
    # ipykernel came along with the packages, and with it a python3: not for users.
    assert "volumes" not in there["python3"]["resource_dir"]
    assert (Path(there[FOLDER]["resource_dir"]) / "logo-svg.svg").is_file()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("kernel", CELLS)
async def test_a_cell_runs_over_a_websocket(user: HubSession, kernel: str) -> None:
    code, printed = CELLS[kernel]
    assert (await user.run_cell(code, kernel=kernel)).strip() == printed


@pytest.mark.asyncio(loop_scope="module")
async def test_the_users_own_environment_is_as_it_was(user: HubSession) -> None:
    code = (
        "import importlib.util as u, os; print(u.find_spec('metakernel'), os.getenv('PYTHONPATH'))"
    )
    assert await user.run_cell(code) == "None None\n"


@pytest.mark.asyncio(loop_scope="module")
async def test_what_cannot_be_installed_is_told_at_once_and_what_was_there_stays(pod: Pod) -> None:
    bad = Pod(
        [
            {"name": "parrot", "package": f"{ECHO}==0.11.3"},
            {"name": "octave", "kernelspec": "/no/such/folder"},
            {"name": "julia", "prebuilt": True},
        ],
        dict(pod.values["singleuser"]["extraEnv"]),  # type: ignore[arg-type]
        pod.folder,
    )
    await bad.make()
    done = bad.install()
    assert done.returncode == 1
    assert f"parrot: {ECHO}==0.11.3 brings no kernel of this name, but {SCHEME}" in done.stderr
    assert "octave: /no/such/folder is no kernelspec" in done.stderr
    assert "julia: is not in this image, which has " in done.stderr
    assert set(os.listdir(f"{pod.jupyter_path}/kernels")) == set(CELLS) - {"python3"}
