"""JupyterHub proxies that may die, move and be upgraded while users work."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["InProcessProxy", "TraefikEtcdProxy", "TraefikFileProxy", "__version__"]

if TYPE_CHECKING:
    from .in_process import InProcessProxy
    from .traefik_etcd import TraefikEtcdProxy
    from .traefik_file import TraefikFileProxy

_MODULES = {
    "InProcessProxy": "in_process",
    "TraefikEtcdProxy": "traefik_etcd",
    "TraefikFileProxy": "traefik_file",
}


def __getattr__(name: str) -> Any:
    # The pure modules are also read where JupyterHub is not installed.
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
