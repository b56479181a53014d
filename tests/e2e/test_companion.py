"""A hub with configurable-http-proxy is given to etcd and Traefik, and taken back, as users work.

As in companion mode: the hub is one that this project did not set up, its old proxy stays beside
the new one, and only its configuration changes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.chp import TOKEN, ConfigurableProxy
from tests.support.kept_kernel import Keeper
from tests.support.local_hub import PASSWORD, LocalHub
from tests.support.proxies import TraefikEtcdSystem

pytestmark = pytest.mark.timeout(300)

# The first part is the other hub's own, the last line what `hub.extraConfig` does in Z2JH.
CONFIG = """
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.ConfigurableHTTPProxy.api_url = {api_url!r}
c.ConfigurableHTTPProxy.auth_token = {token!r}
c.ConfigurableHTTPProxy.should_start = False
import pathlib
exec(pathlib.Path({extra!r}).read_text())
"""


@pytest.fixture
def system(tmp_path: Path) -> Iterator[TraefikEtcdSystem]:
    with TraefikEtcdSystem(tmp_path / "system") as running:
        yield running


class OtherHub(LocalHub):
    """A hub with configurable-http-proxy; `use` lets another configuration take effect."""

    def __init__(self, folder: Path, system: TraefikEtcdSystem) -> None:
        folder.mkdir()
        self.chp = ConfigurableProxy(folder / "chp", f"http://127.0.0.1:{system.hub_port}")
        self._extra = folder / "extra.py"
        self._extra.write_text("")
        config = CONFIG.format(
            hub_port=system.hub_port,
            api_url=self.chp.api_url,
            token=TOKEN,
            extra=str(self._extra),
        )
        super().__init__(folder, config)

    def __enter__(self) -> OtherHub:
        self.chp.start()
        super().__enter__()
        return self

    def __exit__(self, *args: object) -> None:
        super().__exit__(*args)
        self.chp.kill()

    async def use(self, extra: str) -> None:
        """Restart it with these lines behind its configuration, while others go on."""
        self._extra.write_text(extra)
        before = self.log.count("JupyterHub is now running")
        await asyncio.to_thread(self.stop)
        # Not in a thread: the kernel ends a child with the thread that started it.
        self.start_without_waiting()
        deadline = time.monotonic() + 180
        while self.log.count("JupyterHub is now running") == before:
            assert time.monotonic() < deadline, self.log
            await asyncio.sleep(0.1)


async def test_switched_over_and_back_without_a_server_restarting(
    tmp_path: Path, system: TraefikEtcdSystem
) -> None:
    ours = (
        'c.JupyterHub.proxy_class = "jupyterhub_ha.TraefikEtcdProxy"\n'
        f"c.TraefikEtcdProxy.update({system.proxy_traits()!r})\n"
    )
    ada, bob = Keeper("ada", PASSWORD), Keeper("bob", PASSWORD)
    with OtherHub(tmp_path / "hub", system) as hub:
        old, new = hub.chp.public_url, system.public_url
        await ada.begins_at(old)

        stop = asyncio.Event()
        counting = asyncio.create_task(ada.failures_at(old, stop))
        await hub.use(ours)
        assert await ada.finds_it_at(new)
        stop.set()
        assert await counting == [], "the old proxy goes on with the routes that it has"

        await bob.begins_at(new)
        # Until users are sent to the new address, the old proxy may hand on what it does not know.
        bridge = ConfigurableProxy(tmp_path / "bridge", new)
        try:
            bridge.start()
            assert await ada.finds_it_at(bridge.public_url)
            assert await bob.finds_it_at(bridge.public_url)
        finally:
            bridge.kill()

        await hub.use("")
        assert await ada.finds_it_at(old)
        assert await bob.finds_it_at(old)
        assert hub.log.count("JupyterHub is now running") == 3
    assert hub.wait_for_end() == []
