"""JupyterHub's spawner for `tiny_servers`, with faults that a test asks for in a file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
from jupyterhub.spawner import Spawner
from tests.support.tiny_servers import HOST
from traitlets import Unicode


class TinySpawner(Spawner):  # type: ignore[misc]  # jupyterhub has no types
    """Opens a port in another process; what runs there outlives the hub."""

    control = Unicode(config=True, help="""URL of the process of tiny servers.""")
    faults = Unicode(
        config=True,
        help="""JSON file: `seconds` that a start takes, why all starts `fail`, and why all
        stops do (`fail_stop`).""",
    )
    port = 0

    async def start(self) -> str:
        """Open the port; returns the URL."""
        faults = self._wanted()
        await asyncio.sleep(faults.get("seconds", 0))
        if reason := faults.get("fail"):
            raise RuntimeError(reason)
        found = await self._ask("POST", self.user.name)
        self.port = found["port"]
        return f"http://{HOST}:{self.port}"

    async def poll(self) -> int | None:
        """None while the port is open."""
        return None if await self._ask("GET", self.user.name) else 0

    async def stop(self, now: bool = False) -> None:
        """Close the port."""
        if reason := self._wanted().get("fail_stop"):
            raise RuntimeError(reason)
        await self._ask("DELETE", self.user.name)

    def get_state(self) -> dict[str, Any]:
        """What a restarted hub needs."""
        return {**super().get_state(), "port": self.port}

    def load_state(self, state: dict[str, Any]) -> None:
        """After a restart of the hub."""
        super().load_state(state)
        self.port = state.get("port", 0)

    async def get_url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self.port}"

    def _wanted(self) -> dict[str, Any]:
        file = Path(self.faults)
        return dict(json.loads(file.read_text())) if file.exists() else {}

    async def _ask(self, method: str, path: str) -> Any:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.control}/{path}") as answer,
        ):
            return await answer.json()
