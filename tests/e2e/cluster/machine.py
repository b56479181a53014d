"""What is done to this machine: nodes as namespaces, their network, and their end.

Whatever is started carries the cluster's mark in its environment and sits in the cluster's cgroup;
`end_everything` finds it by these two, whatever happened to the process that started it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network
from pathlib import Path

from . import network
from .daemons import NodeSpec
from .settings import BALANCERS, BIN, MACHINES, MARK, PODS, ROOT, SERVICES, Cluster

_PROGRAMS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
    "nft": "nftables",
    "iptables": "iptables",
    "ipset": "ipset",
    "runc": "runc",
    "debootstrap": "debootstrap",
}
_CNI = Path("/usr/lib/cni/bridge")
_PATH = f"{BIN}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

# The first process of each node ends when the node does, not with what started it.
_PARENTS: list[subprocess.Popen[bytes]] = []


class ClusterError(Exception):
    """The cluster cannot do what was asked; the message says why and what to do."""


def check() -> None:
    """ClusterError naming all that this machine lacks."""
    problems = []
    if os.geteuid() != 0:
        problems.append("root is needed, for namespaces, mounts and cgroups: run it with sudo")
    missing = {package for name, package in _PROGRAMS.items() if not find(name)}
    if not _CNI.exists():
        missing.add("containernetworking-plugins")
    if missing:
        problems.append(f"programs are missing: apt-get install {' '.join(sorted(missing))}")
    if str(ROOT).startswith(("/run/", "/var/lib/", "/var/log/")):
        problems.append(f"{ROOT}: nodes have a /run, /var/lib and /var/log of their own; move it")
    if problems:
        raise ClusterError("\n".join(problems))


def check_addresses() -> None:
    """ClusterError if the machine already has routes into the cluster's address ranges."""
    routes = json.loads(run("ip", "-json", "-4", "route"))
    for route in routes:
        if route["dst"] == "default":
            continue
        taken = IPv4Network(route["dst"], strict=False)
        if any(taken.overlaps(own) for own in (MACHINES, PODS, SERVICES, BALANCERS)):
            raise ClusterError(
                f"this machine has a route to {taken} (device {route['dev']}), which the cluster "
                "needs; is a cluster of another checkout up?"
            )


def find(program: str) -> str | None:
    """The path of a program, also where only root's PATH has it."""
    return shutil.which(program, path=_PATH)


def run(*command: str, input_text: str | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command to its end and return its output; ClusterError with its errors."""
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        input=input_text,
        env={**os.environ, "PATH": _PATH, **(env or {})},
    )
    if result.returncode:
        text = (result.stderr or result.stdout).strip()
        raise ClusterError(f"{' '.join(command[:6])}: {text}")
    return result.stdout


def start_node(cluster: Cluster, name: str, spec: NodeSpec) -> int:
    """Start process 1 of a node; returns its process id on this machine."""
    folder = cluster.node_folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    cluster.logs.mkdir(exist_ok=True)
    cgroups = _make_cgroups(f"{cluster.name}/{name}")
    environment = {
        "PATH": _PATH,
        "HOME": "/root",
        MARK: str(cluster.folder),
        "PYTHONUNBUFFERED": "1",
    }
    namespaces = ["--pid", "--mount", "--net", "--uts", "--ipc", "--cgroup"]
    options = ["--fork", *namespaces, "--mount-proc", "--propagation=private"]
    init = [sys.executable, "-m", "tests.e2e.cluster.node_init", json.dumps(spec.as_json())]

    def join() -> None:
        # Before the namespaces are made: the cgroup namespace begins where its maker is.
        for cgroup in cgroups:
            (cgroup / "cgroup.procs").write_text(str(os.getpid()))

    with (cluster.logs / f"{name}-init.log").open("ab") as log:
        parent = subprocess.Popen(
            ["unshare", *options, *init],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            preexec_fn=join,
        )
    _PARENTS.append(parent)
    pid = _child(parent)
    record = {"pid": pid, "started": _started(pid)}
    (folder / "process.json").write_text(json.dumps(record))
    wait(lambda: Path(f"/proc/{pid}/root/run/ready").exists(), 20, f"{name}: process 1")
    return pid


def node_pid(cluster: Cluster, name: str) -> int | None:
    """Process 1 of a node as this machine numbers it; None if the node is not up."""
    try:
        record = json.loads((cluster.node_folder(name) / "process.json").read_text())
    except (OSError, ValueError):
        return None
    pid = int(record["pid"])
    return pid if _started(pid) == record["started"] else None


def kill_node(cluster: Cluster, name: str) -> None:
    """The sudden death of a node: its process 1 is killed, and with it all of the node."""
    pid = node_pid(cluster, name)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        wait(lambda: _started(pid) is None, 30, f"{name}: the end of process 1")
    _remove_cgroups(f"{cluster.name}/{name}")


def inside(cluster: Cluster, name: str, *command: str, input_text: str | None = None) -> str:
    """Run a command in the namespaces of a node that is up."""
    pid = node_pid(cluster, name)
    if pid is None:
        raise ClusterError(f"{name} is not up; see `status`")
    namespaces = ["--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup"]
    return run("nsenter", f"--target={pid}", *namespaces, *command, input_text=input_text)


def connect(cluster: Cluster) -> None:
    """Connect this machine with the switch, so that it reaches every node."""
    pid = _pid(cluster, "switch")
    _in_network(pid, network.bridge())
    run("ip", "-batch", "-", input_text="\n".join(network.host_link(cluster, pid)))
    _in_network(pid, network.port("host"))
    run("ip", "-batch", "-", input_text="\n".join(network.host_addresses(cluster)))


def connect_node(cluster: Cluster, name: str) -> None:
    """Connect a node with the switch and give it its routes."""
    node, switch, pid = cluster.node(name), _pid(cluster, "switch"), _pid(cluster, name)
    run("ip", "-batch", "-", input_text="\n".join(network.node_link(node, pid, switch)))
    _in_network(switch, network.port(name))
    _in_network(pid, network.node_addresses(cluster, node))


def end_everything(cluster: Cluster) -> list[str]:
    """End all that a cluster of this folder ever started; returns what would not go."""
    for pid in _marked(cluster):
        # Processes 1 and what waits for them; daemons and pods end with their process 1.
        _kill_marked(cluster, pid)
    left = []
    try:
        wait(lambda: not _marked(cluster), 30, "the end of its processes")
    except ClusterError:
        left += [f"process {pid}" for pid in _marked(cluster)]
    if any(link["ifname"] == cluster.name for link in json.loads(run("ip", "-json", "link"))):
        run("ip", "link", "delete", cluster.name)
    left += [f"cgroup {path}" for path in _remove_cgroups(cluster.name)]
    return left


def wait(check: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until `check` is true; ClusterError when it is not in time."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not in {seconds:.0f} s; see the cluster's logs")
        time.sleep(0.1)


def _pid(cluster: Cluster, name: str) -> int:
    pid = node_pid(cluster, name)
    if pid is None:
        raise ClusterError(f"{name} is not up")
    return pid


def _in_network(pid: int, commands: Sequence[str]) -> None:
    run("nsenter", f"--target={pid}", "--net", "ip", "-batch", "-", input_text="\n".join(commands))


def _child(parent: subprocess.Popen[bytes]) -> int:
    """The one child of `unshare --fork`."""
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    name = Path(f"/proc/{parent.pid}/comm")

    def found() -> bool:
        if parent.poll() is not None:
            raise ClusterError(f"unshare ended with code {parent.returncode}; see the logs")
        return name.read_text().strip() == "unshare" and bool(children.read_text().split())

    wait(found, 20, "namespaces")
    return int(children.read_text().split()[0])


def _started(pid: int) -> str | None:
    """When a process started, in the kernel's ticks; None for one that is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _marked(cluster: Cluster) -> list[int]:
    pids = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if _is_marked(cluster, pid)]


def _is_marked(cluster: Cluster, pid: int) -> bool:
    mark = f"{MARK}={cluster.folder}".encode()
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it ended meanwhile
        return False


def _kill_marked(cluster: Cluster, pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:  # it ended with its process 1
        return
    try:
        # Looked at again through the handle's eyes: the number may be another process's by now.
        if _is_marked(cluster, pid):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def _hierarchies() -> list[Path]:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [Path(words[1]) for words in mounts if words[2] in {"cgroup", "cgroup2"}]


def _make_cgroups(name: str) -> list[Path]:
    made = []
    for root in _hierarchies():
        folder = root
        for part in name.split("/"):
            if (folder / "cgroup.controllers").exists() and folder != root:
                controllers = (folder / "cgroup.controllers").read_text().split()
                text = " ".join(f"+{controller}" for controller in controllers)
                (folder / "cgroup.subtree_control").write_text(text)
            folder = folder / part
            folder.mkdir(exist_ok=True)
            # A new cpuset of cgroup v1 is empty and takes no process.
            for setting in ("cpuset.cpus", "cpuset.mems"):
                if (folder / "tasks").exists() and (folder / setting).exists():
                    (folder / setting).write_text((folder.parent / setting).read_text())
        made.append(folder)
    return made


def _remove_cgroups(name: str) -> list[Path]:
    """Remove a cgroup and those below it, in every hierarchy; returns what is still there."""
    deadline = time.monotonic() + 10
    while True:
        left = [root / name for root in _hierarchies() if (root / name).exists()]
        for folder in left:
            below = sorted((Path(path) for path, _, _ in os.walk(folder)), reverse=True)
            for path in below:
                try:
                    path.rmdir()
                except OSError:  # still a process in it
                    break
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)
