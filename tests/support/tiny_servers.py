"""Stands in for hundreds of single-user servers: one process with a real port for each of them.

A notebook server takes 80 MB and a second of CPU time to start, so a thousand of them do not fit on
the machine of the tests. These answer any path with the name of their user, and check nothing.

    python -m tests.support.tiny_servers PORT

At that port: `POST /NAME` opens a server and says its port, `DELETE /NAME` ends it, `GET /` lists
them. `POST /NAME/lose` closes its port and goes on to list it, as a cluster lists the pods of a
node that has gone.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass

from aiohttp import web

HOST = "127.66.0.1"
"""An address of loopback where nothing else listens.

There may be a thousand ports, and at 127.0.0.1 one of them may be what another test has drawn for a
server that is starting: it would then answer for it, or be in its way.
"""


@dataclass
class TinyServer:
    """One user's server."""

    name: str
    server: asyncio.Server | None = None

    async def open(self) -> int:
        """Listen; returns the port at HOST."""
        self.server = await asyncio.start_server(self._answer, HOST, 0)
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1].decode()
                body = json.dumps({"user": self.name, "path": path}).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(body) + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


class TinyServers:
    """All of them, and who opens and ends them."""

    def __init__(self) -> None:
        self._servers: dict[str, TinyServer] = {}

    async def open(self, request: web.Request) -> web.Response:
        """A server for a user, who has none."""
        name = request.match_info["name"]
        if name in self._servers:
            return web.json_response({"message": f"{name} has one"}, status=409)
        self._servers[name] = server = TinyServer(name)
        return web.json_response({"port": await server.open()})

    async def end(self, request: web.Request) -> web.Response:
        """End a user's server."""
        server = self._servers.pop(request.match_info["name"], None)
        if server and server.server:
            server.server.close()
        return web.json_response({"ended": server is not None})

    async def lose(self, request: web.Request) -> web.Response:
        """Let a user's server be gone, and say that it runs."""
        server = self._servers[request.match_info["name"]].server
        if server:
            server.close()
        return web.json_response({})

    async def runs(self, request: web.Request) -> web.Response:
        """Whether a user has one."""
        return web.json_response(request.match_info["name"] in self._servers)

    async def names(self, _request: web.Request) -> web.Response:
        """The users who have one."""
        return web.json_response(sorted(self._servers))

    def application(self) -> web.Application:
        """The control port."""
        application = web.Application()
        application.router.add_get("/", self.names)
        application.router.add_get("/{name}", self.runs)
        application.router.add_post("/{name}", self.open)
        application.router.add_delete("/{name}", self.end)
        application.router.add_post("/{name}/lose", self.lose)
        return application


if __name__ == "__main__":
    web.run_app(TinyServers().application(), host="127.0.0.1", port=int(sys.argv[1]), print=None)
