"""Runs the commands of the how-to pages against a release, as an administrator types them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml
from tests.e2e.cluster.settings import BIN, ROOT
from tests.support.doc_blocks import CLUSTER, Block, blocks_of
from tests.support.processes import VENV_BIN

from .release import Release

PAGES = (
    "install",
    "status",
    "trouble",
    "review",
    "upgrade",
    "monitor",
    "secrets",
    "etcd",
    "backup",
)
"""Those with commands for a cluster, in the order in which somebody would come to them."""
FOLDER = ROOT / "docs/how-to"
_FILE = re.compile(r"^`(\w+\.yaml)`:\n+```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A file that a page shows, and that its commands use."""
_SECONDS = 420
_WATCHING = 30  # what never ends by itself is ended after so many seconds


def cluster_blocks(page: str) -> list[Block]:
    """The blocks of a how-to page that need a cluster."""
    return [block for block in blocks_of(FOLDER / f"{page}.md") if block.elsewhere == CLUSTER]


def is_installation(block: Block) -> bool:
    """Whether it begins a release, and does not belong to one that is there."""
    return "--install" in block.text


@dataclass(frozen=True)
class Admin:
    """Somebody at a shell, in a folder that looks like a clone's root, with a release."""

    release: Release
    folder: Path

    def prepare(self) -> None:
        """The files that the pages assume."""
        for name in ("chart", "values-examples"):
            (self.folder / name).symlink_to(ROOT / name)
        for name in ("values.yaml", "my-values.yaml"):
            (self.folder / name).write_text(yaml.safe_dump(self.release.all_values()))
        draw = (VENV_BIN / "proxy-gen", "secrets", self.folder / "secrets.yaml")
        subprocess.run(draw, check=True, capture_output=True)
        for page in PAGES:
            text = (FOLDER / f"{page}.md").read_text()
            for name, content in _FILE.findall(text):
                (self.folder / name).write_text(content)

    def status(self) -> subprocess.CompletedProcess[str]:
        """What `proxy-gen status` says of the release."""
        kube = self.release.kube
        return subprocess.run(
            [
                *(VENV_BIN / "proxy-gen", "status", "--namespace", kube.namespace),
                *("--kubeconfig", kube.kubeconfig),
            ],
            capture_output=True,
            text=True,
            check=False,
        )

    def types(self, block: Block) -> str:
        """Run a block's commands; returns what they printed. AssertionError if one fails."""
        script = self._here(block)
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env={
                "PATH": f"{VENV_BIN}:{BIN}:{os.environ['PATH']}",
                "HOME": str(self.folder),
                "KUBECONFIG": str(self.release.kube.kubeconfig),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            said = f"not ended after {_SECONDS} s"
        finally:
            # What a block leaves in the background, such as a port-forward.
            _end(process.pid)
        assert process.returncode == 0, f"{block}\n{script}\n{said[-6000:]}"
        return said

    def _here(self, block: Block) -> str:
        """The commands in this release's namespace; those that watch end after a while."""
        namespace = self.release.kube.namespace
        text = block.text.replace("-n hub", f"-n {namespace}")
        text = text.replace("--namespace hub", f"--namespace {namespace}")
        text = text.replace("release:hub@hub", f"release:hub@{namespace}")
        text = text.replace(" hub ./chart", f" {self.release.name} ./chart")
        lines = text.splitlines()
        watching = f"timeout --preserve-status --signal=INT {_WATCHING} "
        return "\n".join(watching + line if " --watch" in line else line for line in lines)


def _end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
