"""The file trees that images are made of: a small Debian, and Python packages for hub and users.

Made once and kept; each tree has a stamp of what it was made from.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from pathlib import Path

from . import machine
from .settings import BUILT, ROOT

DEBIAN = "bookworm"
# The Python of that Debian.
PYTHON = "3.11"
_DEBIAN_PACKAGES = [
    "ca-certificates",
    "curl",
    "dnsutils",
    "iproute2",
    "iptables",
    "nginx-light",
    "procps",
    "python3",
    "tini",
]
# What the stock hub image brings, and not this project's package: that comes from the chart.
HUB_PACKAGES = [
    "jupyterhub",
    "jupyterhub-kubespawner",
    "jupyterhub-idle-culler",
    "jupyterhub-firstuseauthenticator",
    "jupyterhub-ldapauthenticator",
    "jupyterhub-nativeauthenticator",
    "jupyterhub-tmpauthenticator",
    "oauthenticator",
    "psycopg2-binary",
    "pymysql",
]
# As the stock image has pip, which installs the kernels of singleuser.kernels.
USER_PACKAGES = ["jupyterhub", "jupyterlab", "ipykernel", "pip==25.3"]
_UNUSED = [
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
]


def debian() -> Path:
    """A Debian tree with the packages above (a minute or two the first time)."""
    tree = BUILT / "debian"
    stamp = _digest(DEBIAN, *_DEBIAN_PACKAGES)
    if _is_current(tree, stamp):
        return tree
    shutil.rmtree(tree, ignore_errors=True)
    tree.parent.mkdir(parents=True, exist_ok=True)
    options = ["--variant=minbase", f"--include={','.join(_DEBIAN_PACKAGES)}"]
    # In namespaces of its own: an interrupted run leaves no mount behind.
    isolated = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private"]
    machine.run(*isolated, "debootstrap", *options, DEBIAN, str(tree), mirror())
    for name in _UNUSED:
        shutil.rmtree(tree / name, ignore_errors=True)
    _write_stamp(tree, stamp)
    return tree


def mirror() -> str:
    """The Debian mirror that this machine's apt uses."""
    sources = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    text = "\n".join(path.read_text() for path in sources if path.is_file())
    found = mirror_in(text)
    if found is None:
        raise machine.ClusterError(
            "apt's sources name no Debian mirror; add one, debootstrap needs it"
        )
    return found


def mirror_in(sources: str) -> str | None:
    """The first mirror that apt's sources name, comments left out."""
    for line in sources.splitlines():
        match = re.search(r"https?://\S+?/debian(?=/?(\s|$))", line)
        if match and not line.lstrip().startswith("#"):
            return match[0]
    return None


def python(name: str, packages: list[str]) -> Path:
    """A tree to be laid on /usr/local: packages, their programs and data files."""
    tree = BUILT / f"python-{name}"
    constraints = ROOT / "tools/constraints.txt"
    stamp = _digest(PYTHON, constraints.read_text(), *packages)
    if _is_current(tree, stamp):
        return tree
    found = ".".join(str(part) for part in sys.version_info[:2])
    if found != PYTHON:
        raise machine.ClusterError(
            f"the images have Python {PYTHON}, .venv has {found}: compiled packages would not "
            f"fit; make .venv with Python {PYTHON}"
        )
    shutil.rmtree(tree, ignore_errors=True)
    options = ["--quiet", "--ignore-installed", "--no-warn-script-location", f"--prefix={tree}"]
    pip = [sys.executable, "-m", "pip", "install"]
    machine.run(*pip, *options, f"--constraint={constraints}", *packages)
    for program in (tree / "bin").iterdir():
        if program.is_file() and not program.is_symlink():
            _set_interpreter(program)
    _write_stamp(tree, stamp)
    return tree


def stamp(tree: Path) -> str:
    """What a tree was made from, as one word."""
    return (tree.parent / f"{tree.name}.stamp").read_text()


def _set_interpreter(program: Path) -> None:
    content = program.read_bytes()
    first, newline, rest = content.partition(b"\n")
    if first.startswith(b"#!") and b"python" in first:
        program.write_bytes(b"#!/usr/bin/python3" + newline + rest)


def _is_current(tree: Path, wanted: str) -> bool:
    file = tree.parent / f"{tree.name}.stamp"
    return tree.exists() and file.exists() and file.read_text() == wanted


def _write_stamp(tree: Path, text: str) -> None:
    (tree.parent / f"{tree.name}.stamp").write_text(text)


def _digest(*inputs: str) -> str:
    return hashlib.sha256("\0".join(inputs).encode()).hexdigest()
