"""`ct install` of every example that fits into the cluster: installed, tested, deleted again."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.e2e.cluster.settings import BIN, ROOT

from .kube import Kube
from .release import merged

# Not here: for one host (local, single-host*), with an etcd that somebody else runs
# (external-etcd); production is what the other tests install.
EXAMPLES = ("minimal", "chp", "in-process", "github-profiles", "z2jh-course")

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("example", EXAMPLES)
def test_ct_install(kube: Kube, tmp_path: Path, example: str) -> None:
    chart = tmp_path / "jupyterhub-ha"
    shutil.copytree(ROOT / "chart", chart)
    shutil.rmtree(chart / "ci", ignore_errors=True)
    (chart / "ci").mkdir()
    values = yaml.safe_load((ROOT / f"values-examples/{example}.yaml").read_text())
    small = yaml.safe_load((Path(__file__).parent / "values/small.yaml").read_text())
    (chart / f"ci/{example}-values.yaml").write_text(yaml.safe_dump(merged(values, small)))
    done = subprocess.run(
        [
            BIN / "ct",
            "install",
            f"--charts={chart}",
            f"--config={ROOT / 'tools/ct/ct.yaml'}",
            "--helm-extra-args=--timeout 4m",
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "KUBECONFIG": str(kube.kubeconfig),
            "PATH": f"{BIN}:{os.environ['PATH']}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    assert "All charts installed successfully" in done.stdout
