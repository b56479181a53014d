"""The files and variables that the kubelet would give a container, on this machine.

`proxy-gen up` runs the same documents as the cluster. Instead of rendering them a second time, it
reads the rendered workload's volumes and writes what they mount below a folder of its own.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import ProxyGenError
from .files import write_atomically

Manifest = Mapping[str, Any]


class MissingObjectError(ProxyGenError):
    """A rendered workload names an object that is not among the rendered ones."""


class Objects:
    """The rendered objects, found by kind and name."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        self._by_name = {(m["kind"], m["metadata"]["name"]): m for m in manifests}

    def get(self, kind: str, name: str) -> Manifest:
        """The object of that kind and name; MissingObjectError when there is none."""
        try:
            return self._by_name[kind, name]
        except KeyError:
            raise MissingObjectError(f"the chart rendered no {kind} {name!r}") from None

    def find(self, kind: str, component: str) -> Manifest:
        """The only object of that kind whose component label is `component`."""
        found = [
            m
            for (k, _), m in self._by_name.items()
            if k == kind and m["metadata"].get("labels", {}).get("component") == component
        ]
        if len(found) != 1:
            raise MissingObjectError(
                f"the chart rendered {len(found)} objects of kind {kind} for {component!r}, not one"
            )
        return found[0]

    def has(self, kind: str, component: str) -> bool:
        """Whether there is an object of that kind whose component label is `component`."""
        return any(
            k == kind and m["metadata"].get("labels", {}).get("component") == component
            for (k, _), m in self._by_name.items()
        )

    def data(self, kind: str, name: str) -> dict[str, bytes]:
        """What a ConfigMap or Secret holds, decoded."""
        manifest = self.get(kind, name)
        plain = {k: v.encode() for k, v in manifest.get("stringData", {}).items()}
        if kind == "ConfigMap":
            plain |= {k: v.encode() for k, v in (manifest.get("data") or {}).items()}
            encoded = manifest.get("binaryData") or {}
        else:
            encoded = manifest.get("data") or {}
        return {k: base64.b64decode(v) for k, v in encoded.items()} | plain


def pod_spec(workload: Manifest) -> Manifest:
    """The pod spec of a Deployment, StatefulSet or Job."""
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


def environment(
    objects: Objects, container: Manifest, without: Collection[str] = ()
) -> dict[str, str]:
    """The variables of a container, but for what only a pod has.

    `without` are the names of those that come from a Secret which the values only name.
    """
    variables = {}
    for entry in container.get("env", []):
        if entry["name"] in without:
            continue
        source = entry.get("valueFrom", {})
        if reference := source.get("secretKeyRef"):
            data = objects.data("Secret", reference["name"])
            variables[entry["name"]] = data[reference["key"]].decode()
        elif not source:
            variables[entry["name"]] = str(entry.get("value", ""))
    return variables


def write_mounts(objects: Objects, workload: Manifest, root: Path) -> None:
    """Write what the first container's ConfigMap and Secret volumes mount, below `root`.

    Other volumes (claims, empty folders) become empty folders. Files of Secrets have mode 0600.
    A mount below another mount is written after it, as the kubelet does.
    """
    for mount in _mounts(workload):
        if "subPath" not in mount:
            (root / PurePosixPath(mount["mountPath"]).relative_to("/")).mkdir(
                parents=True, exist_ok=True
            )
    for path, (content, mode) in mounted_files(objects, workload).items():
        file = root / path.relative_to("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, content, mode=mode)


def mounted_files(objects: Objects, workload: Manifest) -> dict[PurePosixPath, tuple[bytes, int]]:
    """Path in the first container, content and mode of each file of a ConfigMap or Secret.

    Where two mounts bring the same file, the one that is deeper wins.
    """
    volumes = {volume["name"]: volume for volume in pod_spec(workload).get("volumes", [])}
    found: dict[PurePosixPath, tuple[bytes, int]] = {}
    for mount in _mounts(workload):
        target = PurePosixPath(mount["mountPath"])
        files = _volume_files(objects, volumes.get(mount["name"], {}))
        if "subPath" not in mount:
            found |= {target / name: content for name, content in files.items()}
        elif mount["subPath"] in files:
            found[target] = files[mount["subPath"]]
    return found


def _mounts(workload: Manifest) -> list[Manifest]:
    mounts = pod_spec(workload)["containers"][0].get("volumeMounts", [])
    return sorted(mounts, key=lambda mount: len(PurePosixPath(mount["mountPath"]).parts))


def _volume_files(objects: Objects, volume: Manifest) -> dict[str, tuple[bytes, int]]:
    """Relative path, content and mode of each file that a volume brings."""
    if "projected" in volume:
        files: dict[str, tuple[bytes, int]] = {}
        for source in volume["projected"]["sources"]:
            files |= _volume_files(objects, source)
        return files
    if "configMap" in volume:
        return _source_files(objects, "ConfigMap", volume["configMap"], 0o644)
    if "secret" in volume:
        return _source_files(objects, "Secret", volume["secret"], 0o600)
    return {}


def _source_files(
    objects: Objects, kind: str, source: Manifest, mode: int
) -> dict[str, tuple[bytes, int]]:
    # A pod names a ConfigMap by `name` and a Secret volume by `secretName`.
    name = source.get("name") or source["secretName"]
    try:
        data = objects.data(kind, name)
    except MissingObjectError:
        if source.get("optional"):
            return {}
        raise
    items = source.get("items") or [{"key": key, "path": key} for key in data]
    return {item["path"]: (data[item["key"]], mode) for item in items if item["key"] in data}
