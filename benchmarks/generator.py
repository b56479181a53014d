"""The load generator and the servers behind the proxies, as child processes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tests.support.processes import TOOLS_BIN

PROGRAM = TOOLS_BIN / "bench-load"
# One processor each: Go's threads that look for work would take the cores from the proxy.
_ENVIRONMENT = {**os.environ, "GOMAXPROCS": "1"}
CONNECTIONS = 32
"""At once, in every measure with a closed loop: enough to keep two cores busy."""


class LoadError(Exception):
    """The generator ended without a result; the message is what it said."""


class Server:
    """The server behind the proxies; a context manager. `url` is where it listens."""

    def __init__(self, status: str = "200 OK", port: int = 0, host: str = "127.0.0.1") -> None:
        self._words = [str(PROGRAM), "server", f"-status={status}", f"-address={host}:{port}"]
        self.address = ""

    @property
    def pid(self) -> int:
        """The process that is all users' servers."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.address}"

    def __enter__(self) -> Server:
        self._process = subprocess.Popen(
            self._words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_ENVIRONMENT,
        )
        assert self._process.stdout  # noqa: S101 - for the type: it was asked for above
        line = self._process.stdout.readline()
        if not line:
            raise LoadError(f"{' '.join(self._words)} did not start")
        self.address = f"127.0.0.1:{json.loads(line)['port']}"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # closes its standard input, at which it ends


async def requests(
    address: str,
    paths: Sequence[str],
    *,
    seconds: float,
    rate: float = 0,
    connections: int = 0,
    header: str = "",
) -> dict[str, float]:
    """GETs of random paths: requests, failed, seconds, p50_ms, p99_ms and worst_ms.

    `header` is one more line of each request.
    """
    with _written(paths) as file:
        options = [f"-address={address}", f"-paths={file}", f"-seconds={seconds}", f"-rate={rate}"]
        options += [f"-header={header}"]
        return await _result("requests", *options, f"-connections={connections or CONNECTIONS}")


async def transfer(address: str, path: str, size: int, *, up: bool) -> dict[str, float]:
    """One request with so many bytes in its body, or in its answer: seconds, mib_per_second."""
    options = [f"-address={address}", f"-path={path}", f"-bytes={size}", f"-up={str(up).lower()}"]
    return await _result("transfer", *options)


class Websockets:
    """Many websockets, open from enter to exit of `websockets`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.opened: dict[str, float] = {}

    @property
    def pid(self) -> int:
        """The process that is all browsers."""
        return self._process.pid

    async def told(self) -> dict[str, float]:
        """The next result."""
        assert self._process.stdout  # noqa: S101
        line = await self._process.stdout.readline()
        if not line:
            raise LoadError("the websockets' generator ended early")
        return dict(json.loads(line))

    async def talk(self) -> dict[str, float]:
        """Send the messages: echoes, failed, mib_per_second, p50_ms, p99_ms."""
        await self.go_on()
        return await self.told()

    async def go_on(self) -> None:
        """To the next step of the generator."""
        assert self._process.stdin  # noqa: S101
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()


@asynccontextmanager
async def websockets(
    address: str, paths: Sequence[str], *, sockets: int, messages: int, size: int = 1024
) -> AsyncIterator[Websockets]:
    """Open websockets; `opened` has opened, failed and seconds."""
    with _written(paths) as file:
        options = [f"-address={address}", f"-paths={file}", f"-sockets={sockets}"]
        options += [f"-messages={messages}", f"-size={size}"]
        process = await _start("websockets", *options)
        try:
            them = Websockets(process)
            them.opened = await them.told()
            yield them
            await them.go_on()
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _start(*words: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        PROGRAM, *words, stdin=pipe, stdout=pipe, stderr=pipe, env=_ENVIRONMENT
    )


async def _result(*words: str) -> dict[str, float]:
    process = await _start(*words)
    try:
        out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise LoadError(errors.decode().strip())
    return dict(json.loads(out))


@contextmanager
def _written(paths: Sequence[str]) -> Iterator[Path]:
    """A file with one path on each line, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "paths"
        file.write_text("\n".join(paths))
        yield file
