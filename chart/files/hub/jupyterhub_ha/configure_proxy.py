"""The proxy that JupyterHub talks to, by `proxy.kind`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from traitlets.config import Config

from jupyterhub_ha.values import BadValuesError, MissingMountError, Values

# An import path and no entry point: mounted files have no metadata.
ETCD_PROXY_CLASS: Final = "jupyterhub_ha.TraefikEtcdProxy"
FILE_PROXY_CLASS: Final = "jupyterhub_ha.TraefikFileProxy"
IN_PROCESS_CLASS: Final = "jupyterhub_ha.InProcessProxy"
CHP_CLASS: Final = "jupyterhub.proxy.ConfigurableHTTPProxy"

# Whose X-Forwarded-* headers the proxy in the hub believes: the ingress controller or the load
# balancer in front, as with `proxy.traefik.forwardedHeaders.trustedIPs`.
_PRIVATE_NETWORKS: Final = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
)
_CHP_API_PORT: Final = 8001
_REPLICA_PORT: Final = 8080


def configure_proxy(c: Config, values: Values) -> None:
    """Set the proxy's class and how to reach it. Raises BadValuesError for an unknown kind."""
    kind = values.get("proxy.kind")
    configure = _KINDS.get(kind)
    if configure is None:
        raise BadValuesError([f"proxy.kind: {kind!r} is none of {', '.join(sorted(_KINDS))}"])
    configure(c, values)


def configure_etcd_proxy(c: Config, values: Values) -> None:
    """Set the proxy whose routing table is in etcd; identity and passwords are mounted files."""
    c.JupyterHub.proxy_class = ETCD_PROXY_CLASS
    proxy = c.TraefikEtcdProxy
    proxy.should_start = False
    proxy.endpoints = values.name("proxy-etcd-endpoints").split()
    proxy.replica_urls = [f"http://{values.name('proxy-replicas')}:{_REPLICA_PORT}"]
    proxy.entry_points = _entry_points(values)
    _set_identity(c, values)
    _set_api_user(proxy, values)
    # Of one's own etcd the limit is not known; the class then takes etcd's default.
    if values.get("proxy.etcd.enabled"):
        proxy.max_txn_ops = values.get("proxy.etcd.maxTxnOps")


def _entry_points(values: Values) -> list[str]:
    """Where users come in; as the chart says to Traefik (jupyterhub-ha.https.entryPoints)."""
    is_ended_here = values.get("proxy.https.enabled") and (
        values.get("proxy.https.type") != "offload"
    )
    return ["http", "https"] if is_ended_here else ["http"]


def _set_identity(c: Config, values: Values) -> None:
    folder = values.mounts.etcd
    proxy = c.TraefikEtcdProxy
    for trait, name in (("ca_file", "ca.crt"), ("cert_file", "tls.crt"), ("key_file", "tls.key")):
        if (folder / name).is_file():
            proxy[trait] = str(folder / name)
    if (folder / "password").is_file():
        proxy.username = values.get("proxy.etcd.auth.hubUsername")
        proxy.password = (folder / "password").read_text(encoding="utf-8").strip()


def configure_file_proxy(c: Config, values: Values) -> None:
    """Set the proxy whose routing table is in files beside Traefik, which another program runs.

    Where the files and the replicas are is known to the host alone.
    """
    c.JupyterHub.proxy_class = FILE_PROXY_CLASS
    proxy = c.TraefikFileProxy
    proxy.should_start = False
    proxy.entry_points = _entry_points(values)
    _set_api_user(proxy, values)


def configure_in_process(c: Config, values: Values) -> None:
    """Set the proxy inside the hub, which listens where JupyterHub's `bind_url` says: port 8000."""
    c.JupyterHub.proxy_class = IN_PROCESS_CLASS
    c.InProcessProxy.trusted_networks = list(_PRIVATE_NETWORKS)


def configure_chp(c: Config, values: Values) -> None:
    """Set configurable-http-proxy in a pod of its own; its token is in `CONFIGPROXY_AUTH_TOKEN`."""
    c.JupyterHub.proxy_class = CHP_CLASS
    c.ConfigurableHTTPProxy.api_url = f"http://{values.name('proxy-api')}:{_CHP_API_PORT}"
    c.ConfigurableHTTPProxy.should_start = False


def configure_external(c: Config, values: Values) -> None:
    """Set nothing: `hub.config` or `hub.extraConfig` says which proxy, and it runs elsewhere."""


def _set_api_user(proxy: Any, values: Values) -> None:
    proxy.api_username = "hub"
    proxy.api_password = _mounted(values, "proxy_api", "hub-password")


def _mounted(values: Values, folder: str, name: str) -> str:
    file = getattr(values.mounts, folder) / name
    if not file.is_file():
        raise MissingMountError(
            f"{file} is missing; the chart mounts it from a Secret of the proxy"
        )
    return str(file.read_text(encoding="utf-8").strip())


_KINDS: Final[dict[str, Callable[[Config, Values], None]]] = {
    "traefik-etcd": configure_etcd_proxy,
    "traefik-file": configure_file_proxy,
    "in-process": configure_in_process,
    "chp": configure_chp,
    "external": configure_external,
}
