"""The documents that people review: taken out of the rendered objects, as the pods get them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from .errors import UsageError
from .mounts import MissingObjectError, Objects, mounted_files
from .stream import Document
from .tree import File

HUB_FOLDER = PurePosixPath("/usr/local/etc/jupyterhub")
HUB_CONFIG = "hub/jupyterhub_config.py"
ETCD = "etcd-statefulset.yaml"

# What --only takes, and the file that it stands for.
SHORT_NAMES: Mapping[str, str] = {
    "traefik.toml": "traefik.toml",
    "dynamic.toml": "dynamic.toml",
    "etcd": ETCD,
    "hub": HUB_CONFIG,
}


class _Present(Objects):
    """The rendered objects; what is the user's own, such as an existing Secret, holds nothing."""

    def data(self, kind: str, name: str) -> dict[str, bytes]:
        try:
            return super().data(kind, name)
        except MissingObjectError:
            return {}


def extract(documents: Sequence[Document]) -> dict[str, File]:
    """Return the documents inside the objects, by relative path.

    ``traefik.toml`` and ``dynamic.toml``, ``etcd-statefulset.yaml``, and below ``hub/`` what the
    hub's pod has in its configuration folder. What the values leave out is absent.
    """
    files: dict[str, File] = {}
    for document in documents:
        if document.kind == "ConfigMap" and "traefik.toml" in document.text:
            data = document.data.get("data") or {}
            files |= {name: File(text) for name, text in data.items() if name.endswith(".toml")}
        if document.kind == "StatefulSet" and document.name.endswith("proxy-etcd"):
            files[ETCD] = File(document.text)
    return files | _hub_files(documents)


def manifests(documents: Iterable[Document]) -> dict[str, File]:
    """Return one file per object below ``manifests/``; Secrets are for their owner's eyes only."""
    files: dict[str, File] = {}
    for document in documents:
        path = f"manifests/{document.file_name}"
        if path in files:  # the same name in two namespaces
            path = f"manifests/{document.namespace}-{document.file_name}"
        files[path] = File(document.text, private=document.kind == "Secret")
    return files


def only(documents: Sequence[Document], name: str) -> str:
    """Return the text of one document; raises UsageError where the values do not make it."""
    files = extract(documents)
    path = SHORT_NAMES.get(name, name)
    if path not in files:
        there = [short for short, long in SHORT_NAMES.items() if long in files]
        raise UsageError(f"--only {name}: these values do not make it; they make {listed(there)}")
    return files[path].text


def listed(names: Sequence[str]) -> str:
    """Write names with commas, or say that there are none."""
    return ", ".join(names) if names else "none of these documents"


def _hub_files(documents: Sequence[Document]) -> dict[str, File]:
    hub = next(
        (one for one in documents if one.kind == "Deployment" and one.component == "hub"), None
    )
    if hub is None:
        return {}
    sources = [one.data for one in documents if one.kind in ("ConfigMap", "Secret")]
    files = {}
    for path, (content, mode) in mounted_files(_Present(sources), hub.data).items():
        if not path.is_relative_to(HUB_FOLDER):
            continue
        try:
            text = content.decode()
        except UnicodeDecodeError:  # a user's binary file; it is in its Secret's manifest
            continue
        files[f"hub/{path.relative_to(HUB_FOLDER)}"] = File(text, private=not mode & 0o044)
    return files
