"""What a visitor's pod may do: KubeSpawner's options for `tmpnb`, beside those of `singleuser`.

The network is the chart's network policy's part. A pod fits the restricted Pod Security Standard,
has no token for the cluster's API, and without `tmpnb.sandbox.internet` asks no DNS: an answer of
it would be a way out, and the hub is found by the address of its Service.
"""

from __future__ import annotations

import os
from typing import Any, Final

from jupyterhub.traitlets import ByteSpecification
from traitlets.config import Config

from jupyterhub_ha.configure_hub import HUB_PORT
from jupyterhub_ha.values import Values

DISK: Final = "ephemeral-storage"
# https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
_RESTRICTED: Final[dict[str, Any]] = {
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
# Nothing listens there, so names fail at once and not after a resolver's timeout.
_NO_DNS: Final[dict[str, Any]] = {
    "dns_policy": "None",
    "dns_config": {"nameservers": ["127.0.0.1"]},
}


def configure_sandbox(c: Config, values: Values) -> None:
    """Lay the sandbox over what is set for users' pods; call it when all of that is set."""
    spawner = c.KubeSpawner
    spawner.automount_service_account_token = False
    spawner.container_security_context = dict(_RESTRICTED)
    disk = byte_count(values.get("tmpnb.sandbox.disk"))
    spawner.extra_resource_limits = {**spawner.get("extra_resource_limits", {}), DISK: str(disk)}
    guarantees = spawner.get("extra_resource_guarantees", {})
    # Kubernetes would reserve the limit on the node for each server that waits.
    spawner.extra_resource_guarantees = {DISK: "0", **guarantees}
    if not values.get("tmpnb.sandbox.internet"):
        spawner.hub_connect_url = hub_url_without_dns(values.name("hub"))
        spawner.extra_pod_config = {**_NO_DNS, **spawner.get("extra_pod_config", {})}


def byte_count(size: Any) -> int:
    """Bytes from a number of them, or from text such as `2G`, as JupyterHub reads `mem_limit`."""
    return int(ByteSpecification().validate(None, size))


def hub_url_without_dns(service: str) -> str:
    """The hub's URL by the variable with its Service's address, which each pod has.

    The kubelet fills it in when a pod starts, so that a Service that was made anew is found, too.
    """
    variable = f"{service.upper().replace('-', '_')}_SERVICE_HOST"
    host = f"$({variable})"
    if ":" in os.environ.get(variable, ""):  # IPv6
        host = f"[{host}]"
    return f"http://{host}:{HUB_PORT}"
