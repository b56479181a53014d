"""One hub on this machine from the chart's rendered objects: its files and its programs."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from jupyterhub_ha import shared_port

from .errors import ToolError, UsageError
from .files import write_atomically
from .host_kernels import LIST, SCRIPT, kernel_files
from .host_layout import Layout, Ports
from .host_share import share_program
from .host_templates import render
from .host_traefik import (
    dynamic_document,
    etcd_arguments,
    etcd_words,
    mover,
    shared_ports,
    static_document,
)
from .mounts import Manifest, MissingObjectError, Objects, environment, pod_spec, write_mounts
from .supervise import TAG, Program, Supervisor
from .tools import find_tool

HUB_FOLDER = "/usr/local/etc/jupyterhub"
LOGIN_PATH = "hub.config.DummyAuthenticator.password"


@dataclass(frozen=True)
class Host:
    """A prepared hub: everything that is known before its first process starts."""

    layout: Layout
    ports: Ports
    address: str
    base_url: str
    programs: dict[str, Program]
    setup: Program
    kernels: Program | None
    """What installs the kernels of all users."""
    dashboard_user: str
    login: str
    """How a person logs in, in words; never a password."""

    @property
    def url(self) -> str:
        """The hub's public URL, with its slash at the end."""
        return f"http://{_url_host(self.address)}:{self.ports.public}{self.base_url}"

    @property
    def dashboard_url(self) -> str:
        """The dashboard's URL; empty where it is not enabled."""
        if not self.dashboard_user:
            return ""
        return f"http://{_url_host(self.address)}:{self.ports.dashboard}/dashboard/"

    def replica_names(self) -> list[str]:
        """The names of the Traefik programs."""
        return [name for name in self.programs if name.startswith("traefik-")]


@contextmanager
def claim(layout: Layout) -> Iterator[None]:
    """Make the state folder and hold it; UsageError when another process holds it.

    Nothing in it may be touched before, since it may be the folder of a hub that runs.
    """
    layout.state.mkdir(parents=True, exist_ok=True)
    with (layout.state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"{layout.state}: a hub runs from this folder already; stop it, or name another "
                "folder with --state-dir"
            ) from None
        layout.create()
        yield


# Deployments of the chart that this machine does not run.
_NOT_HERE = {
    "proxy-certificates": "proxy.https.enabled: on this machine users come by HTTP; "
    "set it to false",
    "tmpnb-static": "tmpnb.static.enabled: on this machine servers send these files themselves; "
    "set it to false",
}


@dataclass(frozen=True)
class Workloads:
    """The rendered workloads that a host runs, found by their component, whatever their names."""

    etcd: Manifest
    proxy: Manifest
    hub: Manifest
    setup: Manifest
    share: Manifest | None
    """The service for shared notebooks."""

    @classmethod
    def of(cls, objects: Objects) -> Workloads:
        """Find them; UsageError when the values ask for what is not here."""
        problems = [text for name, text in _NOT_HERE.items() if objects.has("Deployment", name)]
        if problems:
            raise UsageError("\n".join(problems))
        try:
            return cls(
                etcd=objects.find("StatefulSet", "proxy-etcd"),
                proxy=objects.find("Deployment", "proxy"),
                hub=objects.find("Deployment", "hub"),
                setup=objects.find("Job", "proxy-etcd-setup"),
                share=objects.find("Deployment", "share")
                if objects.has("Deployment", "share")
                else None,
            )
        except MissingObjectError as error:
            raise UsageError(
                "proxy.kind, proxy.etcd.enabled, hub.enabled: on this machine only a hub with "
                f"`traefik-etcd` and its own etcd runs ({error}); set proxy.kind: traefik-etcd, "
                "and remove the others"
            ) from error

    @property
    def members(self) -> int:
        """How many members etcd has."""
        return int(self.etcd["spec"]["replicas"])

    @property
    def replicas(self) -> int:
        """How many Traefik replicas there are; the chart leaves it out when a cluster decides."""
        return int(self.proxy["spec"].get("replicas", 2))


def prepare(
    workloads: Workloads,
    objects: Objects,
    values: Mapping[str, Any],
    layout: Layout,
    ports: Ports,
    address: str,
) -> Host:
    """Write every file of the hub and return what to run.

    `objects` is the whole rendered chart, `values` what it was rendered from, with the chart's
    defaults; `address` the public address to listen on. Raises ToolError when a program that is
    needed is not installed.
    """
    for name in ("etcd", "proxy", "hub", "setup"):
        write_mounts(objects, getattr(workloads, name), layout.pods / name)
    programs = {
        **_etcd_programs(workloads.etcd, layout, ports),
        **_traefik_programs(workloads.proxy, layout, ports, address),
        "hub": _hub_program(layout, ports, address),
    }
    base_url = values["hub"]["baseUrl"].rstrip("/") + "/"
    if workloads.share:
        programs["share"] = share_program(workloads.share, objects, layout, ports, base_url)
    dashboard = values["proxy"]["traefik"]["dashboard"]
    return Host(
        layout=layout,
        ports=ports,
        address=address,
        base_url=base_url,
        programs=programs,
        setup=_setup_program(workloads.setup, objects, layout, ports),
        kernels=_kernels_program(objects, values, layout),
        dashboard_user=dashboard["username"] if dashboard["enabled"] else "",
        login=_login(values),
    )


def start(host: Host, supervisor: Supervisor) -> Iterator[str]:
    """Start everything in its order, yielding what is up; ToolError when something does not come.

    etcd first, then its users and the first key, then the replicas (a Traefik that finds an empty
    root key retries with growing pauses), then the hub.
    """
    for number in range(len(host.ports.etcd)):
        supervisor.start(f"etcd-{number}")
    for number, (_, _, health) in enumerate(host.ports.etcd):
        ready = partial(_answers, f"http://127.0.0.1:{health}/readyz")
        supervisor.wait_until("etcd", ready, watch=f"etcd-{number}")
    yield f"etcd: {len(host.ports.etcd)} member(s)"
    _run_once(host, host.setup, "setting up etcd's users", "etcd-setup.log", 120)
    yield "etcd: users, roles and the first key"
    for name in host.replica_names():
        supervisor.start(name)
    for name, port in zip(host.replica_names(), host.ports.replicas, strict=True):
        supervisor.wait_until(name, partial(_answers, f"http://127.0.0.1:{port}/ready"), watch=name)
    yield f"Traefik: {len(host.ports.replicas)} replica(s)"
    if host.kernels:
        _run_once(host, host.kernels, "installing kernels", "kernels.log", 600)
        yield "kernels for all users"
    if "share" in host.programs:
        supervisor.start("share")
        url = f"http://127.0.0.1:{host.ports.share}{host.base_url}services/share/health"
        supervisor.wait_until("shared notebooks", partial(_answers, url), watch="share")
        yield "shared notebooks"
    supervisor.start("hub")
    ready = partial(_answers, f"{host.url}hub/health")
    supervisor.wait_until("JupyterHub", ready, watch="hub", seconds=120)
    yield "JupyterHub"


def _hub_folder(layout: Layout) -> Path:
    return layout.pods / "hub" / HUB_FOLDER.lstrip("/")


def _login(values: Mapping[str, Any]) -> str:
    if values["tmpnb"]["enabled"]:
        return "nobody does: each visit gets a temporary notebook"
    config = values["hub"]["config"]
    name = str(config.get("JupyterHub", {}).get("authenticator_class", "dummy"))
    if name != "dummy":
        return f"with the authenticator of the values: {name}"
    if config.get("DummyAuthenticator", {}).get("password"):
        return f"any user name; the password is {LOGIN_PATH}"
    return "any user name, any password"


def _mount_paths(workload: Mapping[str, Any]) -> list[str]:
    container = pod_spec(workload)["containers"][0]
    return [mount["mountPath"] for mount in container.get("volumeMounts", [])]


def _etcd_programs(etcd: Mapping[str, Any], layout: Layout, ports: Ports) -> dict[str, Program]:
    args = etcd_arguments(etcd)
    move = mover(_mount_paths(etcd), layout.pods / "etcd")
    programs = {}
    for member in range(len(ports.etcd)):
        words = etcd_words(
            str(find_tool("etcd")),
            args,
            member=member,
            ports=ports,
            data=layout.etcd_data,
            move=move,
        )
        programs[f"etcd-{member}"] = Program(f"etcd-{member}", words, layout.etcd_data)
    return programs


def _traefik_programs(
    proxy: Mapping[str, Any], layout: Layout, ports: Ports, address: str
) -> dict[str, Program]:
    import tomlkit

    root = layout.pods / "proxy"
    move = mover(_mount_paths(proxy), root)
    chart_static, chart_dynamic = (
        tomllib.loads(_only(root, name).read_text()) for name in ("traefik.toml", "dynamic.toml")
    )
    dynamic = layout.traefik / "dynamic.toml"
    document = dynamic_document(chart_dynamic, hub_port=ports.hub, move=move)
    write_atomically(dynamic, tomlkit.dumps(document))
    # What is not a plain text, such as the container's memory limit, is not there on one host.
    entries = pod_spec(proxy)["containers"][0].get("env", [])
    env = {entry["name"]: entry["value"] for entry in entries if "value" in entry}
    programs = {}
    for replica in range(len(ports.replicas)):
        name = f"traefik-{replica + 1}"
        document = static_document(
            chart_static, replica=replica, ports=ports, host=address, dynamic=dynamic, move=move
        )
        file = layout.traefik / f"{name}.toml"
        write_atomically(file, tomlkit.dumps(document))
        words = [str(find_tool("traefik")), f"--configfile={file}"]
        opened = [sys.executable, "-I", shared_port.__file__, "open", *shared_ports(document), "--"]
        programs[name] = Program(name, [*opened, *words], layout.traefik, env, stop_seconds=30)
    return programs


def _hub_program(layout: Layout, ports: Ports, address: str) -> Program:
    mounts = _hub_folder(layout)
    document = render(
        "jupyterhub_config.py.j2",
        layout=layout,
        ports=ports,
        mounts=mounts,
        kernels=layout.kernels,
        public_url=f"http://{_url_host(address)}:{ports.public}",
        etcd_endpoints=ports.etcd_urls,
        replica_urls=[f"http://127.0.0.1:{port}" for port in ports.replicas],
    )
    file = layout.hub / "jupyterhub_config.py"
    write_atomically(file, document, mode=0o600)
    words = [sys.executable, "-m", "jupyterhub", "--config", str(file)]
    env = {
        # Servers are found beside this Python: jupyterhub-singleuser, and kernels.
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
        # So that a user's server, too, is known to be ours.
        "JUPYTERHUB_HA_ENV_KEEP": TAG,
    }
    return Program("hub", words, layout.hub, env, stop_seconds=40)


def _setup_program(
    job: Mapping[str, Any], objects: Objects, layout: Layout, ports: Ports
) -> Program:
    """The chart's set-up Job as a command here: its words and environment, our addresses."""
    container = pod_spec(job)["containers"][0]
    move = mover(_mount_paths(job), layout.pods / "setup")
    options = [move(word) for word in [*container["command"][1:], *container["args"]]]
    options = options[: options.index("--endpoints")]
    words = [sys.executable, *options, "--endpoints", *ports.etcd_urls]
    return Program("proxy-etcd-setup", words, layout.state, environment(objects, container))


def _kernels_program(objects: Objects, values: Mapping[str, Any], layout: Layout) -> Program | None:
    """The chart's script for the kernels of all users; None where there are none."""
    files = kernel_files(objects)
    if not files:
        return None
    layout.kernels.mkdir(exist_ok=True)
    for name, text in files.items():
        write_atomically(layout.kernels / name, text)
    words = [sys.executable, *(str(layout.kernels / name) for name in (SCRIPT, LIST))]
    given = values["singleuser"]["extraEnv"]
    # A list of them is read in the cluster only.
    env = {n: v for n, v in given.items() if isinstance(v, str)} if isinstance(given, dict) else {}
    return Program("kernels", [*words, str(layout.kernels)], layout.state, env)


def _run_once(host: Host, program: Program, what: str, log: str, seconds: int) -> None:
    done = subprocess.run(
        program.words,
        env={**os.environ, **program.env},
        cwd=program.directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    (host.layout.logs / log).write_text(done.stdout + done.stderr)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise ToolError(f"{what} failed with code {done.returncode}:\n{tail}")


def _only(root: Path, name: str) -> Path:
    found = sorted(root.rglob(name))
    if not found:
        raise ToolError(f"the chart rendered no {name} for the proxy")
    return found[0]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own addresses
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _url_host(address: str) -> str:
    """An address that a browser can use: that of this machine where we listen on all."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
    return f"[{shown}]" if ":" in shown else shown
