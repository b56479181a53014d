"""Volumes of users' pods: the home folder, `singleuser.extraFiles`, extra volumes and mounts."""

from __future__ import annotations

from typing import Any, Final

from traitlets.config import Config

from jupyterhub_ha.values import BadValuesError, Values

_FILES_VOLUME: Final = "files"

# A volume or mount by the key under which later configuration finds and replaces it.
_Entries = dict[str, dict[str, Any]]


def configure_storage(c: Config, values: Values) -> None:
    """Set volumes and mounts; both are mappings, so that `hub.extraConfig` can change single ones.

    Raises BadValuesError for an unknown `singleuser.storage.type` and for static without a claim.
    """
    if labels := values.mapping("singleuser.storage.extraLabels"):
        c.KubeSpawner.storage_extra_labels = labels
    volumes, mounts = _home(c, values)
    for more_volumes, more_mounts in (_files(values), _extra(values)):
        volumes |= more_volumes
        mounts |= more_mounts
    c.KubeSpawner.volumes = volumes
    c.KubeSpawner.volume_mounts = mounts


def _home(c: Config, values: Values) -> tuple[_Entries, _Entries]:
    kind = values.get("singleuser.storage.type")
    if kind == "dynamic":
        return _claimed_home(c, values)
    if kind == "static":
        claim = values.get("singleuser.storage.static.pvcName")
        if not claim:
            raise BadValuesError(
                ["singleuser.storage.static.pvcName: needed with singleuser.storage.type: static"]
            )
        return _home_entries(values, "home", claim, "singleuser.storage.static.subPath")
    if kind == "none":
        return {}, {}
    raise BadValuesError([f"singleuser.storage.type: {kind!r} is none of dynamic, static, none"])


def _claimed_home(c: Config, values: Values) -> tuple[_Entries, _Entries]:
    """A home folder on a claim of each user's own, which the spawner makes."""
    traits = {
        "pvc_name_template": "dynamic.pvcNameTemplate",
        "storage_class": "dynamic.storageClass",
        "storage_access_modes": "dynamic.storageAccessModes",
        "storage_capacity": "capacity",
    }
    for trait, key in traits.items():
        value = values.copy_of(f"singleuser.storage.{key}")
        # An empty class has a meaning (no class); an empty name has none.
        if value is not None and (value or trait == "storage_class"):
            c.KubeSpawner[trait] = value
    c.KubeSpawner.storage_pvc_ensure = True
    name = values.get("singleuser.storage.dynamic.volumeNameTemplate") or "volume-{user_server}"
    return _home_entries(values, name, "{pvc_name}", "singleuser.storage.dynamic.subPath")


def _home_entries(
    values: Values, name: str, claim: str, sub_path: str
) -> tuple[_Entries, _Entries]:
    mount = {"name": name, "mountPath": values.get("singleuser.storage.homeMountPath")}
    if folder := values.get(sub_path):
        mount["subPath"] = folder
    volume = {"name": name, "persistentVolumeClaim": {"claimName": claim}}
    return {name: volume}, {name: mount}


def _files(values: Values) -> tuple[_Entries, _Entries]:
    """The Secret with the content of `singleuser.extraFiles`, and a mount for each file."""
    files = values.mapping("singleuser.extraFiles")
    if not files:
        return {}, {}
    items = []
    mounts: _Entries = {}
    for place, (key, file) in enumerate(files.items()):
        item = {"key": key, "path": key}
        if file.get("mode") is not None:
            item["mode"] = file["mode"]
        items.append(item)
        mounts[f"{place}-files"] = {
            "name": _FILES_VOLUME,
            "mountPath": file["mountPath"],
            "subPath": key,
        }
    secret = {"secretName": values.name("singleuser"), "items": items}
    return {_FILES_VOLUME: {"name": _FILES_VOLUME, "secret": secret}}, mounts


def _extra(values: Values) -> tuple[_Entries, _Entries]:
    """Extra volumes and mounts, each a mapping, or a list as in a pod; keys of lists are Z2JH's."""
    path = "singleuser.storage.extraVolumes"
    volumes = values.copy_of(path, {})
    if isinstance(volumes, list):
        volumes = {volume["name"]: volume for volume in volumes}
    mounts = values.copy_of("singleuser.storage.extraVolumeMounts", {})
    if isinstance(mounts, list):
        mounts = {f"{place}-{mount['name']}": mount for place, mount in enumerate(mounts)}
    for value, where in ((volumes, path), (mounts, "singleuser.storage.extraVolumeMounts")):
        if not isinstance(value, dict):
            raise BadValuesError([f"{where}: a list or a mapping is needed"])
    return volumes, mounts
