"""From the chart's documents and arguments to those of one host. Pure: no file, no process.

The chart stays the only source: a document of the host is the chart's, parsed, with other
addresses, ports and paths, and with `reusePort`, by which several replicas share the public port.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from jupyterhub_ha.shared_port import addresses
from jupyterhub_ha.table import MARKER

from .host_layout import Ports
from .host_place import authority

Document = dict[str, Any]
ETCD = "etcd"
FILE = "file"
_MARKER = re.compile(rf"(/{MARKER}[\w-]*)@etcd$")
_ISSUER = "certificates"  # the chart's service of the issuer
_HUB_SERVICE = re.compile(r"^http://[\w.-]+:8081(?=/|$)")  # whatever prefix its name has


def static_document(
    chart: Mapping[str, Any],
    *,
    replica: int,
    ports: Ports,
    host: str,
    dynamic: Path,
    move: Callable[[str], str],
    table: str = ETCD,
) -> Document:
    """The traefik.toml of one replica on this host.

    `chart` is the chart's document, parsed; `replica` counts from 0; `host` is the public address;
    `move` gives a mounted path's place on this host. `table` is the provider with the routing
    table: with `etcd` the static routers are the file `dynamic`, with `file` all is in the folder
    `dynamic`.
    """
    document: Document = map_strings(copy.deepcopy(dict(chart)), move)
    points = document["entryPoints"]
    points["http"] |= {"address": authority(host, ports.public), "reusePort": True}
    points["internal"] |= {"address": authority("127.0.0.1", ports.replicas[replica])}
    if "https" in points:
        points["https"] |= {"address": authority(host, ports.https), "reusePort": True}
        # Users come to this very port: nothing is in front that changes it.
        points["http"]["http"]["redirections"]["entryPoint"]["to"] = f":{ports.https}"
    if "dashboard" in points:
        points["dashboard"] |= {"address": authority(host, ports.dashboard), "reusePort": True}
    for point in points.values():
        # Here a stopping replica closes its socket, and the kernel gives new connections to the
        # others at once: there is no Service whose endpoints lag behind.
        point.setdefault("transport", {})["lifeCycle"] = {
            "requestAcceptGraceTimeout": "0s",
            "graceTimeOut": "10s",
        }
    providers = document["providers"]
    if table == ETCD:
        providers["etcd"]["endpoints"] = [f"127.0.0.1:{c}" for c, _, _ in ports.etcd]
        providers["file"] = {"filename": str(dynamic), "watch": False}
    else:
        del providers["etcd"]
        providers["file"] = {"directory": str(dynamic), "watch": True}
    return document


def dynamic_document(
    chart: Mapping[str, Any],
    *,
    hub_port: int,
    move: Callable[[str], str],
    table: str = ETCD,
    challenge_port: int = 0,
) -> Document:
    """The routers that are in every replica: API, dashboard, and the fallback to the hub here.

    The replica is ready when it has the marker of the provider `table`. An authority's challenges
    are answered at `challenge_port`.
    """

    def here(text: str) -> str:
        return _MARKER.sub(rf"\1@{table}", move(text))

    document: Document = map_strings(copy.deepcopy(dict(chart)), here)
    for name, service in document["http"].get("services", {}).items():
        port = challenge_port if name == _ISSUER else hub_port
        for server in service.get("loadBalancer", {}).get("servers", []):
            server["url"] = f"http://127.0.0.1:{port}"
    return document


def etcd_arguments(etcd: Mapping[str, Any]) -> list[str]:
    """etcd's options in the chart's StatefulSet: what the init container makes a file of.

    Those of a starting member's place in the cluster are not among them.
    """
    containers = etcd["spec"]["template"]["spec"]["initContainers"]
    words: list[str] = next(c["args"] for c in containers if c["name"] == "member")
    return words[words.index("--") + 1 :]


def etcd_words(
    program: str,
    chart_args: Sequence[str],
    *,
    member: int,
    ports: Ports,
    data: Path,
    move: Callable[[str], str],
) -> list[str]:
    """The command of one etcd member here: the chart's flags, with this host's addresses.

    `chart_args` are the chart's options (`etcd_arguments`); `member` counts from 0.
    """
    flags = dict(_flag(arg) for arg in chart_args)
    client, peer, health = ports.etcd[member]
    names = [f"member-{n}" for n in range(len(ports.etcd))]
    cluster = ",".join(
        f"{n}=https://127.0.0.1:{p[1]}" for n, p in zip(names, ports.etcd, strict=True)
    )
    flags = {name: move(value) for name, value in flags.items()} | {
        "name": names[member],
        "data-dir": str(data / names[member]),
        "listen-client-urls": f"https://127.0.0.1:{client}",
        "advertise-client-urls": f"https://127.0.0.1:{client}",
        "listen-peer-urls": f"https://127.0.0.1:{peer}",
        "initial-advertise-peer-urls": f"https://127.0.0.1:{peer}",
        "listen-metrics-urls": f"http://127.0.0.1:{health}",
        "initial-cluster": cluster,
    }
    return [program, *(f"--{name}={value}" for name, value in flags.items())]


def chp_words(program: str, chart_args: Sequence[str], *, ports: Ports, host: str) -> list[str]:
    """The command of configurable-http-proxy here: the chart's arguments, with this host's
    addresses; `chart_args` are those of the Deployment's container.
    """
    hub = f"http://127.0.0.1:{ports.hub}"
    own = {
        "ip": host,
        "port": str(ports.public),
        "api-ip": "127.0.0.1",
        "api-port": str(ports.chp_api),
    }
    words = [program]
    for argument in chart_args:
        name, separator, given = argument.removeprefix("--").partition("=")
        if name.endswith("-target"):  # one of the user's own stays
            given = _HUB_SERVICE.sub(hub, given)
        words.append(f"--{name}={own.get(name, given)}" if separator else argument)
    return words


def shared_ports(document: Mapping[str, Any]) -> list[str]:
    """What `shared_port` is to open for a replica: `http=HOST:PORT`, as its traefik.toml says."""
    return [f"{name}={address}" for name, address in addresses(document).items()]


def mover(workload_mounts: Sequence[str], root: Path) -> Callable[[str], str]:
    """A function that puts `root` before every path that lies in one of the mounts.

    The text may be the path, or an option with it: `--ca-file=/etc/etcd/tls/ca.crt`.
    """
    return relocator({mount: root / mount.strip("/") for mount in workload_mounts})


def relocator(places: Mapping[str, Path]) -> Callable[[str], str]:
    """As `mover`, with a place of its own for each folder: `{folder in the pod: folder here}`."""
    known = {PurePosixPath(there): here for there, here in places.items()}

    def move(text: str) -> str:
        option, equals, value = text.partition("=") if text.startswith("--") else ("", "", text)
        path = PurePosixPath(value)
        around = [there for there in known if value.startswith("/") and path.is_relative_to(there)]
        if not around:
            return text
        there = max(around, key=lambda one: len(one.parts))
        return f"{option}{equals}{known[there] / path.relative_to(there)}"

    return move


def map_strings(value: Any, change: Callable[[str], str]) -> Any:
    """The same structure with `change` applied to every text in it, but not to keys."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: map_strings(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [map_strings(item, change) for item in value]
    return value


def _flag(argument: str) -> tuple[str, str]:
    name, separator, value = re.sub("^--?", "", argument).partition("=")
    return name, value if separator else "true"
