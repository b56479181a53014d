"""A systemd of one's own in namespaces of one's own: units run for real, and touch nothing here.

It has this machine's files below a layer that is gone afterwards, an empty network and its own
control groups, without limits of memory and CPU where the machine has these in groups of version 1.
Needs root.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.support.processes import Service

SYSTEMD = Path("/lib/systemd/systemd")
OUT = "/run/out"
"""Where the folder of the test is, inside."""

_BEGIN = """
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs {folder}/layer
mkdir {folder}/layer/up {folder}/layer/work {folder}/layer/root
root={folder}/layer/root
mount -t overlay overlay \
  -o lowerdir=/,upperdir={folder}/layer/up,workdir={folder}/layer/work $root
mount -t proc proc $root/proc
mount --rbind /dev $root/dev
mount -t sysfs sysfs $root/sys
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
mount -t tmpfs tmpfs $root/run
mount -t tmpfs tmpfs $root/tmp
mkdir $root/run/out
mount --bind {folder}/out $root/run/out
ip link set lo up
cp {folder}/script.service {folder}/script.target $root/etc/systemd/system/
exec chroot $root env -i container=other PATH=/usr/bin:/bin {systemd} --system \
  --unit=script.target --log-target=null
"""
_TARGET = """
[Unit]
DefaultDependencies=no
Wants=script.service
"""
_SERVICE = """
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'sh {out}/script.sh; echo $? > {out}/ended'
StandardOutput=file:{out}/log
StandardError=inherit
"""


def missing() -> str:
    """Why it cannot run here; empty if it can."""
    if os.geteuid() != 0:
        return "needs root"
    if not SYSTEMD.exists() or not shutil.which("systemd-run"):
        return "needs systemd's programs"
    return "" if _groups() else "needs control groups of version 2"


def run(script: str, folder: Path, seconds: float = 60) -> str:
    """What a shell script says that systemd runs as root; files in OUT are those of folder/out.

    Raises RuntimeError when it fails, or takes longer.
    """
    (folder / "layer").mkdir()
    out = folder / "out"
    out.mkdir(exist_ok=True)
    # Users that exist only inside have to get there, too.
    folder.chmod(0o755)
    (out / "script.sh").write_text(script)
    (folder / "script.target").write_text(_TARGET)
    (folder / "script.service").write_text(_SERVICE.format(out=OUT))
    (folder / "begin.sh").write_text(_BEGIN.format(folder=folder, systemd=SYSTEMD))
    group = _groups()[0] / f"nested-systemd-{os.getpid()}"
    group.mkdir(exist_ok=True)
    # In the group first, so that a namespace of groups begins there.
    enter = f"echo $$ > {group}/cgroup.procs; exec unshare --pid --kill-child --mount --fork "
    enter += f"--cgroup --uts --ipc --net sh {folder}/begin.sh"
    service = Service(["sh", "-c", enter], folder / "boot.log")
    service.start()
    ended = out / "ended"
    try:
        service.wait_until(lambda: ended.exists() and bool(ended.read_text()), "end", seconds)
    finally:
        # unshare passes over SIGTERM, and takes all of it along when it is killed.
        service.kill()
        _remove(group)
    said = (out / "log").read_text()
    if ended.read_text().strip() != "0":
        raise RuntimeError(said)
    return said


def run_and_read(script: str, folder: Path, seconds: float, **files: str) -> tuple[Any, str]:
    """What the script leaves in OUT/found.json, and what it says.

    `files` are texts that it finds in OUT, as NAME.py; see `run`.
    """
    out = folder / "out"
    out.mkdir(exist_ok=True)
    for name, text in files.items():
        (out / f"{name}.py").write_text(text)
    said = run(script, folder, seconds)
    return json.loads((out / "found.json").read_text()), said


def _groups() -> list[Path]:
    """Where control groups of version 2 are mounted."""
    done = subprocess.run(
        ["findmnt", "-rno", "TARGET", "-t", "cgroup2"], capture_output=True, text=True, check=False
    )
    return [Path(line) for line in done.stdout.splitlines()]


def _remove(group: Path) -> None:
    """Groups that are empty, from the deepest one up."""
    deadline = time.monotonic() + 10
    for folder in sorted([group, *filter(Path.is_dir, group.rglob("*"))], reverse=True):
        while folder.exists():
            try:
                folder.rmdir()
            except OSError:  # a process of it still ends
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
