"""A bundle for one host with systemd, from the same values and the chart's rendered objects.

What runs in the cluster is the chart's document here too, parsed, with this host's addresses and
paths (`host_traefik`); only what is not Kubernetes is a template (`templates/host/bundle/`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .bundle_basis import Basis
from .bundle_certificates import certificate_files
from .bundle_documents import etcd_files, hub_files, traefik_files, traefik_toml
from .bundle_share import Share
from .bundle_units import unit_files, units
from .errors import UsageError
from .host_https import check
from .host_kernels import kernel_files
from .host_place import Options
from .host_templates import render as render_template
from .host_traefik import ETCD
from .mounts import Objects
from .render import render
from .tree import File
from .values import Values, get, merge

# What is asked of the chart for each kind. It has no table in files, but the same Traefik.
_CHARTS_KIND = {
    "traefik-etcd": "traefik-etcd",
    "traefik-file": "traefik-etcd",
    "in-process": "in-process",
    "chp": "chp",
}
# Secrets that a kind has no use for, though the chart asks for them.
_UNUSED = {
    "traefik-etcd": ("proxy.secretToken",),
    "traefik-file": ("proxy.secretToken", "proxy.etcd.auth", "proxy.etcd.tls.certificates"),
    "in-process": ("proxy.",),
    "chp": ("proxy.traefik", "proxy.etcd"),
}


@dataclass(frozen=True)
class Bundle:
    """The files of one host by their path, and the names of the secrets that are placeholders."""

    basis: Basis
    files: dict[str, File]
    placeholders: tuple[str, ...]

    def documents(self) -> dict[str, File]:
        """What can be linted, under the names that it has for a cluster."""
        place = self.basis.place
        hub = place.in_bundle(self.basis.folder("hub")) + "/"
        found = {
            f"hub/{path.removeprefix(hub)}": file
            for path, file in self.files.items()
            if path.startswith(hub)
        }
        if self.basis.table:
            found["traefik.toml"] = self.files[place.in_bundle(traefik_toml(self.basis, 1))]
            found["dynamic.toml"] = self.files[place.in_bundle(self.basis.dynamic)]
        return found


def build(given: Values, defaults: Mapping[str, Any], options: Options) -> Bundle:
    """Render the values for a host; `defaults` are the chart's.

    Raises ProblemsError as `render` does, UsageError for what no host can run.
    """
    kind = str(get(given.data, ("proxy", "kind")) or get(defaults, ("proxy", "kind")))
    if problems := list(_no_host_can(given.data, kind)):
        raise UsageError("\n".join(problems))
    asked: dict[str, Any] = {"proxy": {"kind": _CHARTS_KIND[kind]}}
    if _CHARTS_KIND[kind] == "traefik-etcd":
        asked["proxy"]["etcd"] = {"enabled": True}
    rendered = render(replace(given, data=merge(given.data, asked)))
    objects = Objects(document.data for document in rendered.documents)
    everything = merge(dict(defaults), given.data)
    basis = Basis(
        kind=kind,
        objects=objects,
        place=options.place,
        address=options.address,
        public_port=options.port,
        first_port=options.first_port,
        https_port=options.https_port,
        https_settings=everything["proxy"]["https"],
    )
    if port := basis.ports.twice:
        raise UsageError(
            f"port {port} would be used twice; choose others with --port, --https-port and "
            "--first-port, from which on hub, replicas and etcd have theirs"
        )
    check(basis.https, replicas=len(basis.ports.replicas))
    absent = (name for name in rendered.placeholders if not name.startswith(_UNUSED[kind]))
    return Bundle(basis, _files(basis), tuple(absent))


def _no_host_can(values: Mapping[str, Any], kind: str) -> Iterator[str]:
    """What these values ask for that is there in Kubernetes only."""
    if kind not in _CHARTS_KIND:
        yield f"proxy.kind: on one host {kind!r} does not run; use one of {', '.join(_CHARTS_KIND)}"
    if get(values, ("hub", "enabled")) is False:
        yield "hub.enabled: a host has a hub, too; remove it, it is for Kubernetes"
    if get(values, ("tmpnb", "static", "enabled")):
        yield (
            "tmpnb.static.enabled: on one host all servers read the same files from one disk; set "
            "it to false, it is for Kubernetes"
        )
    egress = get(values, ("singleuser", "networkPolicy", "egress"))
    if egress and get(values, ("tmpnb", "enabled")):
        yield (
            "singleuser.networkPolicy.egress: on one host there are no network policies; remove "
            "it, and use tmpnb.sandbox.internet and hub.config.TransientUnitSpawner.reachable"
        )


def _files(basis: Basis) -> dict[str, File]:
    services = units(basis)
    files = hub_files(basis) | unit_files(basis, services)
    if basis.table:
        files |= traefik_files(basis)
    if basis.table == ETCD:
        files |= etcd_files(basis)
    if basis.https.has_issuer:
        files |= certificate_files(basis)
    share = Share.of(basis)
    if share:
        files |= share.files
    bundle = {basis.place.in_bundle(path): file for path, file in files.items()}
    readme = render_template(
        "bundle/README.md.j2",
        basis=basis,
        place=basis.place,
        services=services,
        kernels=kernel_files(basis.objects),
        share=share,
    )
    return dict(sorted({**bundle, "README.md": File(readme)}.items()))
