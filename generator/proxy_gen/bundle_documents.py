"""The documents of a bundle: what the hub, Traefik and etcd read on the host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyterhub_ha import shared_port

from . import host_kernels, host_traefik
from .bundle_basis import ETCD, ETCD_TLS, HUB, PROXY, SETUP, TRAEFIK_FOLDER, Basis
from .bundle_share import Share
from .documents import HUB_FOLDER
from .host_kernels import kernel_files
from .host_place import environment_file
from .host_templates import render
from .tree import File

Files = dict[Path, File]


def hub_files(basis: Basis) -> Files:
    """The hub's configuration, package, values, secrets and variables; launcher; kernels."""
    folder = basis.folder("hub")
    files = {
        path: file
        for path, file in basis.mounted(HUB, {str(HUB_FOLDER): "hub"}).items()
        # The chart's documents are those of the kind with etcd.
        if basis.kind != "traefik-file" or not path.is_relative_to(folder / "etcd")
    }
    document = render(
        "bundle/jupyterhub_config.py.j2",
        basis=basis,
        mounts=folder,
        kernels=basis.place.kernels,
        share=Share.of(basis),
    )
    files[folder / "jupyterhub_config.py"] = File(document)
    files[basis.folder("hub.env")] = File(environment_file(basis.environment(HUB)), private=True)
    if kernels := kernel_files(basis.objects):
        files[basis.place.kernels_script] = File(kernels[host_kernels.SCRIPT])
        files[basis.place.kernels_list] = File(kernels[host_kernels.LIST])
    launcher = Path(shared_port.__file__).read_text(encoding="utf-8")
    files[basis.place.launcher] = File(launcher)
    return files


def traefik_files(basis: Basis) -> Files:
    """One traefik.toml per replica, the static routers, who may ask the API."""
    import tomlkit

    folder = basis.folder("traefik")
    mounted = basis.mounted(PROXY, {TRAEFIK_FOLDER: "traefik"})
    made = {folder / name for name in ("traefik.toml", "dynamic.toml")}
    # A host without etcd needs no certificate for it, and has no key to lose.
    keys = folder / "etcd" if basis.table == host_traefik.FILE else None
    files = {
        path: file
        for path, file in mounted.items()
        if path not in made and keys not in path.parents
    }
    for number, document in enumerate(static_documents(basis), 1):
        text = tomlkit.dumps(document)
        files[traefik_toml(basis, number)] = File(text, private=basis.https.has_secret)
    dynamic = host_traefik.dynamic_document(
        basis.chart_dynamic,
        hub_port=basis.ports.hub,
        move=basis.relocate({TRAEFIK_FOLDER: "traefik"}),
        table=basis.table,
        challenge_port=basis.ports.challenge,
    )
    files[basis.dynamic] = File(tomlkit.dumps(basis.https.dynamic(dynamic)))
    if not basis.https.has_issuer:
        files |= {path: File(text, private=True) for path, text in basis.https.texts.items()}
    return files


def static_documents(basis: Basis) -> list[dict[str, Any]]:
    """The traefik.toml of each replica, parsed."""
    of_file = basis.table == host_traefik.FILE
    documents = [
        host_traefik.static_document(
            basis.chart_static,
            replica=replica,
            ports=basis.ports,
            host=basis.address,
            dynamic=basis.dynamic.parent if of_file else basis.dynamic,
            move=basis.relocate({TRAEFIK_FOLDER: "traefik"}),
            table=basis.table,
        )
        for replica in range(len(basis.ports.replicas))
    ]
    return [basis.https.static(document) for document in documents]


def traefik_toml(basis: Basis, number: int) -> Path:
    """The file of a replica's traefik.toml; `number` counts from 1."""
    return basis.folder("traefik") / f"traefik-{number}.toml"


def etcd_files(basis: Basis) -> Files:
    """The certificates of the members, and of the set-up with its passwords."""
    # The set-up's package is the hub's.
    setup = basis.mounted(SETUP, {ETCD_TLS: "etcd-setup", str(HUB_FOLDER): "hub"})
    return {
        **basis.mounted(ETCD, {ETCD_TLS: "etcd"}),
        **{p: f for p, f in setup.items() if p.is_relative_to(basis.folder("etcd-setup"))},
    }
