"""The systemd units of a bundle: what runs, in which order, and with which rights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import host_traefik
from .bundle_basis import ETCD, ETCD_TLS, HUB, PROXY, SETUP, Basis
from .bundle_certificates import USER, issuer_environment, issuer_words
from .bundle_documents import Files, static_documents, traefik_toml
from .bundle_share import USER as SHARE_USER
from .bundle_share import Share
from .documents import HUB_FOLDER
from .host_place import NAME, environment_file
from .host_templates import render
from .tree import File

TARGET = "jupyterhub.target"
_SETUP_SERVICE = "jupyterhub-etcd-setup.service"
_LOWEST_FREE = 1024


@dataclass(frozen=True)
class Unit:
    """One service: its name, its template, its account and what the template needs."""

    name: str
    template: str
    start: Sequence[str | Path]
    user: str = ""
    """The account that it runs as; empty for root."""
    environment: dict[str, str] = field(default_factory=dict)
    """For a file of its own, which only root may read."""
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """The unit's name as systemd knows it."""
        return f"{self.name}.service"


def units(basis: Basis) -> list[Unit]:
    """Every service of the host, in the order in which they start."""
    proxies: list[Unit] = []
    if basis.table == host_traefik.ETCD:
        proxies += _etcd_units(basis)
    if basis.table:
        proxies += _traefik_units(basis)
    if basis.kind == "chp":
        proxies.append(_chp_unit(basis))
    issuer = [_certificates_unit(basis)] if basis.https.has_issuer else []
    shared = Share.of(basis)
    share = [_share_unit(basis, shared)] if shared else []
    return [*proxies, *issuer, *share, _hub_unit(basis, proxies)]


def unit_files(basis: Basis, services: Sequence[Unit]) -> Files:
    """The services, the target that starts them, their accounts, folders and secret variables."""
    place = basis.place
    users = sorted({unit.user for unit in services if unit.user})
    names = [unit.file_name for unit in services]
    share = Share.of(basis)
    files = {
        place.units / TARGET: File(render("bundle/jupyterhub.target.j2", units=names)),
        place.prefix / f"etc/tmpfiles.d/{NAME}.conf": File(
            render("bundle/tmpfiles.conf.j2", basis=basis, place=place, users=users, share=share)
        ),
    }
    if users:
        accounts = render("bundle/sysusers.conf.j2", users=users)
        files[place.prefix / f"etc/sysusers.d/{NAME}.conf"] = File(accounts)
    for unit in services:
        environment = basis.folder(f"{unit.name.removeprefix('jupyterhub-')}.env")
        text = render(
            f"bundle/{unit.template}.service.j2",
            place=place,
            unit=unit,
            environment=environment,
            low_port=_needs_low_port(basis, unit),
            jit=unit.template == "chp",  # Node.js makes machine code while it runs
            **unit.more,
        )
        files[place.units / unit.file_name] = File(text)
        if unit.environment:
            files[environment] = File(environment_file(unit.environment), private=True)
    return files


def _traefik_units(basis: Basis) -> list[Unit]:
    documents = static_documents(basis)
    setup = _SETUP_SERVICE if basis.table == host_traefik.ETCD else ""
    found: list[Unit] = []
    for number, (document, url) in enumerate(zip(documents, basis.replica_urls, strict=True), 1):
        place, ports = basis.place, host_traefik.shared_ports(document)
        traefik = [str(place.programs / "traefik"), f"--configfile={traefik_toml(basis, number)}"]
        opened = [str(place.python), str(place.launcher), "open", *ports, "--"]
        more = {
            "number": number,
            "count": len(documents),
            "state": basis.https.state if basis.https.is_traefiks else "",
            # One after the other, so that the last one leads.
            "after": found[-1].file_name if found else setup,
            "wait": _wait(basis, f"{url}/ready", 20),
            "lead": [str(place.python), str(place.launcher), "lead", *ports],
        }
        name = f"jupyterhub-traefik-{number}"
        found.append(Unit(name, "traefik", [*opened, *traefik], "jupyterhub-traefik", more=more))
    return found


def _etcd_units(basis: Basis) -> list[Unit]:
    place, arguments = basis.place, host_traefik.etcd_arguments(basis.workload(ETCD))
    found = []
    for member in range(len(basis.ports.etcd)):
        words = host_traefik.etcd_words(
            str(place.programs / "etcd"),
            arguments,
            member=member,
            ports=basis.ports,
            data=place.etcd_data,
            move=basis.relocate({ETCD_TLS: "etcd"}),
        )
        more = {"number": member + 1, "count": len(basis.ports.etcd)}
        name = f"jupyterhub-etcd-{member + 1}"
        found.append(Unit(name, "etcd", words, "jupyterhub-etcd", more=more))
    return [*found, _setup_unit(basis, found)]


def _setup_unit(basis: Basis, members: Sequence[Unit]) -> Unit:
    """The chart's set-up Job: its words and variables, our addresses."""
    move = basis.relocate({ETCD_TLS: "etcd-setup", str(HUB_FOLDER): "hub"})
    container = basis.container(SETUP)
    options = [move(word) for word in [*container["command"][1:], *container["args"]]]
    options = options[: options.index("--endpoints")]
    variables = {name: move(value) for name, value in basis.environment(SETUP).items()}
    return Unit(
        "jupyterhub-etcd-setup",
        "etcd-setup",
        [basis.place.python, *options, "--endpoints", *basis.ports.etcd_urls],
        "jupyterhub-etcd",
        variables,
        {"members": _names(members)},
    )


def _certificates_unit(basis: Basis) -> Unit:
    words = [str(basis.place.python), *issuer_words(basis)]
    more = {
        "after": _SETUP_SERVICE,
        # Files of others are only read.
        "state": basis.https.state if basis.https.is_acme else "",
    }
    name = "jupyterhub-certificates"
    return Unit(name, "certificates", words, USER, issuer_environment(basis), more)


def _share_unit(basis: Basis, share: Share) -> Unit:
    more = {"share": share, "wait": _wait(basis, share.health_url, 60)}
    return Unit("jupyterhub-share", "share", share.words, SHARE_USER, share.environment, more)


def _chp_unit(basis: Basis) -> Unit:
    words = host_traefik.chp_words(
        str(basis.place.programs / "configurable-http-proxy"),
        basis.container(PROXY)["args"],
        ports=basis.ports,
        host=basis.address,
    )
    return Unit("jupyterhub-chp", "chp", words, "jupyterhub-chp", basis.environment(PROXY))


def _hub_unit(basis: Basis, proxies: Sequence[Unit]) -> Unit:
    move = basis.relocate({str(HUB_FOLDER): "hub"})
    words = [move(word) for word in basis.container(HUB)["args"]]
    python = [str(basis.place.python), "-m"] if words[0] == "jupyterhub" else []
    url = f"http://127.0.0.1:{basis.ports.hub}{basis.base_url}hub/health"
    # With its table in files the hub starts beside the replicas, which wait for its first rules.
    after = "" if basis.table == host_traefik.FILE else _names(proxies)
    more = {"wait": _wait(basis, url, 120), "after": after}
    return Unit("jupyterhub-hub", "hub", [*python, *words], more=more)


def _wait(basis: Basis, url: str, seconds: int) -> list[str | Path]:
    return [basis.place.python, basis.place.launcher, "wait", url, str(seconds)]


def _names(services: Sequence[Unit]) -> str:
    return " ".join(unit.file_name for unit in services)


def _needs_low_port(basis: Basis, unit: Unit) -> bool:
    more = (basis.ports.https, basis.ports.dashboard)
    ports = [basis.ports.public, *filter(None, more)]
    return unit.template in ("traefik", "chp") and min(ports) < _LOWEST_FREE
