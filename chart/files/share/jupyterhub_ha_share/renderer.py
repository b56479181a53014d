"""Runs `render_process` for one notebook after the other, with limits around it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import RefusedError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A notebook as it is kept, and as it is shown."""

    notebook: bytes
    page: bytes
    title: str


class Renderer:
    """At most `processes` at the same time; the others wait."""

    def __init__(
        self,
        *,
        seconds: int = 30,
        memory: int = 1024,
        largest: int = 40_000_000,
        processes: int = 2,
    ) -> None:
        """Limits of one rendering: seconds, MiB of memory, bytes of the page."""
        self._seconds = seconds
        self._words = (str(memory), str(seconds), str(largest))
        # The kept notebook is no longer than its source and what nbformat adds to each cell.
        self._most = 3 * largest
        self._turns = asyncio.Semaphore(processes)

    async def render(self, notebook: bytes) -> Rendered:
        """Raises RefusedError when it is no notebook, or none that can be shown within limits."""
        async with self._turns:
            output = await self._run(notebook)
        head, _, rest = output.partition(b"\n")
        try:
            document = json.loads(head)
            if problem := document.get("problem"):
                raise RefusedError(f"This notebook cannot be shared: {problem}.")
            length, page = int(document["notebook"]), int(document["page"])
            title = str(document["title"])
        except (ValueError, KeyError, AttributeError) as error:
            raise RefusedError(self._too_much()) from error
        if len(rest) != length + page:
            raise RefusedError(self._too_much())
        return Rendered(rest[:length], rest[length:], title)

    async def _run(self, notebook: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "jupyterhub_ha_share.render_process", *self._words),
            env=_environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None  # noqa: S101 - for mypy
        said = asyncio.ensure_future(_last_line(process.stderr))
        try:
            # The limit of the process is of time that it computes; this is of time that passes.
            async with asyncio.timeout(4 * self._seconds):
                return await _exchange(process, notebook, self._most)
        except TimeoutError as error:
            raise RefusedError(self._too_much()) from error
        finally:
            if process.returncode is None:
                process.kill()
            if code := await process.wait():
                _LOG.warning("a notebook's process ended with %i: %r", code, await said)
            said.cancel()

    def _too_much(self) -> str:
        return (
            "This notebook cannot be shared: to show it takes more memory or time than is "
            "allowed. Remove large outputs."
        )


async def _exchange(process: asyncio.subprocess.Process, given: bytes, most: int) -> bytes:
    assert process.stdin is not None  # noqa: S101 - for mypy
    assert process.stdout is not None  # noqa: S101
    output = asyncio.ensure_future(_read(process.stdout, most))
    try:
        process.stdin.write(given)
        await process.stdin.drain()
        process.stdin.close()
    except ConnectionError:  # it has ended before it read all
        pass
    return await output


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    parts: list[bytes] = []
    length = 0
    while (part := await stream.read(65536)) and length <= most:
        parts.append(part)
        length += len(part)
    return b"".join(parts)


async def _last_line(stream: asyncio.StreamReader) -> str:
    """The end of what the process says: for a log, where a stranger's text must not be long."""
    end = b""
    while part := await stream.read(65536):
        end = (end + part)[-1000:]
    return end.decode(errors="replace").strip().rpartition("\n")[2][:300]


def _environment() -> dict[str, str]:
    """No token of the hub, no key of a storage: only what Python needs to find this package."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {
        **kept,
        # Not resolved: a ConfigMap's files are links into a folder that is no package.
        "PYTHONPATH": str(Path(__file__).absolute().parents[1]),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Jupyter looks for templates and configuration of the user; here is none of either.
        "HOME": "/nonexistent",
        "JUPYTER_NO_CONFIG": "1",
    }
