"""A hub's part in a process of its own: a proxy object, and a server beside it in the same loop.

Commands come as JSON objects, one on a line of standard input, and so do the answers. This file
also runs in the environment of other proxies' packages, so it imports nothing of this project
unless it is asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jupyterhub.proxy import Proxy
from tornado import web

Routes = list[tuple[str, str, dict[str, Any]]]
"""Routespec, target and data of each."""


def application(hub_url: str) -> SimpleNamespace:
    """What a Proxy asks of JupyterHub's application."""
    hub = SimpleNamespace(routespec="/", host=hub_url)
    return SimpleNamespace(subdomain_host="", internal_ssl=False, hub=hub)


async def add_routes(proxy: Proxy, routes: Routes) -> None:
    """Add all of them at once, as a hub does when many users log in."""
    await asyncio.gather(*(proxy.add_route(spec, target, data) for spec, target, data in routes))


async def delete_routes(proxy: Proxy, specs: list[str]) -> None:
    """Delete all of them at once."""
    await asyncio.gather(*(proxy.delete_route(spec) for spec in specs))


async def check_routes(proxy: Proxy, hub_url: str, routes: Routes) -> None:
    """What a hub does with its table when it starts, for users whose servers all run."""
    proxy.app.hub = proxy.hub = SimpleNamespace(routespec="/", host=hub_url)
    users = {}
    for spec, target, data in routes:
        server = SimpleNamespace(host=target)
        spawner = SimpleNamespace(ready=True, pending=None, proxy_spec=spec, server=server)
        spawner.proxy_data = data
        users[spec] = SimpleNamespace(name=data["user"], spawners={"": spawner})

    async def add_user(user: SimpleNamespace, server_name: str = "") -> None:
        spawner = user.spawners[server_name]
        await proxy.add_route(spawner.proxy_spec, spawner.server.host, spawner.proxy_data)

    proxy.add_user = add_user
    await proxy.check_routes(users, {})


async def fill_routes(proxy: Any, routes: Routes) -> None:
    """Add many in the quickest way.

    Those of jupyterhub-traefik-proxy are written to its store without waiting for Traefik: one by
    one, as its add_route does it, ten thousand take an hour.
    """
    if not hasattr(proxy, "flatten_dict_for_kv"):
        await add_routes(proxy, routes)
        return
    for first in range(0, len(routes), 500):
        keys: dict[str, str] = {}
        for spec, target, data in routes[first : first + 500]:
            traefik, own = proxy._dynamic_config_for_route(spec, target, data)
            keys |= proxy.flatten_dict_for_kv(traefik, prefix=proxy.kv_traefik_prefix)
            keys |= proxy.flatten_dict_for_kv(own, prefix=proxy.kv_jupyterhub_prefix)
        await proxy._kv_atomic_set(keys)


class _Answer(web.RequestHandler):
    """A hub's handler: some work of its own, then a small answer."""

    def get(self) -> None:
        users = [{"name": f"user{i}", "admin": False, "server": None} for i in range(200)]
        self.finish({"users": json.loads(json.dumps(users))[:3]})


class Hub:
    """One process with a proxy object, which may be made anew as at a hub's restart."""

    def __init__(self, make: Callable[[], Any] | None, hub_url: str) -> None:
        self._make = make
        self._hub_url = hub_url
        self.proxy: Any = None

    async def start(self) -> None:
        """Make the proxy object, and start the proxy if that is the object's work."""
        if self._make:
            self.proxy = self._make()
            if self.proxy.should_start:
                await self.proxy.start()

    async def restart(self, routes: Routes) -> None:
        """As when the hub ends and starts again."""
        if self.proxy.should_start:
            await self.proxy.stop()
        await self.start()
        await check_routes(self.proxy, self._hub_url, routes)

    async def do(self, command: str, given: Any) -> None:
        """Run a command; KeyError for one that does not exist."""
        commands: dict[str, Callable[[], Awaitable[None]]] = {
            "add": lambda: add_routes(self.proxy, given),
            "delete": lambda: delete_routes(self.proxy, given),
            "fill": lambda: fill_routes(self.proxy, given),
            "restart": lambda: self.restart(given),
        }
        await commands[command]()


@contextlib.asynccontextmanager
async def _made(options: argparse.Namespace) -> AsyncIterator[tuple[Hub, dict[str, Any]]]:
    """The hub, and what to tell about it."""
    if options.system:
        with _load(options.system)(Path(options.folder)) as system:
            hub_url = f"http://127.0.0.1:{system.hub_port}"
            hub = Hub(system.make_proxy, hub_url)
            await hub.start()
            yield hub, {"public_url": system.public_url, "hub_port": system.hub_port}
            if hub.proxy.should_start:
                await hub.proxy.stop()
        return
    make = None
    if options.proxy_class:
        traits = json.loads(options.traits)
        make = lambda: _load(options.proxy_class)(app=application(options.hub_url), **traits)  # noqa: E731
    hub = Hub(make, options.hub_url)
    await hub.start()
    yield hub, {}


def _load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


async def serve(options: argparse.Namespace) -> None:
    """Answer commands until standard input ends."""
    server = web.Application([("/.*", _Answer)]).listen(0, "127.0.0.1")
    (listening,) = server._sockets.values()
    lines = asyncio.StreamReader(limit=2**26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with _made(options) as (hub, told):
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        print(json.dumps({**told, "hub_address": address}), flush=True)
        running = set()
        while line := await lines.readline():
            task = asyncio.create_task(_answer(hub, *json.loads(line)))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)


async def _answer(hub: Hub, number: int, command: str, given: Any) -> None:
    """Several commands may run at once; the number tells whose answer it is."""
    answer: dict[str, Any] = {"number": number}
    try:
        await hub.do(command, given)
    except Exception as error:
        logging.exception("%s failed", command)
        answer["error"] = f"{command}: {type(error).__name__}: {error}"
    print(json.dumps(answer), flush=True)


def main() -> None:
    """Run one hub."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--system", default="", help="module:Class of tests/support")
    parser.add_argument("--folder", default=".", help="for what the system writes")
    parser.add_argument("--proxy-class", default="", help="module:Class of a Proxy")
    parser.add_argument("--traits", default="{}", help="of the class, as JSON")
    parser.add_argument("--hub-url", default="")
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
