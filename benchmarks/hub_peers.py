"""Peers whose hub's part is a process of its own: see hub.py."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.etcd import EtcdCluster
from tests.support.ports import free_port
from tests.support.processes import ROOT, TOOLS_BIN
from tests.support.traefik import API_PASSWORD, API_USERNAME, TraefikReplica

from benchmarks.generator import Server
from benchmarks.hub import Routes
from benchmarks.peer import Peer, PeerError

MAX_TXN_OPS = 8192
_PYTHON = ROOT / ".tools/jupyterhub-traefik-proxy/bin/python"


class HubPeer(Peer):
    """A proxy whose object, or which itself, is in a process of its own: see hub.py."""

    def __init__(self, name: str, python: Path | str, options: Sequence[str]) -> None:
        self.name = name
        self.addresses = []
        self._command = [str(python), "-m", "benchmarks.hub", *options]
        self._told: dict[str, Any] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._stack = ExitStack()
        self._number = 0
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Peer:
        try:
            await self._start()
            hub_port = self._told["hub_port"]
            self._stack.enter_context(Server("404 Not Found", hub_port))
            self.addresses = [self._told["public_url"].removeprefix("http://")]
            await self.add([("/", f"http://127.0.0.1:{hub_port}", {"hub": True})])
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start(self) -> None:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe, cwd=ROOT, limit=2**26
        )
        assert self._process.stdout  # noqa: S101 - for the type: it was asked for above
        line = await self._process.stdout.readline()
        if not line:
            raise PeerError(f"{self.name}: its process ended; see its messages above")
        self._told = json.loads(line)
        self.hub_address = self._told["hub_address"]
        self._reading = asyncio.create_task(self._read(self._process.stdout))

    async def _read(self, lines: asyncio.StreamReader) -> None:
        """Give each answer to whoever waits for it."""
        while line := await lines.readline():
            answer = json.loads(line)
            waiting = self._waiting.pop(answer["number"])
            if waiting.done():
                continue
            if "error" in answer:
                waiting.set_exception(PeerError(f"{self.name}: {answer['error']}"))
            else:
                waiting.set_result(None)
        for waiting in self._waiting.values():
            waiting.cancel()

    async def __aexit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._reading is not None:
            await self._reading
        await asyncio.to_thread(self._stack.close)

    async def _do(self, command: str, given: Any = None) -> None:
        if self._process is None or self._process.stdin is None or self._process.returncode:
            raise PeerError(f"{self.name} is not running")
        number = self._number = self._number + 1
        answered = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        self._process.stdin.write(json.dumps([number, command, given]).encode() + b"\n")
        await self._process.stdin.drain()
        await answered

    async def add(self, routes: Routes) -> None:
        await self._do("add", routes)

    async def delete(self, specs: list[str]) -> None:
        await self._do("delete", specs)

    async def _write(self, routes: Routes) -> None:
        await self._do("fill", routes)

    async def restart_hub(self, routes: Routes) -> None:
        await self._do("restart", routes)

    def pids(self) -> list[int]:
        if self._process is None:
            raise PeerError(f"{self.name} is not running")
        return [self._process.pid]


class JtpPeer(HubPeer):
    """jupyterhub-traefik-proxy with etcd and one Traefik; its hub part in its own environment."""

    def __init__(self, folder: Path) -> None:
        self._etcd = EtcdCluster(folder / "etcd", max_txn_ops=MAX_TXN_OPS)
        self._hub_port = free_port()
        # Its own default: no pause between two reloads.
        self._traefik = TraefikReplica(
            folder / "traefik",
            free_port(),
            f"http://127.0.0.1:{self._hub_port}",
            self._etcd.endpoints,
            throttle="0s",
        )
        traits = {
            "should_start": False,
            "enable_setup_dynamic_config": False,
            "traefik_entrypoint": "http",
            "traefik_api_url": self._traefik.url,
            "traefik_api_username": API_USERNAME,
            "traefik_api_password": API_PASSWORD,
            "etcd_url": self._etcd.endpoints[0],
            "public_url": self._traefik.public_url,
        }
        options = [
            "--proxy-class=jupyterhub_traefik_proxy.etcd:TraefikEtcdProxy",
            f"--traits={json.dumps(traits)}",
            f"--hub-url=http://127.0.0.1:{self._hub_port}",
        ]
        super().__init__("jupyterhub-traefik-proxy", _PYTHON, options)

    async def __aenter__(self) -> Peer:
        with ExitStack() as stack:
            stack.callback(self._traefik.kill)
            await asyncio.to_thread(stack.enter_context, self._etcd)
            self._put_first_key()
            await asyncio.to_thread(self._traefik.start)
            self._stack = stack.pop_all()
        return await super().__aenter__()

    async def _start(self) -> None:
        await super()._start()
        self._told |= {"hub_port": self._hub_port, "public_url": self._traefik.public_url}

    def _put_first_key(self) -> None:
        # Traefik retries with growing pauses when its root key is empty.
        key = "traefik/http/middlewares/first/headers/customresponseheaders/first"
        etcdctl = [str(TOOLS_BIN / "etcdctl"), f"--endpoints={self._etcd.endpoints[0]}"]
        subprocess.run([*etcdctl, "put", key, "1"], check=True, stdout=subprocess.DEVNULL)

    def pids(self) -> list[int]:
        return [self._traefik.pid]


@asynccontextmanager
async def bare_hub() -> AsyncIterator[str]:
    """A hub's process without a proxy object; yields its server's host:port."""
    hub = _BareHub("hub", sys.executable, [])
    await hub.start()
    try:
        yield hub.hub_address
    finally:
        await hub.__aexit__()


class _BareHub(HubPeer):
    async def start(self) -> None:
        await self._start()
