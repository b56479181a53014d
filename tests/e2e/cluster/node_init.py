"""Process 1 of a node: makes the node's file system, then keeps its daemons running.

It runs in namespaces of its own, alone with what it starts. When it ends, the kernel ends every
process, mount and interface of the node: that is both how a node is stopped and how it dies.

Standard library only; one argument, the JSON of a `daemons.NodeSpec`.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# What the kubelet writes for the whole machine, with the values that it wants to find. It is
# shown a file instead, so that the machine stays as it was.
_KUBELET_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
# Per network namespace: pods of one node reach those of another through it.
_NETWORK_SETTINGS = {
    "net/ipv4/ip_forward": "1",
    "net/bridge/bridge-nf-call-iptables": "1",
}
_CGROUPS = "/sys/fs/cgroup"
_PAUSE = 0.1
_RESTART_AFTER = 1.0


def main() -> None:
    """Never returns: process 1 ends only by being killed."""
    spec = json.loads(sys.argv[1])
    socket.sethostname(spec["hostname"])
    _own_system_folders()
    for source, target in spec["binds"]:
        os.makedirs(target, exist_ok=True)
        _mount("--bind", source, target)
    _mount("--make-rshared", "/")
    _replace_settings()
    for path, text in spec["files"].items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(path).write_text(text)
    _raise_limits()
    Path("/run/ready").touch()
    _supervise(spec)


def _own_system_folders() -> None:
    cgroups = _cgroup_mounts()
    # A sysfs of this network namespace, and cgroups of this cgroup namespace.
    _mount("-t", "sysfs", "sysfs", "/sys")
    if any(kind == "cgroup" for kind, _, _ in cgroups):
        _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", _CGROUPS)
    for kind, target, options in cgroups:
        os.makedirs(target, exist_ok=True)
        if kind == "cgroup2":
            _mount("-t", "cgroup2", "cgroup2", target)
        else:
            _mount("-t", "cgroup", "-o", options, "cgroup", target)
    if os.path.exists(f"{_CGROUPS}/cgroup.controllers"):
        _leave_root_cgroup()
    for folder in ("/run", "/var/lib", "/var/log"):
        _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    for folder in ("/run/lock", "/var/lib/kubelet", "/var/lib/cni", "/var/log/pods"):
        os.makedirs(folder)


def _cgroup_mounts() -> list[tuple[str, str, str]]:
    """(kind, mount point, options that name the hierarchy) of every cgroup hierarchy."""
    found = []
    for line in Path("/proc/mounts").read_text().splitlines():
        _, target, kind, options, *_ = line.split()
        if kind in {"cgroup", "cgroup2"} and target.startswith(_CGROUPS):
            general = {"rw", "ro", "relatime", "nosuid", "nodev", "noexec", "xattr"}
            naming = [word for word in options.split(",") if word not in general]
            if any(word.startswith("name=") for word in naming):
                naming.insert(0, "none")
            found.append((kind, target, ",".join(naming)))
    return found


def _leave_root_cgroup() -> None:
    """With cgroup v2 only a cgroup without processes may hand controllers to its children."""
    own = Path(_CGROUPS) / "init"
    own.mkdir()
    (own / "cgroup.procs").write_text(str(os.getpid()))
    controllers = (Path(_CGROUPS) / "cgroup.controllers").read_text().split()
    wanted = " ".join(f"+{name}" for name in controllers)
    (Path(_CGROUPS) / "cgroup.subtree_control").write_text(wanted)


def _replace_settings() -> None:
    for name, value in _KUBELET_SETTINGS.items():
        path = Path("/run/settings") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
        if os.path.exists(f"/proc/sys/{name}"):
            _mount("--bind", str(path), f"/proc/sys/{name}")
    for name, value in _NETWORK_SETTINGS.items():
        if os.path.exists(f"/proc/sys/{name}"):
            Path(f"/proc/sys/{name}").write_text(value)


def _raise_limits() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.suppress(ValueError, OSError):
        everything = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.setrlimit(resource.RLIMIT_MEMLOCK, everything)


def _supervise(spec: dict[str, Any]) -> None:
    logs, gates = Path(spec["logs"]), Path(spec["gates"])
    daemons = {daemon["name"]: daemon for daemon in spec["daemons"]}
    start_at = dict.fromkeys(daemons, 0.0)
    running: dict[int, str] = {}
    while True:
        for name, moment in list(start_at.items()):
            if time.monotonic() >= moment and (gates / daemons[name]["gate"]).exists():
                log = logs / f"{spec['hostname']}-{name}.log"
                running[_start(daemons[name]["command"], log)] = name
                del start_at[name]
        while (ended := _collect()) is not None:
            # Orphans of containers end up here, too: those are only collected.
            if name := running.pop(ended, ""):
                print(f"{time.strftime('%T')} {name} ended; it is started again", flush=True)
                start_at[name] = time.monotonic() + _RESTART_AFTER
        time.sleep(_PAUSE)


def _start(command: list[str], log: Path) -> int:
    with log.open("ab") as output:
        # Not kept as an object: every child is collected in one place, by its process id.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    process.returncode = 0
    return process.pid


def _collect() -> int | None:
    try:
        pid, _ = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return pid or None


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


if __name__ == "__main__":
    main()
