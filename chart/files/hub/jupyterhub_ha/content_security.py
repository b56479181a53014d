"""Content-Security-Policy of the hub's pages and of users' servers: `proxy.contentSecurityPolicy`.

JupyterHub forbids every page to show another one of its own in a frame (`frame-ancestors 'none'`).
What the values say is laid over that, directive by directive; the chart has checked it.
`tmpnb.embed.origins` are sites that may, and with `tmpnb.share` pages of the same host may frame
users' servers: by that they put a copy of a shared notebook there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jupyterhub.utils import url_path_join
from traitlets.config import Config

from jupyterhub_ha.values import Values

HEADER: Final = "Content-Security-Policy"
_PATH: Final = "proxy.contentSecurityPolicy"
# What JupyterHub 5 sends, beside where browsers report what they have refused.
_DEFAULT: Final[Mapping[str, Sequence[str]]] = {"frame-ancestors": ["'none'"]}


def configure_content_security(c: Config, values: Values) -> None:
    """Let hub and users' servers send the policy of the values; without any, JupyterHub's own.

    It adds to `JupyterHub.tornado_settings` and `Spawner.args`, so these are set before.
    """
    base = url_path_join(values.get("hub.baseUrl") or "/", "hub/security/csp-report")
    if hub := _given(values, "hub"):
        settings = dict(c.JupyterHub.get("tornado_settings") or {})
        headers = {**settings.get("headers", {}), HEADER: policy(hub, base)}
        c.JupyterHub.tornado_settings = {**settings, "headers": headers}
    if users := _given(values, "singleuser"):
        c.Spawner.args = [*(c.Spawner.get("args") or []), argument(policy(users, base))]


def _given(values: Values, target: str) -> dict[str, Any]:
    given = values.mapping(f"{_PATH}.{target}")
    if not values.get("tmpnb.enabled"):
        return given
    if origins := values.sequence("tmpnb.embed.origins"):
        given["frame-ancestors"] = ["'self'", *origins]
    elif target == "singleuser" and values.get("tmpnb.share.enabled"):
        given.setdefault("frame-ancestors", ["'self'"])
    return given


def policy(given: Mapping[str, Sequence[str]], report_uri: str) -> str:
    """The header: JupyterHub's directives, those that are given in their place or beside them."""
    directives: dict[str, Any] = {**_DEFAULT, **given, "report-uri": [report_uri]}
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


def argument(text: str) -> str:
    """What tells a user's server its policy; `tornado_settings` in the image's files give way."""
    # traitlets' newer form, KEY=VALUE, takes texts as values and no headers.
    return f"--ServerApp.tornado_settings={ {'headers': {HEADER: text}}!r}"
