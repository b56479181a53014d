"""The service for shared notebooks without Kubernetes: the chart's words and variables."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final

from .errors import UsageError
from .files import write_atomically
from .host_layout import Layout, Ports
from .host_place import environment_file
from .mounts import Manifest, Objects, environment, pod_spec, write_mounts
from .supervise import Program

BUCKET_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
PACKAGE: Final = "/usr/local/lib/share"
"""The folder in the pod that has the service's package."""


def service_words(
    container: Manifest, python: Path, *, address: str, port: int, folder: Path
) -> list[str]:
    """The command of the chart's container, with this host's address, port and folder."""
    own = {"--port": f"--port={port}"}
    if not bucket_secret(container):
        own["--storage"] = f"--storage={folder}"
    options = [own.get(word.partition("=")[0], word) for word in container["args"]]
    return [str(python), *container["command"][1:], f"--address={address}", *options]


def service_variables(given: dict[str, str], *, hub: str, package: Path) -> dict[str, str]:
    """The variables of the chart's container, with the hub's API and the package of this host."""
    return {**given, "JUPYTERHUB_API_URL": f"{hub}/api", "PYTHONPATH": str(package)}


def bucket_secret(container: Manifest) -> str:
    """The Secret with the key of the bucket; empty where the storage is a folder."""
    for entry in container["env"]:
        if entry["name"] in BUCKET_KEYS:
            reference: dict[str, Any] = entry["valueFrom"]["secretKeyRef"]
            return str(reference["name"])
    return ""


def share_program(
    workload: Manifest, objects: Objects, layout: Layout, ports: Ports, base_url: str
) -> Program:
    """The service on this machine, with its package and variables written; see `host`.

    Raises UsageError when it needs the key of a bucket, and our environment has none.
    """
    container = pod_spec(workload)["containers"][0]
    secret = bucket_secret(container)
    absent = [key for key in BUCKET_KEYS if secret and not os.environ.get(key)]
    if absent:
        raise UsageError(
            f"tmpnb.share.storage.s3.existingSecret: there is no Secret {secret!r} on this "
            f"machine; export {' and '.join(absent)} instead"
        )
    root = layout.pods / "share"
    write_mounts(objects, workload, root)
    words = service_words(
        container, Path(sys.executable), address="127.0.0.1", port=ports.share, folder=layout.shared
    )
    variables = service_variables(
        environment(objects, container, BUCKET_KEYS),
        hub=f"http://127.0.0.1:{ports.hub}{base_url}hub",
        package=root / PACKAGE.lstrip("/"),
    )
    # With the service's token, which is in no file that the supervisor reads.
    file = layout.state / "share.env"
    write_atomically(file, environment_file(variables), mode=0o600)
    start = ["sh", "-c", 'set -a; . "$0"; exec "$@"', str(file)]
    return Program("share", [*start, *words], layout.state)
