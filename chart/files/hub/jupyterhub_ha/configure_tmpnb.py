"""Temporary notebooks: `tmpnb.*`.

Visitors have no account, so they get the fewest rights with which JupyterHub lets them into their
own server, and their server's token the fewest with which it works.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from jupyterhub.utils import url_path_join
from traitlets.config import Config

from jupyterhub_ha.hub_database import write_ahead
from jupyterhub_ha.values import Values

SERVICE: Final = "tmpnb"
"""The service of JupyterHub as which the keeper of the pool asks the hub's API."""
AUTHENTICATOR_CLASS: Final = "jupyterhub_ha.tmpnb_authenticator.TemporaryAuthenticator"

_TRAITS: Final = {
    "pool_size": "pool.size",
    "concurrency": "pool.concurrency",
    "quiet_size": "pool.quiet.size",
    "quiet_hours": "pool.quiet.hours",
    "timezone": "pool.quiet.timezone",
    "demand_minutes": "pool.demandMinutes",
    "smallest_size": "pool.minSize",
    "server_limit": "limits.servers",
    "claims_per_minute": "limits.perAddressPerMinute",
    "open_path": "open",
    "idle_timeout": "idleTimeout",
    "max_age": "maxAge",
    "preview_title": "preview.title",
    "preview_text": "preview.text",
    "waiting_title": "waiting.title",
    "waiting_text": "waiting.text",
    "gone_title": "gone.title",
    "gone_text": "gone.text",
    "embed_origins": "embed.origins",
}

# Of a visitor: into the own server, which asks for name and groups when it lets the visitor in, and
# nothing of the hub: no tokens, no servers, no shares.
# A server's token can have no more than its user, and reports activity, without which it would
# fill its log with errors; what it reports ends no server and keeps none.
_USER_SCOPES: Final = (
    "access:servers!user",
    "read:users:groups!user",
    "read:users:name!user",
    "users:activity!user",
)
_ROLES: Final = (
    {"name": "user", "scopes": list(_USER_SCOPES)},
    {"name": "server", "scopes": ["access:servers!server", "users:activity!user"]},
    {"name": SERVICE, "scopes": ["admin:users", "servers"], "services": [SERVICE]},
)

# The service for shared notebooks: it may ask who a visitor is who comes to it, and nothing else.
SHARE: Final = "share"
SHARE_PORT: Final = 8080
_SHARE_SCOPE: Final = f"access:services!service={SHARE}"

# Without that, browsers send no cookies of a page in another site's frame.
_COOKIES_IN_FRAMES: Final = {"SameSite": "None", "Secure": True}

_ANSWER_SECONDS: Final = 120

# All values that decide how a visitor's server is started.
_SPEC: Final = (
    "singleuser",
    "scheduling.userPods",
    "imagePullSecrets",
    "global",
    "hub.extraConfig",
    "proxy.contentSecurityPolicy.singleuser",
    "tmpnb.open",
    "tmpnb.embed",
    "tmpnb.sandbox",
    "tmpnb.share.enabled",
)


def configure_tmpnb(c: Config, values: Values) -> None:
    """Make the hub one for temporary notebooks, if `tmpnb.enabled`; nobody else can log in then.

    To be called after all else is set, since some of it is replaced: the authenticator, the role of
    users, and the limit of failures after which the hub would give up. Options of
    `hub.config.TemporaryAuthenticator` stay.
    """
    if not values.get("tmpnb.enabled"):
        return
    write_ahead()
    hub = c.JupyterHub
    hub.authenticator_class = AUTHENTICATOR_CLASS
    hub.allow_named_servers = False
    hub.shutdown_on_logout = True
    hub.services = [*(hub.get("services") or []), {"name": SERVICE}]
    ours = {role["name"] for role in _ROLES}
    others = [role for role in hub.get("load_roles") or [] if role.get("name") not in ours]
    hub.load_roles = [*others, *(dict(role) for role in _ROLES)]
    if values.get("tmpnb.share.enabled"):
        _configure_share(c, values)
    if values.sequence("tmpnb.embed.origins"):
        settings = dict(hub.get("tornado_settings") or {})
        hub.tornado_settings = {**settings, "cookie_options": dict(_COOKIES_IN_FRAMES)}
    c.Spawner.default_url = values.get("tmpnb.open")
    # The pool waits longer after each failure, and visitors keep the servers that run.
    c.Spawner.consecutive_failure_limit = 0
    if timeout := values.get("singleuser.startTimeout"):
        # Where many start at once, who is slow to answer must not begin again behind all others.
        # Not longer: after a restart the hub waits as long for each server that has died meanwhile.
        c.Spawner.setdefault("http_timeout", min(timeout, _ANSWER_SECONDS))
    authenticator = c.TemporaryAuthenticator
    given = dict(authenticator)
    for trait, path in _TRAITS.items():
        value = values.copy_of(f"tmpnb.{path}")
        if value is not None:
            authenticator[trait] = value
    authenticator.spec = spec(values)
    authenticator.trusted_networks = _trusted(c, values)
    authenticator.update(given)


def _configure_share(c: Config, values: Values) -> None:
    """Let the hub know the service, and visitors come to it."""
    hub = c.JupyterHub
    services = hub.services
    given: dict[str, Any] = next((one for one in services if one.get("name") == SHARE), {})
    service = {"name": SHARE, "oauth_no_confirm": True, "display": False, **given}
    if "url" not in service:
        service["url"] = f"http://{values.name('share')}:{SHARE_PORT}"
    hub.services = [*(one for one in services if one is not given), service]
    user = next(role for role in hub.load_roles if role["name"] == "user")
    user["scopes"] = [*user["scopes"], _SHARE_SCOPE]
    base = values.get("hub.baseUrl") or "/"
    c.TemporaryAuthenticator.share_path = url_path_join(base, "services", SHARE, "/")


def spec(values: Values) -> str:
    """A hash of all values that decide how a visitor's server is started."""
    decisive: dict[str, Any] = {path: values.copy_of(path) for path in _SPEC}
    sections = values.mapping("hub.config").items()
    decisive["hub.config"] = {name: v for name, v in sections if name.endswith("Spawner")}
    text = json.dumps(decisive, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _trusted(c: Config, values: Values) -> Sequence[str]:
    """Whose X-Forwarded-For the proxy believes: what it passes on then is believed here, too."""
    networks = list(c.JupyterHub.get("trusted_downstream_ips") or [])
    if str(values.get("proxy.kind")).startswith("traefik"):
        networks += values.sequence("proxy.traefik.forwardedHeaders.trustedIPs")
    networks += c.InProcessProxy.get("trusted_networks") or []
    return networks
