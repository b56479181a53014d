"""What a bundle for one host is made of: the rendered chart, and where the host has what."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from . import host_traefik
from .documents import HUB_FOLDER
from .errors import UsageError
from .host_https import HostHttps
from .host_layout import Ports
from .host_place import Place, choose_ports
from .mounts import Manifest, MissingObjectError, Objects, environment, mounted_files, pod_spec
from .tree import File

TRAEFIK_FOLDER = "/etc/traefik"
ETCD_TLS = "/etc/etcd/tls"

# Traefik's provider of the routing table.
_TABLES = {"traefik-etcd": host_traefik.ETCD, "traefik-file": host_traefik.FILE}

HUB = ("Deployment", "hub")
PROXY = ("Deployment", "proxy")
ETCD = ("StatefulSet", "proxy-etcd")
SETUP = ("Job", "proxy-etcd-setup")
CERTIFICATES = ("Deployment", "proxy-certificates")
SHARE = ("Deployment", "share")

Workload = tuple[str, str]
"""Kind and component of a rendered workload."""


@dataclass(frozen=True)
class Basis:
    """One host. `kind` is what the values ask for; the objects may be those of another kind."""

    kind: str
    objects: Objects
    place: Place
    address: str
    public_port: int
    first_port: int
    https_port: int
    https_settings: Mapping[str, Any]
    """`proxy.https` of the values, with the chart's defaults."""

    @property
    def table(self) -> str:
        """Traefik's provider of the routing table; empty where there is no Traefik."""
        return _TABLES.get(self.kind, "")

    @cached_property
    def ports(self) -> Ports:
        """Every port of the host."""
        return choose_ports(
            public=self.public_port,
            https=self.https_port if self.https.kind else 0,
            dashboard=self._dashboard_port,
            first=self.first_port,
            # The chart leaves it out when a cluster decides.
            replicas=int(self.workload(PROXY)["spec"].get("replicas", 2)) if self.table else 0,
            members=int(self.workload(ETCD)["spec"]["replicas"])
            if self.table == host_traefik.ETCD
            else 0,
            challenge=self.https.has_issuer and self.https.is_acme,
            share=self.has_share,
        )

    @property
    def has_share(self) -> bool:
        """Whether visitors share notebooks."""
        return self.objects.has(*SHARE)

    @cached_property
    def https(self) -> HostHttps:
        """Who ends TLS."""
        settings = self.https_settings if self.table else {"enabled": False}
        if self.table == host_traefik.ETCD:
            folder = self.folder("certificates")
            return HostHttps(settings, folder, self.place.certificates, by_etcd=True)
        return HostHttps(settings, self.folder("traefik") / "tls", self.place.acme)

    @property
    def replica_urls(self) -> list[str]:
        """The internal entry point of each replica of Traefik."""
        return [f"http://127.0.0.1:{port}" for port in self.ports.replicas]

    @cached_property
    def chart_static(self) -> dict[str, Any]:
        """The chart's traefik.toml, parsed."""
        return tomllib.loads(self._toml("traefik.toml"))

    @cached_property
    def chart_dynamic(self) -> dict[str, Any]:
        """The chart's dynamic.toml, parsed."""
        return tomllib.loads(self._toml("dynamic.toml"))

    @property
    def dynamic(self) -> Path:
        """Where Traefik finds the static routers: with a table in files, beside the rules."""
        folder = self.place.rules if self.table == host_traefik.FILE else self.folder("traefik")
        return folder / "dynamic.toml"

    @cached_property
    def values(self) -> dict[str, Any]:
        """The values as the hub sees them."""
        import yaml

        files = mounted_files(self.objects, self.workload(HUB))
        values: dict[str, Any] = yaml.safe_load(files[HUB_FOLDER / "secret/values.yaml"][0])
        return values

    @property
    def base_url(self) -> str:
        """The hub's base URL, with its slash at the end."""
        return str(self.values["hub"]["baseUrl"]).rstrip("/") + "/"

    @property
    def url(self) -> str:
        """Where the proxy listens, as a URL."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        if self.https.kind:
            return f"https://{host}:{self.ports.https}"
        return f"http://{host}:{self.ports.public}"

    def folder(self, name: str) -> Path:
        """A folder of the configuration."""
        return self.place.config / name

    def workload(self, which: Workload) -> Manifest:
        """A rendered workload; UsageError where the values make none."""
        try:
            return self.objects.find(*which)
        except MissingObjectError as error:
            raise UsageError(f"these values make no bundle for a host: {error}") from error

    def container(self, which: Workload) -> Manifest:
        """The first container of a workload."""
        container: Manifest = pod_spec(self.workload(which))["containers"][0]
        return container

    def environment(self, which: Workload, without: Collection[str] = ()) -> dict[str, str]:
        """The variables of a workload's first container; see `mounts.environment`."""
        return environment(self.objects, self.container(which), without)

    def relocate(self, places: Mapping[str, str]) -> Callable[[str], str]:
        """A function from the pod's paths to the host's: `{folder in the pod: configuration's}`."""
        return host_traefik.relocator({there: self.folder(n) for there, n in places.items()})

    def mounted(self, which: Workload, places: Mapping[str, str]) -> dict[Path, File]:
        """What a workload mounts, by its place on the host; elsewhere than `places` by its path."""
        move = self.relocate(places)
        files = {}
        for path, (content, mode) in mounted_files(self.objects, self.workload(which)).items():
            here = Path(move(str(path)))
            if here == Path(path):
                here = self.place.prefix / path.relative_to("/")
            try:
                text = content.decode()
            except UnicodeDecodeError:
                raise UsageError(
                    f"hub.extraFiles: {path} is no text, and a bundle holds texts only; "
                    "leave it out of the values and copy it to the host"
                ) from None
            files[here] = File(text, private=not mode & 0o044)
        return files

    def _toml(self, name: str) -> str:
        files = mounted_files(self.objects, self.workload(PROXY))
        return files[PurePosixPath(TRAEFIK_FOLDER) / name][0].decode()

    @property
    def _dashboard_port(self) -> int:
        points = self.chart_static["entryPoints"] if self.table else {}
        return int(points.get("dashboard", {}).get("address", ":0").rpartition(":")[2])
