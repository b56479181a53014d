"""Kernels that every user gets beside those of the image: `singleuser.kernels`.

An init container of the user's own image installs them into a volume of the pod, with the script
of the chart's ConfigMap; the user's server finds them by `JUPYTER_PATH`. The container fits the
restricted Pod Security Standard wherever the user's own may.
"""

from __future__ import annotations

import re
from typing import Any, Final

from traitlets.config import Config

from jupyterhub_ha.values import Values

FOLDER: Final = "/opt/jupyterhub-ha/kernels"
JUPYTER_PATH: Final = f"{FOLDER}/share/jupyter"
CONTAINER: Final = "install-kernels"

_VOLUME: Final = "install-kernels"
_SCRIPT_VOLUME: Final = "install-kernels-script"
_SCRIPT_FOLDER: Final = "/opt/jupyterhub-ha/install"
# What pip reads; nothing else of the user's environment is of use to it.
_PIPS: Final = re.compile(
    r"PIP_\w+|(https?|no|all)_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE", re.IGNORECASE
)


def configure_kernels(c: Config, values: Values) -> None:
    """Add the container, its volumes and `JUPYTER_PATH` to what is set for users' pods.

    Call it when all of these are set otherwise. `singleuser.extraEnv.JUPYTER_PATH` is kept, behind
    ours. A trait of its own, `modify_pod_hook`, gives the container the image, the policy to pull
    it and the resources of the user's, which a profile may choose; whoever sets another hook calls
    `as_the_users` in it.
    """
    if not values.sequence("singleuser.kernels"):
        return
    spawner = c.KubeSpawner
    environment = dict(spawner.get("environment") or {})
    spawner.volumes = {
        **spawner.volumes,
        _VOLUME: {"name": _VOLUME, "emptyDir": {}},
        _SCRIPT_VOLUME: {
            "name": _SCRIPT_VOLUME,
            "configMap": {"name": values.name("singleuser-kernels")},
        },
    }
    mount = {"name": _VOLUME, "mountPath": FOLDER, "readOnly": True}
    spawner.volume_mounts = {**spawner.volume_mounts, _VOLUME: mount}
    spawner.environment = {**environment, "JUPYTER_PATH": jupyter_path(environment, JUPYTER_PATH)}
    # After a container that blocks the cloud's metadata, so that what pip runs has no way there.
    spawner.init_containers = [
        *spawner.init_containers,
        _container(values, environment, spawner.get("image", "")),
    ]
    spawner.modify_pod_hook = as_the_users


def jupyter_path(environment: dict[str, Any], folder: str) -> str:
    """`JUPYTER_PATH` with a folder before what the environment has there already."""
    given = environment.get("JUPYTER_PATH")
    return f"{folder}:{given}" if given and isinstance(given, str) else folder


def as_the_users(_spawner: Any, pod: Any) -> Any:
    """Give the container that installs kernels the user's image and resources; returns the pod."""
    users = pod.spec.containers[0]
    for container in pod.spec.init_containers or []:
        if container.name == CONTAINER:
            container.image = users.image
            container.image_pull_policy = users.image_pull_policy
            container.resources = users.resources
    return pod


def _container(values: Values, environment: dict[str, Any], image: Any) -> dict[str, Any]:
    security: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if uid := values.get("singleuser.uid"):
        # Without a number of ours Kubernetes would refuse an image whose user is a name.
        security |= {"runAsUser": uid, "runAsNonRoot": True}
    script, kernels = (f"{_SCRIPT_FOLDER}/{n}" for n in ("install_kernels.py", "kernels.json"))
    return {
        "name": CONTAINER,
        # A profile may choose another: then the hook names that one.
        "image": image,
        "command": ["python3", script, kernels, FOLDER],
        "env": [_variable(n, v) for n, v in environment.items() if _PIPS.fullmatch(n)],
        "securityContext": security,
        "volumeMounts": [
            {"name": _VOLUME, "mountPath": FOLDER},
            {"name": _SCRIPT_VOLUME, "mountPath": _SCRIPT_FOLDER, "readOnly": True},
        ],
    }


def _variable(name: str, value: Any) -> dict[str, Any]:
    """A variable as a pod has it, from one as the spawner has it."""
    return {"name": name, "value": value} if isinstance(value, str) else {"name": name, **value}
