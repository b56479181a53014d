"""JupyterHub's authenticator for temporary notebooks: who comes gets a server, and is its user."""

from __future__ import annotations

import asyncio
import re
from ipaddress import ip_network
from typing import Any

from jupyterhub.auth import Authenticator
from traitlets import Float, Integer, List, TraitError, Unicode, default, validate

from . import tmpnb_handlers, tmpnb_operators
from .errors import HubApiError
from .tmpnb_desk import Claim
from .tmpnb_ends import Life
from .tmpnb_keeper import Keeper
from .tmpnb_settings import Settings, Text
from .tmpnb_size import Sizes


class TemporaryAuthenticator(Authenticator):  # type: ignore[misc]  # jupyterhub has no types
    """Gives every visitor a server of a pool that is started ahead.

    It needs a service `tmpnb` with the scopes `admin:users` and `servers`, by which it keeps the
    pool. `configure_tmpnb` sets all that from the chart's values.
    """

    pool_size = Integer(10, min=0, config=True, help="""Servers that wait for visitors.""")
    concurrency = Integer(8, min=1, config=True, help="""Servers that start at the same time.""")
    quiet_size = Integer(
        None, allow_none=True, config=True, help="""Servers that wait at quiet hours."""
    )
    quiet_hours = List(Unicode(), config=True, help="""Quiet hours, such as `22-6`.""")
    timezone = Unicode("UTC", config=True, help="""Whose hours these are.""")
    demand_minutes = Float(
        0,
        min=0,
        config=True,
        help="""If not 0: as many servers wait as were taken in so many minutes, at most
        `pool_size` and at least `smallest_size`.""",
    )
    smallest_size = Integer(1, min=0, config=True, help="""See `demand_minutes`.""")
    server_limit = Integer(100, min=1, config=True, help="""Servers in all.""")
    claims_per_minute = Integer(
        10, min=0, config=True, help="""Servers that one address may take in a minute; 0: all."""
    )
    open_path = Unicode("/lab", config=True, help="""What is opened in a visitor's server.""")
    idle_timeout = Float(
        600, min=1, config=True, help="""Seconds without a request after which a server ends."""
    )
    max_age = Float(
        14400, min=0, config=True, help="""Seconds after which a server ends; 0: never."""
    )
    spec = Unicode(
        config=True,
        help="""Stands for all that decides how servers are started, such as a hash of it: when it
        changes, the servers of the pool are replaced.""",
    )
    trusted_networks = List(
        Unicode(),
        config=True,
        help="""Addresses or networks of the proxies in front of ours, whose X-Forwarded-For is
        believed. By default those in JupyterHub's `trusted_downstream_ips`.""",
    )
    embed_origins = List(
        Unicode(),
        config=True,
        help="""Origins of sites whose scripts may read the counts at `/hub/api/tmpnb`, such as
        `https://magazine.example.org` or `https://*.example.org`.""",
    )
    share_path = Unicode(
        config=True,
        help="""Where the service for shared notebooks is, such as `/services/share/`: `/hub/share`
        leads there. Empty: there is none.""",
    )
    preview_title = Unicode("A notebook of your own", config=True, help="""For robots.""")
    preview_text = Unicode("Opens a Jupyter notebook.", config=True, help="""For robots.""")
    waiting_title = Unicode("All notebooks are in use", config=True, help="""For who waits.""")
    waiting_text = Unicode(
        "This page goes on by itself.", config=True, help="""For who waits; text, no HTML."""
    )
    gone_title = Unicode(
        "This notebook has ended", config=True, help="""For who has lost a server."""
    )
    gone_text = Unicode(
        "Temporary notebooks end when nobody uses them, and their files with them.",
        config=True,
        help="""For who has lost a server; text, no HTML.""",
    )

    keeper: Keeper

    @default("auto_login")
    def _default_auto_login(self) -> bool:
        return True

    @default("allow_all")
    def _default_allow_all(self) -> bool:
        return True

    @default("trusted_networks")
    def _default_networks(self) -> list[str]:
        return list(getattr(self.parent, "trusted_downstream_ips", []))

    @validate("trusted_networks")
    def _validate_networks(self, proposal: Any) -> list[str]:
        for network in proposal.value:
            ip_network(network)  # says itself what is wrong
        return list(proposal.value)

    async def authenticate(self, handler: Any, data: Any) -> str | None:
        """The user whose server was claimed. No form and no request for a token can say that."""
        return data.name if isinstance(data, Claim) else None

    def add_user(self, user: Any) -> Any:
        """As JupyterHub's; temporary users get the group that says that nobody has them yet."""
        if hasattr(self, "keeper"):
            self.keeper.register.added(user)
        return super().add_user(user)

    def get_handlers(self, app: Any) -> list[Any]:
        """The pages and the API; the pool is kept from when the hub has started until it ends."""
        self.keeper = Keeper(app, self.settings(), self.log)
        self._keeping = asyncio.ensure_future(self._keep(app))
        return [*tmpnb_handlers.HANDLERS, *tmpnb_operators.HANDLERS]

    def settings(self) -> Settings:
        """All options together. Raises TraitError with all that is wrong with the sizes."""
        sizes = Sizes(
            self.pool_size,
            self.quiet_size,
            tuple(self.quiet_hours),
            self.timezone,
            self.demand_minutes,
            self.smallest_size,
        )
        if problems := sizes.problems():
            raise TraitError("; ".join(problems))
        return Settings(
            sizes=sizes,
            life=Life(self.idle_timeout, self.max_age),
            concurrency=self.concurrency,
            server_limit=self.server_limit,
            claims_per_minute=self.claims_per_minute,
            open_path=self.open_path,
            spec=self.spec,
            preview=Text(self.preview_title, self.preview_text),
            waiting=Text(self.waiting_title, self.waiting_text),
            gone=Text(self.gone_title, self.gone_text),
            embed_origins=tuple(self.embed_origins),
            share_path=self.share_path,
            trusted=tuple(ip_network(network) for network in self.trusted_networks),
        )

    async def _keep(self, app: Any) -> None:
        # JupyterHub has no hook for the end of its start, at which it answers its own API.
        await asyncio.shield(app._start_future)
        hub, base = re.escape(app.hub_prefix), re.escape(app.base_url)
        outside = rf"(?!{hub}|{base}(?:user|services)/).*"
        app.tornado_application.add_handlers(".*", [(outside, tmpnb_handlers.OutsideHandler)])
        try:
            await self.keeper.run()
        except HubApiError as error:
            # A hub that serves nobody must not look as if it did.
            self.log.critical("Temporary notebooks cannot be kept: %s", error)
            raise SystemExit(1) from error
