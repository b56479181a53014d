"""Kernels of all users on one host: the chart's script and list, and where they go. Pure."""

from __future__ import annotations

from .mounts import MissingObjectError, Objects

SCRIPT = "install_kernels.py"
LIST = "kernels.json"


def kernel_files(objects: Objects) -> dict[str, str]:
    """The files of the chart's ConfigMap for `singleuser.kernels` by name; none without kernels."""
    try:
        found = objects.find("ConfigMap", "singleuser")
    except MissingObjectError:
        return {}
    data = objects.data("ConfigMap", found["metadata"]["name"])
    return {name: content.decode() for name, content in data.items()}
