"""Writes images as one archive (OCI image layout 1.0), without a daemon and without a registry."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .images import Image, Layer

_TYPE = "application/vnd.oci.image"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LayerStore:
    """Layers as plain tar files in a folder; each is made again only when its inputs changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str, layer: Layer, inputs: str) -> tuple[Path, str]:
        """The layer's file and the hex digest of its content; `inputs` tells what is in trees."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path, record = self._folder / f"{name}.tar", self._folder / f"{name}.json"
        key = _key(layer, inputs)
        if path.exists() and record.exists():
            known = json.loads(record.read_text())
            if known["key"] == key:
                return path, str(known["digest"])
        unfinished = path.with_suffix(".new")
        write_layer(layer, unfinished)
        unfinished.replace(path)
        digest = _file_digest(path)
        record.write_text(json.dumps({"key": key, "digest": digest}))
        return path, digest


def write_layer(layer: Layer, path: Path) -> None:
    """Write one layer; everything in it belongs to root, and files keep their times.

    The times matter: Python compares them with those in its compiled files.
    """
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        made: set[str] = set()
        if root := layer.trees.get("/"):
            for top in sorted(root.iterdir()):
                archive.add(top, top.name, filter=_without_names)
        for target, mode in layer.folders.items():
            _parents(archive, target, made)
            archive.addfile(_entry(target, tarfile.DIRTYPE, mode))
        for target, source in [*layer.trees.items(), *layer.files.items()]:
            if target != "/":
                _parents(archive, target, made)
                archive.add(source.resolve(), target.strip("/"), filter=_as_root)
        for target, text in layer.texts.items():
            _parents(archive, target, made)
            _add_bytes(archive, target.strip("/"), text.encode(), 0o755)
        for target, goal in layer.links.items():
            _parents(archive, target, made)
            link = _entry(target, tarfile.SYMTYPE, 0o777)
            link.linkname = goal
            archive.addfile(link)


def write_archive(
    images: Mapping[str, Image], layers: Mapping[str, tuple[Path, str]], path: Path
) -> None:
    """Write an archive of all images, by full name, with the layers that they name."""
    manifests, blobs = [], {}
    for reference, image in images.items():
        stack = [layers[name] for name in image.layers]
        config, manifest = documents(image, [(file.stat().st_size, key) for file, key in stack])
        for blob in (config, manifest):
            blobs[hashlib.sha256(blob).hexdigest()] = blob
        manifests.append(
            _descriptor("manifest.v1+json", manifest)
            | {"annotations": {"io.containerd.image.name": reference}}
        )
    index = {"schemaVersion": 2, "mediaType": f"{_TYPE}.index.v1+json", "manifests": manifests}
    used = {layers[name] for image in images.values() for name in image.layers}
    with tarfile.open(path, "w") as archive:
        _add_bytes(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add_bytes(archive, "index.json", json.dumps(index).encode())
        for digest, blob in blobs.items():
            _add_bytes(archive, f"blobs/sha256/{digest}", blob)
        for file, digest in sorted(used):
            archive.add(file, f"blobs/sha256/{digest}")


def documents(image: Image, layers: Iterable[tuple[int, str]]) -> tuple[bytes, bytes]:
    """An image's configuration and manifest; a layer is its size in bytes and its hex digest."""
    stack = list(layers)
    environment = {"PATH": _PATH, **image.environment}
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Entrypoint": list(image.entrypoint),
                "Cmd": list(image.command),
                "User": image.user,
                "WorkingDir": image.folder,
                "Env": [f"{name}={value}" for name, value in environment.items()],
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for _, digest in stack]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_TYPE}.manifest.v1+json",
        "config": _descriptor("config.v1+json", config),
        "layers": [
            {"mediaType": f"{_TYPE}.layer.v1.tar", "digest": f"sha256:{digest}", "size": size}
            for size, digest in stack
        ],
    }
    return config, json.dumps(manifest).encode()


def _descriptor(kind: str, content: bytes) -> dict[str, Any]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return {"mediaType": f"{_TYPE}.{kind}", "digest": digest, "size": len(content)}


def _key(layer: Layer, inputs: str) -> str:
    stats = [(str(file), os.stat(file).st_mtime_ns) for file in layer.files.values()]
    return hashlib.sha256(repr((asdict(layer), inputs, stats)).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parents(archive: tarfile.TarFile, target: str, made: set[str]) -> None:
    parts = target.strip("/").split("/")[:-1]
    for length in range(1, len(parts) + 1):
        folder = "/".join(parts[:length])
        if folder not in made:
            made.add(folder)
            archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o755))


def _entry(target: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(target.strip("/"))
    entry.type, entry.mode = kind, mode
    return entry


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = _entry(name, tarfile.REGTYPE, mode)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _without_names(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uname = entry.gname = ""
    return entry


def _as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    return _without_names(entry)
