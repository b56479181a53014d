"""Real kernels from a folder of wheels; the pod's container that installs them, as a process."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from tests.support.chart import Manifest, Rendered, render
from tests.support.processes import TOOLS_BIN, VENV_BIN
from traitlets.config import Config

from jupyterhub_ha.configure_spawner import configure_spawner
from jupyterhub_ha.values import Mounts, Values
from proxy_gen.mounts import Objects, write_mounts

DOWNLOADED = TOOLS_BIN.parent / "kernels"
ECHO, PYTHON, SCHEME = "metakernel_echo", "metakernel_python", "calysto_scheme"
# One whose package brings the kernelspec along, twice, and one with a command that makes it.
CELLS = {
    ECHO: ("a parrot", "'a parrot'"),
    PYTHON: ("6 * 7", "42"),
    SCHEME: ("(* 6 7)", "42"),
    "python3": ("print(6 * 7)", "42"),
}
"""What can be run in each kernel, and what it prints."""
PACKAGED: list[dict[str, Any]] = [
    {"name": ECHO, "package": f"{ECHO}==0.11.3"},
    {"name": PYTHON, "package": f"{PYTHON}==0.11.3"},
    {"name": SCHEME, "package": SCHEME, "module": SCHEME},
]


def wheels(folder: Path) -> dict[str, str]:
    """Fill a folder with wheels; returns the variables with which pip takes them and no others."""
    for wheel in DOWNLOADED.glob("*.whl"):
        (folder / wheel.name).symlink_to(wheel)
    for source in DOWNLOADED.glob("metakernel_*.zip"):
        _repack(source, folder)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


def _repack(source: Path, folder: Path) -> None:
    """A wheel of a MetaKernel source of 2015.

    Its module is the published one, with nothing changed. Its set-up imports what IPython had then,
    so pip cannot build it: metadata and kernelspec are written here, as its later ones have them.
    """
    stem = source.stem
    name = stem.partition("-")[0]
    with zipfile.ZipFile(source) as archive:
        module = archive.read(f"{stem}/{name}.py")
    words = ["python", "-m", name, "-f", "{connection_file}"]
    spec = {"argv": words, "display_name": name, "language": "python"}
    info = f"{stem}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {stem.partition('-')[2]}\n"
    files = {
        f"{name}.py": module,
        f"{stem}.data/data/share/jupyter/kernels/{name}/kernel.json": json.dumps(spec).encode(),
        f"{info}/METADATA": f"{metadata}Requires-Dist: metakernel\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_digest(text)},{len(text)}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)


def _digest(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={digest.decode().rstrip('=')}"


def spawner(rendered: Rendered, folder: Path) -> KubeSpawner:
    """A real KubeSpawner, configured as the hub of a render does it."""
    write_mounts(Objects(rendered.objects), rendered.get("Deployment", "hub"), folder)
    c = Config()
    configure_spawner(c, Values.load(Mounts(folder / "usr/local/etc/jupyterhub")))
    # Only its connection to a cluster is left out.
    with (
        patch("kubespawner.spawner.load_config", lambda **_: None),
        patch("kubespawner.spawner.shared_client", lambda _: None),
    ):
        return KubeSpawner(config=c, _mock=True)


async def pod_of(one: KubeSpawner) -> Manifest:
    """The pod as it would be sent to the API server, after the hook."""
    one.get_env = lambda: dict(one.environment)
    pod = one.modify_pod_hook(one, await one.get_pod_manifest())
    async with ApiClient() as client:
        sent: Manifest = client.sanitize_for_serialization(pod)
    return sent


class Pod:
    """A user's pod of a render, with its volumes as folders; runs the container that installs."""

    def __init__(self, kernels: list[dict[str, Any]], env: Mapping[str, str], folder: Path) -> None:
        self.folder = folder
        self.values = {"singleuser": {"kernels": kernels, "extraEnv": dict(env)}}
        self.rendered = render(self.values)
        self.spawner = spawner(self.rendered, folder / "hub")

    async def make(self) -> None:
        """Ask the spawner for the pod, and fill its ConfigMap's volume."""
        self.manifest = await pod_of(self.spawner)
        self.users = self.manifest["spec"]["containers"][0]
        (self.container,) = (
            one
            for one in self.manifest["spec"]["initContainers"]
            if one["name"] == "install-kernels"
        )
        for volume in self.manifest["spec"]["volumes"]:
            place = self.folder / "volumes" / volume["name"]
            place.mkdir(parents=True, exist_ok=True)
            if "configMap" in volume:
                data = self.rendered.get("ConfigMap", volume["configMap"]["name"])["data"]
                for name, text in data.items():
                    (place / name).write_text(text)

    def place(self, path: str) -> str:
        """Where a path in the container is on this machine; paths of no volume stay."""
        for mount in self.container["volumeMounts"]:
            if path == mount["mountPath"] or path.startswith(f"{mount['mountPath']}/"):
                rest = path.removeprefix(mount["mountPath"])
                return f"{self.folder}/volumes/{mount['name']}{rest}"
        return path

    def install(self) -> subprocess.CompletedProcess[str]:
        """Run the container's command with its environment; this checkout's Python is the image."""
        env = {one["name"]: one["value"] for one in self.container["env"]}
        return subprocess.run(
            [self.place(word) for word in self.container["command"]],
            env={**env, "PATH": f"{VENV_BIN}:{os.environ['PATH']}", "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    @property
    def jupyter_path(self) -> str:
        """The user's JUPYTER_PATH, on this machine."""
        (path,) = (e["value"] for e in self.users["env"] if e["name"] == "JUPYTER_PATH")
        return ":".join(self.place(part) for part in path.split(":"))
