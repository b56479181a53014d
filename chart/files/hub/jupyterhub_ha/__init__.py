"""JupyterHub proxies that may die, move and be upgraded while users work."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["TraefikEtcdProxy", "__version__"]

if TYPE_CHECKING:
    from .traefik_etcd import TraefikEtcdProxy


def __getattr__(name: str) -> Any:
    # The pure modules are also read where JupyterHub is not installed.
    if name == "TraefikEtcdProxy":
        from .traefik_etcd import TraefikEtcdProxy

        return TraefikEtcdProxy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
