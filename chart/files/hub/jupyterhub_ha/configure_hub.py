"""JupyterHub's own options from `hub.*`, `cull.*` and `debug`; nothing of Kubernetes but names.

Every function takes the configuration to fill and the values to read. `configure_hub` and
`pass_through` serve a hub in the cluster and one on a single host alike.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

from jupyterhub.utils import url_path_join
from traitlets.config import Config

from jupyterhub_ha.values import BadValuesError, Values

HUB_PORT: Final = 8081

# JupyterHub's traits that have a value of their own below `hub`.
_TRAITS: Final = {
    "concurrent_spawn_limit": "hub.concurrentSpawnLimit",
    "active_server_limit": "hub.activeServerLimit",
    "base_url": "hub.baseUrl",
    "allow_named_servers": "hub.allowNamedServers",
    "named_server_limit_per_user": "hub.namedServerLimitPerUser",
    "authenticate_prometheus": "hub.authenticatePrometheus",
    "redirect_to_server": "hub.redirectToServer",
    "shutdown_on_logout": "hub.shutdownOnLogout",
    "template_paths": "hub.templatePaths",
    "template_vars": "hub.templateVars",
}

# The environment variable from which a database's client library takes the password.
_PASSWORD_VARIABLES: Final = {"mysql": "MYSQL_PWD", "postgres": "PGPASSWORD"}

# Traits that come from another place, so that `hub.config` must not overwrite them.
_SECRET_TRAITS: Final = {
    "JupyterHub": ("cookie_secret", "services"),
    "ConfigurableHTTPProxy": ("auth_token",),
    "CryptKeeper": ("keys",),
}


def configure_hub(c: Config, values: Values, hub_port: int = HUB_PORT) -> None:
    """Set what JupyterHub is to do, except for its spawner and its proxy."""
    configure_behaviour(c, values)
    configure_addresses(c, values, hub_port)
    configure_database(c, values)
    configure_secrets(c, values)
    configure_services(c, values)
    configure_idle_culler(c, values, hub_port)


def configure_behaviour(c: Config, values: Values) -> None:
    """Set JupyterHub's plain options and the log level."""
    hub = c.JupyterHub
    # Users' servers outlive the hub's process.
    hub.cleanup_servers = False
    hub.last_activity_interval = 60
    # Show the page with the spawn's progress at once.
    hub.tornado_settings = {"slow_spawn_timeout": 0}
    for trait, path in _TRAITS.items():
        value = values.copy_of(path)
        if value is not None:
            hub[trait] = value
    failures = values.get("hub.consecutiveFailureLimit")
    if failures is not None:
        c.Spawner.consecutive_failure_limit = failures
    if values.get("debug.enabled"):
        hub.log_level = "DEBUG"
        c.Spawner.debug = True


def configure_addresses(c: Config, values: Values, hub_port: int = HUB_PORT) -> None:
    """Set where the hub listens, and under which name proxy, services and user pods reach it."""
    c.JupyterHub.hub_bind_url = f"http://:{hub_port}"
    c.JupyterHub.hub_connect_url = f"http://{values.name('hub')}:{hub_port}"


def configure_database(c: Config, values: Values) -> None:
    """Set the database's URL from `hub.db`; its password goes to the client library's variable.

    Raises BadValuesError when an external database has no URL, or a password cannot be used.
    """
    kind = values.get("hub.db.type")
    # The working folder of the stock image, where the volume is mounted.
    urls = {"sqlite-pvc": "sqlite:///jupyterhub.sqlite", "sqlite-memory": "sqlite://"}
    url = urls.get(kind) or values.get("hub.db.url")
    if not url:
        raise BadValuesError([f"hub.db.url: needed with hub.db.type: {kind}"])
    c.JupyterHub.db_url = url
    password = values.secret("hub.db.password", None)
    if password is None:
        return
    if kind not in _PASSWORD_VARIABLES:
        raise BadValuesError(
            [
                f"hub.db.password: has no effect with hub.db.type: {kind}; "
                f"put it into hub.db.url, or use one of {', '.join(sorted(_PASSWORD_VARIABLES))}"
            ]
        )
    os.environ[_PASSWORD_VARIABLES[kind]] = password


def configure_secrets(c: Config, values: Values) -> None:
    """Set the keys for cookies and for the users' stored authentication state."""
    c.JupyterHub.cookie_secret = values.secret("hub.config.JupyterHub.cookie_secret")
    # One text in the Secret, several keys in JupyterHub: the first encrypts, all decrypt.
    c.CryptKeeper.keys = values.secret("hub.config.CryptKeeper.keys").split(";")


def configure_services(c: Config, values: Values) -> None:
    """Set JupyterHub's services and roles; their tokens come from the hub's Secret."""
    services = []
    for key, service in values.mapping("hub.services").items():
        entry = dict(service or {})
        entry.setdefault("name", key)
        entry.pop("apiToken", None)
        entry["api_token"] = values.secret(f"hub.services.{key}.apiToken")
        services.append(entry)
    # In Z2JH this list is dropped without a word.
    services.extend(values.sequence("hub.config.JupyterHub.services"))
    roles = [{"name": key, **(role or {})} for key, role in values.mapping("hub.loadRoles").items()]
    c.JupyterHub.services = services
    c.JupyterHub.load_roles = roles


def configure_idle_culler(c: Config, values: Values, hub_port: int = HUB_PORT) -> None:
    """Add the service that stops idle servers, with no more rights than its options need.

    See https://github.com/jupyterhub/jupyterhub-idle-culler#permissions.
    """
    # Temporary notebooks have a clock of their own, which a kernel cannot keep going.
    if not values.get("cull.enabled") or values.get("tmpnb.enabled"):
        return
    name = "jupyterhub-idle-culler"
    scopes = ["list:users", "read:users:activity", "read:servers", "delete:servers"]
    if values.get("cull.users"):
        scopes.append("admin:users")
    command = [sys.executable, "-m", "jupyterhub_idle_culler", *_culler_options(values, hub_port)]
    c.JupyterHub.services.append({"name": name, "command": command})
    c.JupyterHub.load_roles.append({"name": name, "scopes": scopes, "services": [name]})


def _culler_options(values: Values, hub_port: int) -> list[str]:
    api = url_path_join(values.get("hub.baseUrl") or "/", "hub/api")
    options = [f"--url=http://localhost:{hub_port}{api}"]
    numbers = {
        "timeout": "--timeout",
        "every": "--cull-every",
        "concurrency": "--concurrency",
        "maxAge": "--max-age",
    }
    for key, option in numbers.items():
        if value := values.get(f"cull.{key}"):
            options.append(f"{option}={value}")
    if values.get("cull.users"):
        options.append("--cull-users")
    if not values.get("cull.adminUsers"):
        options.append("--cull-admin-users=false")
    if values.get("cull.removeNamedServers"):
        options.append("--remove-named-servers")
    return options


def pass_through(c: Config, values: Values) -> None:
    """Lay `hub.config` over `c`: sections are class names, their entries are traits.

    Raises BadValuesError with every section that cannot be one.
    """
    sections = values.mapping("hub.config")
    problems = [text for name, traits in sections.items() for text in _faults(name, traits, values)]
    if problems:
        raise BadValuesError(problems)
    for name, traits in sections.items():
        elsewhere = _SECRET_TRAITS.get(name, ())
        c[name].update({key: v for key, v in (traits or {}).items() if key not in elsewhere})


def _faults(name: str, traits: Any, values: Values) -> list[str]:
    path = f"hub.config.{name}"
    if not name[:1].isupper():
        # traitlets reads sections of classes only, and those begin with a capital letter.
        known = name in (values.get("hub") or {})
        cure = f"it belongs to hub.{name}" if known else "sections are class names, as JupyterHub"
        return [f"{path}: has no effect there; {cure}"]
    if not isinstance(traits, dict | None):
        return [f"{path}: a mapping of the traits of {name} is needed"]
    if name == "JupyterHub" and traits and traits.get("proxy_auth_token"):
        return [f"{path}.proxy_auth_token: no longer read; set proxy.secretToken"]
    return []
