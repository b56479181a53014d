"""KubeSpawner from `singleuser.*`, `scheduling.*` and the pull secrets.

`configure_spawner` calls one function per concern; each takes the configuration to fill and the
values to read, and none of them touches the cluster.
"""

from __future__ import annotations

import os
from typing import Any, Final

from traitlets.config import Config

from jupyterhub_ha.spawner_kernels import configure_kernels
from jupyterhub_ha.spawner_storage import configure_storage
from jupyterhub_ha.values import BadValuesError, Values

# KubeSpawner's traits that take a value of `singleuser` as it is; null leaves the trait alone.
_TRAITS: Final = {
    "pod_name_template": "podNameTemplate",
    "start_timeout": "startTimeout",
    "image_pull_policy": "image.pullPolicy",
    "events_enabled": "events",
    "extra_labels": "extraLabels",
    "extra_annotations": "extraAnnotations",
    "uid": "uid",
    "fs_gid": "fsGid",
    "service_account": "serviceAccountName",
    "node_selector": "nodeSelector",
    "pod_affinity_required": "extraPodAffinity.required",
    "pod_affinity_preferred": "extraPodAffinity.preferred",
    "pod_anti_affinity_required": "extraPodAntiAffinity.required",
    "pod_anti_affinity_preferred": "extraPodAntiAffinity.preferred",
    "lifecycle_hooks": "lifecycleHooks",
    "extra_containers": "extraContainers",
    "mem_limit": "memory.limit",
    "mem_guarantee": "memory.guarantee",
    "cpu_limit": "cpu.limit",
    "cpu_guarantee": "cpu.guarantee",
    "extra_resource_limits": "extraResource.limits",
    "extra_resource_guarantees": "extraResource.guarantees",
    "profile_list": "profileList",
    "extra_pod_config": "extraPodConfig",
}

_USER_NODES: Final = {
    "matchExpressions": [
        {"key": "hub.jupyter.org/node-purpose", "operator": "In", "values": ["user"]}
    ]
}


def configure_spawner(c: Config, values: Values) -> None:
    """Make KubeSpawner the spawner and set all that the values say about users' pods.

    Raises BadValuesError for values that KubeSpawner could not use.
    """
    c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
    configure_identity(c, values)
    configure_plain_traits(c, values)
    configure_command(c, values)
    configure_image(c, values)
    configure_environment(c, values)
    configure_scheduling(c, values)
    configure_init_containers(c, values)
    configure_storage(c, values)
    configure_kernels(c, values)
    if values.get("tmpnb.enabled"):
        # In a part of the package that is mounted with it only.
        from jupyterhub_ha.tmpnb_sandbox import configure_sandbox

        configure_sandbox(c, values)


def configure_identity(c: Config, values: Values) -> None:
    """Set the pods' namespace and the labels that they share with the chart's objects.

    Network policies and selectors of Z2JH know both sets of labels, so a release that is taken
    over keeps its running servers reachable.
    """
    c.KubeSpawner.namespace = os.environ.get("POD_NAMESPACE", "default")
    app = values.name("app-label")
    labels = {"app.kubernetes.io/name": app, "app": app}
    release = values.get("Release.Name")
    if release:
        labels |= {"app.kubernetes.io/instance": release, "release": release}
    chart, version = values.get("Chart.Name"), values.get("Chart.Version")
    if chart and version:
        label = f"{chart}-{version.replace('+', '_')}"
        labels |= {"helm.sh/chart": label, "chart": label}
    c.KubeSpawner.common_labels = labels | {"app.kubernetes.io/managed-by": "kubespawner"}


def configure_plain_traits(c: Config, values: Values) -> None:
    """Set the traits that take their value as it is."""
    for trait, key in _TRAITS.items():
        value = values.copy_of(f"singleuser.{key}")
        if value is not None:
            c.KubeSpawner[trait] = value
    # Here null has a meaning of its own: leave it to Kubernetes.
    c.KubeSpawner.allow_privilege_escalation = values.get("singleuser.allowPrivilegeEscalation")


def configure_command(c: Config, values: Values) -> None:
    """Set what a user's container runs (null: the image's own command) and which page it opens."""
    unset = object()
    command = values.get("singleuser.cmd", unset)
    if command is not unset:
        c.Spawner.cmd = command
    if page := values.get("singleuser.defaultUrl"):
        c.Spawner.default_url = page


def configure_image(c: Config, values: Values) -> None:
    """Set the users' image and the secrets with which the nodes may pull it."""
    image = image_reference(values, "singleuser.image")
    if image:
        c.KubeSpawner.image = image
    secrets: list[Any] = []
    automatic = values.get("imagePullSecret.automaticReferenceInjection")
    if automatic and values.get("imagePullSecret.create"):
        secrets.append(values.name("image-pull-secret"))
    paths = ["imagePullSecrets", "global.imagePullSecrets", "singleuser.image.pullSecrets"]
    if values.get("singleuser.cloudMetadata.blockWithIptables"):
        paths.append("singleuser.networkTools.image.pullSecrets")
    for path in paths:
        secrets += values.sequence(path)
    if secrets:
        # Each once: the same secret may be named for all images and for this one.
        c.KubeSpawner.image_pull_secrets = [
            secret for place, secret in enumerate(secrets) if secret not in secrets[:place]
        ]


def image_reference(values: Values, path: str) -> str:
    """The image that a value `{name, tag}` means; empty when it has no name.

    A tag that begins with `sha256:` is a digest. `global.imageRegistry` replaces the registry of
    every image, as in the chart's own helper for images.
    """
    name, tag = values.get(f"{path}.name"), values.get(f"{path}.tag")
    if not name:
        return ""
    if registry := values.get("global.imageRegistry"):
        first, _, rest = name.partition("/")
        if rest and (first == "localhost" or "." in first or ":" in first):
            name = rest
        name = f"{registry.removesuffix('/')}/{name}"
    if tag in (None, ""):
        return str(name)
    return f"{name}{'@' if str(tag).startswith('sha256:') else ':'}{tag}"


def configure_environment(c: Config, values: Values) -> None:
    """Set the environment of users' servers from a mapping or from a list as in a pod.

    A mapping's values are texts, or the other keys of Kubernetes' EnvVar (`valueFrom`).
    """
    given = values.copy_of("singleuser.extraEnv", {})
    if isinstance(given, list):
        nameless = [e for e in given if not isinstance(e, dict) or not e.get("name")]
        if nameless:
            raise BadValuesError(["singleuser.extraEnv: each entry of a list needs a name"])
        given = {entry["name"]: entry for entry in given}
    if not isinstance(given, dict):
        raise BadValuesError(["singleuser.extraEnv: a mapping or a list is needed"])
    # The API server takes nothing but texts.
    wrong = [name for name, value in given.items() if not isinstance(value, str | dict | None)]
    if wrong:
        raise BadValuesError(
            [
                f"singleuser.extraEnv.{name}: a text is needed, so write it in quotes"
                for name in wrong
            ]
        )
    if given:
        c.KubeSpawner.environment = {
            name: _environment_value(value) for name, value in given.items()
        }


def _environment_value(value: str | dict[str, Any] | None) -> Any:
    if isinstance(value, dict) and set(value) == {"name", "value"}:
        return value["value"]
    return value or ""


def configure_scheduling(c: Config, values: Values) -> None:
    """Set tolerations, affinity to nodes for users, and the priority of users' pods."""
    tolerations = values.sequence("scheduling.userPods.tolerations")
    tolerations += values.sequence("singleuser.extraTolerations")
    if tolerations:
        c.KubeSpawner.tolerations = tolerations
    if values.get("scheduling.podPriority.enabled"):
        c.KubeSpawner.priority_class_name = values.name("priority")

    required = values.sequence("singleuser.extraNodeAffinity.required")
    preferred = values.sequence("singleuser.extraNodeAffinity.preferred")
    purpose = values.get("scheduling.userPods.nodeAffinity.matchNodePurpose", "prefer")
    if purpose == "require":
        required.append(_USER_NODES)
    elif purpose == "prefer":
        preferred.append({"weight": 100, "preference": _USER_NODES})
    elif purpose != "ignore":
        raise BadValuesError(
            [
                "scheduling.userPods.nodeAffinity.matchNodePurpose: "
                f"{purpose!r} is none of ignore, prefer, require"
            ]
        )
    c.KubeSpawner.node_affinity_required = required
    c.KubeSpawner.node_affinity_preferred = preferred


def configure_init_containers(c: Config, values: Values) -> None:
    """Set the containers that run before a user's server, the block of cloud metadata last."""
    containers = values.sequence("singleuser.initContainers")
    if values.get("singleuser.cloudMetadata.blockWithIptables"):
        containers.append(_metadata_block(values))
    c.KubeSpawner.init_containers = containers


def _metadata_block(values: Values) -> dict[str, Any]:
    """A container that drops the pod's packets to the cloud's metadata server.

    It must be privileged to write the pod's packet filter; it ends before the user's begins.
    """
    address = values.get("singleuser.cloudMetadata.ip")
    command = ["iptables", "--append", "OUTPUT", "--protocol", "tcp", "--destination", address]
    container = {
        "name": "block-cloud-metadata",
        "image": image_reference(values, "singleuser.networkTools.image"),
        "command": [*command, "--destination-port", "80", "--jump", "DROP"],
        "securityContext": {
            "privileged": True,
            "runAsUser": 0,
            "capabilities": {"add": ["NET_ADMIN"]},
        },
    }
    if policy := values.get("singleuser.networkTools.image.pullPolicy"):
        container["imagePullPolicy"] = policy
    if resources := values.mapping("singleuser.networkTools.resources"):
        container["resources"] = resources
    return container
