"""The issuer on one host with etcd: the chart's, its state in a folder in place of a Secret."""

from __future__ import annotations

from pathlib import Path

from .bundle_basis import CERTIFICATES, Basis
from .documents import HUB_FOLDER
from .host_place import authority
from .mounts import pod_spec
from .tree import File

USER = "jupyterhub-certificates"
ETCD = "etcd-certificates"
"""Folder of the configuration with the issuer's certificate and password for etcd."""

_ETCD_MOUNT = "/etc/etcd"


def issuer_words(basis: Basis) -> list[str]:
    """What the host's Python runs: the chart's words, with this host's places and addresses."""
    move = basis.relocate({_ETCD_MOUNT: ETCD})
    container = basis.container(CERTIFICATES)
    words = [*container["command"][1:], *container["args"]]
    words = words[: words.index("--endpoints")]
    own = _own_options(basis)
    named = [_changed(move(word), own) for word in words]
    return [*named, "--endpoints", *basis.ports.etcd_urls]


def issuer_environment(basis: Basis) -> dict[str, str]:
    """The variables of the chart's container."""
    move = basis.relocate({str(HUB_FOLDER): "hub"})
    return {name: move(value) for name, value in basis.environment(CERTIFICATES).items()}


def certificate_files(basis: Basis) -> dict[Path, File]:
    """What the issuer needs to log in to etcd; a certificate of the values, an authority's."""
    files = {path: File(text, private=True) for path, text in basis.https.texts.items()}
    volumes = pod_spec(basis.workload(CERTIFICATES))["volumes"]
    (secret,) = (v["secret"]["secretName"] for v in volumes if v["name"] == "etcd")
    for name, content in basis.objects.data("Secret", secret).items():
        files[basis.folder(ETCD) / name] = File(content.decode(), private=True)
    return files


def _own_options(basis: Basis) -> dict[str, str]:
    """Options that have another value here, and the name under which they have it."""
    crt, key = basis.https.files
    return {
        "--acme-ca-file": f"--acme-ca-file={basis.https.authority}",
        "--lego": f"--lego={basis.place.programs / 'lego'}",
        "--challenge-address": "--challenge-address="
        + authority("127.0.0.1", basis.ports.challenge),
        "--state-secret": f"--state-folder={basis.https.state}",
        "--tls-crt": f"--tls-crt={crt}",
        "--tls-key": f"--tls-key={key}",
    }


def _changed(word: str, own: dict[str, str]) -> str:
    return own.get(word.partition("=")[0], word)
