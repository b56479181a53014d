"""The server of every user of the load: as much of one as a proxy sees.

It runs in the hub's image, one for all users. A stand-in for hundreds of JupyterLabs, which would
not fit on the machine; other tests have real ones.

    .../down/<bytes>   so many bytes, slowly
    .../events         server-sent events, numbered, five a second
    PUT, POST          how many bytes came
    a websocket        sends back what it gets
    all else           the path that was asked for
"""

from __future__ import annotations

import asyncio

from aiohttp import WSMsgType, web

PORT = 8888
PARTS = 8
BETWEEN_PARTS = 0.1  # seconds
BETWEEN_EVENTS = 0.2


async def answer(request: web.Request) -> web.StreamResponse:
    """Answer any request."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return await talk(request)
    before, _, last = request.path.rpartition("/")
    if before.endswith("/down"):
        return await send(request, int(last))
    if last == "events":
        return await events(request)
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
    return web.json_response({"path": request.path, "size": size})


async def send(request: web.Request, size: int) -> web.StreamResponse:
    """A download that takes a while."""
    response = web.StreamResponse(headers={"Content-Length": str(size)})
    await response.prepare(request)
    for number in range(PARTS):
        part = size * (number + 1) // PARTS - size * number // PARTS
        await response.write(b"x" * part)
        await asyncio.sleep(BETWEEN_PARTS)
    return response


async def events(request: web.Request) -> web.StreamResponse:
    """Server-sent events until the client goes."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    number = 0
    while True:
        await response.write(f"data: {number}\n\n".encode())
        number += 1
        await asyncio.sleep(BETWEEN_EVENTS)


async def talk(request: web.Request) -> web.WebSocketResponse:
    """Echo."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


def main() -> None:
    """Serve for ever."""
    app = web.Application(client_max_size=0)
    app.router.add_route("*", "/{path:.*}", answer)
    web.run_app(app, port=PORT, access_log=None, print=None)


if __name__ == "__main__":
    main()
