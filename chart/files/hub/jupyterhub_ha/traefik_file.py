"""JupyterHub's proxy as Traefik on one host, with its routing table in a file."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.traitlets import Command
from traitlets import Bool, Dict, Float, Integer, List, TraitError, Unicode, default, validate

from .atomic_file import replace_file
from .certificate import self_signed
from .committer import Committer
from .errors import HubProxyError, TraefikStartError
from .file_store import FileStore
from .table import Layout
from .toml_text import toml_document
from .traefik import TraefikProxy
from .traefik_documents import (
    API_USERNAME,
    SERVERS_TRANSPORT,
    address,
    base_rules,
    static_document,
    users_line,
)
from .traefik_process import TraefikProcess
from .values import merge

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


class TraefikFileProxy(TraefikProxy):
    """Routes for Traefik on this host, in a file that it reads.

    The hub starts Traefik and stops it, unless `should_start` is false; then systemd, or whatever
    else runs it, gives it a static configuration that reads the folder of `rules_file`, and the
    hub is told its `replica_urls`. A change is done when it is in the file, on the disk, and every
    live replica serves it.

    A Traefik that the hub started serves on while the hub restarts, or is killed, with
    `c.JupyterHub.cleanup_servers = False` and `c.JupyterHub.cleanup_proxy = False`.
    """

    provider = "file"

    should_start = Bool(
        True,
        config=True,
        help="""Whether the hub starts and stops Traefik, and writes all files.""",
    )
    folder = Unicode(
        "jupyterhub-traefik",
        config=True,
        help="""Folder for what the proxy writes: traefik.toml, its log and its process id, the
        routes, and the folder `dynamic`, which Traefik reads. It is made for the hub's user only.
        A relative path is below the hub's working directory.""",
    )
    rules_file = Unicode(
        config=True,
        help="""File with the routes, as Traefik reads them. `dynamic/rules.toml` in `folder` if
        empty. Other files of its folder are left alone: put rules of your own there.""",
    )
    state_file = Unicode(
        config=True,
        help="""File in which the hub keeps what it knows of the routes; `routes.json` in `folder`
        if empty. It must be on the file system of `rules_file`, and in a folder that Traefik does
        not read: the new version of either file is first written there.""",
    )
    command = Command(
        ["traefik"],
        config=True,
        help="""The command of Traefik 3.7.12 or later; searched on PATH and beside Python.""",
    )
    internal_port = Integer(
        0,
        min=0,
        max=65535,
        config=True,
        help="""Port on 127.0.0.1 for Traefik's API, its metrics and /ping; user and password are in
        `folder`. 0: any that is free. With a fixed port a change of Traefik's configuration is a
        short break, as the old process must end first.""",
    )
    trusted_ips = List(
        Unicode(),
        config=True,
        help="""Addresses (CIDR) of other proxies in front, whose X-Forwarded-* headers are
        believed; ["127.0.0.1/32"] for an nginx on this host that has the certificate.""",
    )
    log_level = Unicode(
        "INFO",
        config=True,
        help="""Traefik's own log level. Its log is `traefik.log` in `folder`.""",
    )
    drain_seconds = Integer(
        10,
        min=0,
        config=True,
        help="""Seconds that a stopping Traefik gives to requests and websockets to end.""",
    )
    extra_static_config = Dict(
        config=True,
        help="""Laid over the static configuration (traefik.toml) that the hub writes, with the
        names of Traefik's documentation.""",
    )
    extra_dynamic_config = Dict(
        config=True,
        help="""Laid over the dynamic configuration that is there before any route, with the names
        of Traefik's documentation.""",
    )
    check_interval = Float(
        1.0,
        min=0.05,
        config=True,
        help="""Seconds between two looks at Traefik's process and at the files: a process that is
        gone is started again, a file that somebody changed or removed is written anew.""",
    )

    @default("servers_transport")
    def _default_servers_transport(self) -> str:
        return SERVERS_TRANSPORT if self.should_start and self.app.internal_ssl else ""

    @default("rules_file")
    def _default_rules_file(self) -> str:
        return str(self._directory / "dynamic" / "rules.toml")

    @default("state_file")
    def _default_state_file(self) -> str:
        return str(self._directory / "routes.json")

    @validate("rules_file")
    def _validate_rules_file(self, proposal: Any) -> str:
        # Traefik reads a file by its ending, and says nothing of one whose ending it does not know.
        if not str(proposal.value).endswith(".toml"):
            raise TraitError(f"rules_file {proposal.value!r}: the name must end in .toml")
        return str(proposal.value)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._process: TraefikProcess | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def _directory(self) -> Path:
        return Path(self.folder).absolute()

    # -- life

    async def start(self) -> None:
        """Start Traefik, or adopt the one that runs; returns when it serves the table.

        TraefikStartError says why it does not start.
        """
        if not self.should_start:
            await self._ready()
            return
        self._write_base()
        process = TraefikProcess(
            self.command,
            self._directory,
            self._public(),
            port=self.internal_port,
            table_seconds=self.start_timeout,
            stop_seconds=self.drain_seconds + 5,
            log=self.log,
        )
        committer = await self._ready()  # which writes the rules, so that Traefik begins with them
        await self._ensure_traefik(process, committer)
        self._process = process
        if committer.table.routes:  # without any, nothing has been written that could be served
            await committer.replicas.wait_for(committer.generation)

    async def stop(self) -> None:
        """Stop writing, and Traefik if the hub has started it. The table stays in its files."""
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await super().stop()
        process, self._process = self._process, None
        if process is not None:
            await process.stop()

    def _make_store(self, layout: Layout) -> FileStore:
        return FileStore(
            Path(self.rules_file).absolute(),
            Path(self.state_file).absolute(),
            layout,
            log=self.log,
        )

    async def _adopt(self) -> Committer:
        committer = await super()._adopt()
        self._watching = asyncio.create_task(self._watch(committer))
        return committer

    async def _watch(self, committer: Committer) -> None:
        """Repair what is damaged, start what has ended; for ever."""
        pause = _FIRST_PAUSE
        while True:
            await asyncio.sleep(self.check_interval)
            process = self._process
            try:
                await committer.check()
                if process is None or process.alive:
                    pause = max(pause / 2, _FIRST_PAUSE)
                    continue
                self.log.error("Traefik has ended; see %s. Starting it again", process.log_file)
                await self._ensure_traefik(process, committer)
            except HubProxyError as error:
                self.log.error("%s", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _ensure_traefik(self, process: TraefikProcess, committer: Committer) -> None:
        await process.ensure(self._static_text)
        committer.replicas.urls[:] = [process.url, *self.replica_urls]

    # -- what Traefik is told

    def _public(self) -> tuple[str, int]:
        """Host and port for users; the host is empty for all addresses."""
        parts = urlsplit(self.public_url)
        host = parts.hostname or ""
        return "" if host == "*" else host, parts.port or (443 if parts.scheme == "https" else 80)

    def _static_text(self, port: int) -> str:
        document = static_document(
            public=address(*self._public()),
            internal=f"127.0.0.1:{port}",
            directory=Path(self.rules_file).absolute().parent,
            tls=bool(self.ssl_cert and self.ssl_key),
            trusted_ips=self.trusted_ips,
            log_level=self.log_level,
            drain_seconds=self.drain_seconds,
        )
        return toml_document(merge(document, self.extra_static_config))

    def _write_base(self) -> None:
        """The files that are the same as long as the hub's configuration is."""
        folder = self._directory
        rules_folder = Path(self.rules_file).absolute().parent
        for each in (folder, rules_folder):
            try:
                each.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise TraefikStartError(f"{each} cannot be made: {error.strerror}") from error
        if not self.api_username:
            self.api_username = API_USERNAME
            self.api_password = self._kept("api-password", lambda: secrets.token_urlsafe(32))
        self._write("api-users", users_line(self.api_username, self.api_password))
        cert_file, key_file = Path(self.ssl_cert), Path(self.ssl_key)
        if not (self.ssl_cert and self.ssl_key):
            cert_file, key_file = folder / "default.crt", folder / "default.key"
            if not (cert_file.exists() and key_file.exists()):
                certificate, key = self_signed("jupyterhub-traefik")
                self._write(cert_file.name, certificate)
                self._write(key_file.name, key)
        document = base_rules(
            hub=self._hub_url(),
            users_file=folder / "api-users",
            cert_file=cert_file.absolute(),
            key_file=key_file.absolute(),
            servers_transport=self._internal_ssl(),
        )
        text = toml_document(merge(document, self.extra_dynamic_config))
        path = rules_folder / "base.toml"
        if not path.exists() or path.read_text() != text:
            replace_file(path, text, mode=0o640, temporary=folder)

    def _internal_ssl(self) -> dict[str, Any] | None:
        """How servers are asked when JupyterHub has drawn a certificate for each part of it."""
        if not self.app.internal_ssl:
            return None
        files = self.app.internal_proxy_certs["proxy-client"]
        pair = {"certFile": files["certfile"], "keyFile": files["keyfile"]}
        authorities = self.app.internal_trust_bundles["proxy-client-ca"]
        return {
            "rootCAs": [str(Path(authorities).absolute())],
            "certificates": [{name: str(Path(p).absolute()) for name, p in pair.items()}],
        }

    def _hub_url(self) -> str:
        url = str(self.hub.url)
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            raise TraefikStartError(
                f"the hub listens at {url}, which Traefik cannot ask; set"
                " c.JupyterHub.hub_bind_url to a URL such as http://127.0.0.1:8081"
            )
        return f"{parts.scheme}://{parts.netloc}"

    def _kept(self, name: str, make: Any) -> str:
        """The text of a file in the folder, made once."""
        path = self._directory / name
        if not path.exists():
            self._write(name, make())
        return path.read_text().strip()

    def _write(self, name: str, text: str) -> None:
        replace_file(self._directory / name, text, mode=0o600, temporary=self._directory)
