"""The machine and the versions that the figures belong to."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from tests.support.processes import ROOT, TOOLS_BIN, VENV_BIN


def describe() -> dict[str, str]:
    """What to its value, for people."""
    processors = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", processors, re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": model[1] if model else platform.machine(),
        "memory": f"{memory:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "JupyterHub": metadata.version("jupyterhub"),
        "aiohttp": metadata.version("aiohttp"),
        "Traefik": _said([VENV_BIN / "traefik", "version"], r"Version:\s+(\S+)"),
        "etcd": _said([TOOLS_BIN / "etcd", "--version"], r"etcd Version: (\S+)"),
        "configurable-http-proxy": _said(
            [TOOLS_BIN / "configurable-http-proxy", "--version"], r"(\S+)"
        ),
        "Node.js": _node(),
        "jupyterhub-traefik-proxy": _peer_version(),
    }


def _said(command: list[Path | str], pattern: str) -> str:
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    except OSError:
        return "not installed"
    found = re.search(pattern, done.stdout + done.stderr)
    return found[1] if found else "unknown"


def _node() -> str:
    starter = (TOOLS_BIN / "configurable-http-proxy").read_text()
    found = re.search(r'exec "([^"]+)"', starter)
    return _said([found[1], "--version"], r"v(\S+)") if found else "unknown"


def _peer_version() -> str:
    folder = ROOT / ".tools/jupyterhub-traefik-proxy"
    for found in folder.glob("lib/*/site-packages/jupyterhub_traefik_proxy-*.dist-info"):
        return found.name.removesuffix(".dist-info").rpartition("-")[2]
    return "not installed"


def write_machine(file: Path) -> None:
    """Write the description beside the results."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(describe(), indent=2) + "\n")


def read_machine(file: Path) -> dict[str, str]:
    """What write_machine wrote."""
    return dict(json.loads(file.read_text()))
