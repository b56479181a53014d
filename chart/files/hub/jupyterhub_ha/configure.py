"""The whole configuration of a hub in the cluster, in the order in which parts may override others.

1. what this chart decides, 2. `hub.config`, 3. files in `jupyterhub_config.d`,
4. `hub.extraConfig`: the later wins, as in Z2JH.
"""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from jupyterhub.utils import url_path_join
from traitlets.config import Config

from jupyterhub_ha.configure_hub import HUB_PORT, configure_hub, pass_through
from jupyterhub_ha.configure_proxy import configure_proxy
from jupyterhub_ha.configure_spawner import configure_spawner
from jupyterhub_ha.configure_tmpnb import configure_tmpnb
from jupyterhub_ha.content_security import configure_content_security
from jupyterhub_ha.snippets import run_snippets
from jupyterhub_ha.values import Mounts, Values, merge, z2jh_module


def configure(
    c: Config,
    mounts: Mounts,
    namespace: dict[str, Any] | None = None,
    *,
    hub_port: int = HUB_PORT,
    spawner: Callable[[Config, Values], None] = configure_spawner,
    overrides: Mapping[str, Any] | None = None,
) -> Values:
    """Fill `c` for a hub from everything that is mounted, and run the user's own snippets.

    The defaults are those of a hub pod; a hub on a single host has another port and spawner, and
    `overrides` are the values that differ there, laid over the mounted ones.
    `namespace` holds the global names of the snippets; they find there `c`, Z2JH's `get_config`
    and its sisters, and the modules that Z2JH's configuration file has. Returns the values.
    Raises ConfigurationError; what a snippet raises passes through.
    """
    values = Values.load(mounts)
    values = Values(merge(values.data, overrides or {}), mounts)
    configure_hub(c, values, hub_port)
    spawner(c, values)
    configure_content_security(c, values)
    configure_proxy(c, values)
    pass_through(c, values)
    configure_tmpnb(c, values)
    namespace = {} if namespace is None else namespace
    namespace.update(_snippet_names(c, values))
    run_snippets(values, namespace)
    return values


def _snippet_names(c: Config, values: Values) -> dict[str, Any]:
    module = z2jh_module(values)
    sys.modules["z2jh"] = module
    names = {name: value for name, value in vars(module).items() if not name.startswith("__")}
    # Snippets written for Z2JH use these without an import of their own.
    names |= {"glob": glob, "os": os, "re": re, "sys": sys, "url_path_join": url_path_join}
    try:
        from kubernetes_asyncio import client
    except ImportError:  # a hub without Kubernetes
        pass
    else:
        names["client"] = client
    return {"c": c, **names}
