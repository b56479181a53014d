"""A web server that says who it is and what it was asked; a websocket sends back what it gets."""

from __future__ import annotations

from aiohttp import WSMsgType, web


class EchoServer:
    """An asynchronous context manager; `url` is where it listens.

    While `silent` is true, websockets get no answers.
    """

    def __init__(self, name: str, port: int = 0) -> None:
        self.name = name
        self._port = port
        self.url = ""
        self.silent = False
        self._sockets: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> EchoServer:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def say(self, text: str) -> None:
        """Send a message on every open websocket."""
        for socket in list(self._sockets):
            await socket.send_str(text)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            answer = {
                "name": self.name,
                "path": request.raw_path,
                "host": request.headers.get("Host", ""),
                "method": request.method,
                "size": len(await request.read()),
            }
            return web.json_response(answer)
        return await self._talk(request)

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        await socket.send_str(self.name)
        self._sockets.add(socket)
        try:
            async for message in socket:
                if self.silent:
                    continue
                if message.type == WSMsgType.TEXT:
                    await socket.send_str(message.data)
                elif message.type == WSMsgType.BINARY:
                    await socket.send_bytes(message.data)
        finally:
            self._sockets.discard(socket)
        return socket
