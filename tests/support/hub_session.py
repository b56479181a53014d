"""A user's browser in a few lines: log in to a hub, start the server, run a cell in a kernel.

It needs only tornado, which JupyterHub brings, so that it runs wherever `make run` runs.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
import uuid
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect


class SessionError(Exception):
    """The hub did not do what a user expects; the message says at which step."""


class HubSession:
    """One user at one hub; keeps cookies as a browser does, by name and path."""

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        tls: ssl.SSLContext | None = None,
        host: str = "",
    ) -> None:
        self.url = url.rstrip("/") + "/"
        self.username = username
        self._password = password
        self._host = {"Host": host} if host else {}
        self._tls = tls
        self._cookies: dict[tuple[str, str], str] = {}
        # New connections each time, so that requests spread over all replicas.
        self._client = AsyncHTTPClient(force_instance=True)

    @property
    def server_url(self) -> str:
        """The URL of the user's own server."""
        return urljoin(self.url, f"user/{quote(self.username, safe='@~')}/")

    async def fetch(self, url: str, method: str = "GET", **options: Any) -> HTTPResponse:
        """One request, without following redirects; any status is an answer.

        `request_timeout` is in seconds.
        """
        path = urlsplit(url).path
        headers = {
            "Cookie": self._cookie_header(path),
            **self._host,
            **options.pop("headers", {}),
        }
        if method in {"POST", "PUT", "DELETE"}:
            headers.setdefault("X-XSRFToken", self._xsrf(path))
            # JupyterHub's API takes a cookie only with what a form cannot send.
            headers.setdefault("Content-Type", "application/json")
        request = HTTPRequest(
            url,
            method,
            headers=headers,
            follow_redirects=False,
            allow_nonstandard_methods=True,
            request_timeout=options.pop("request_timeout", 60),
            ssl_options=self._tls,
            **options,
        )
        try:
            response = await self._client.fetch(request, raise_error=False)
        except (OSError, HTTPClientError) as error:  # no status: it was not answered to the end
            raise SessionError(f"{method} {url}: {error}") from error
        for line in response.headers.get_list("Set-Cookie"):
            for name, cookie in SimpleCookie(line).items():
                self._cookies[name, cookie["path"] or "/"] = cookie.value
        return response

    async def follow(self, url: str, limit: int = 15) -> HTTPResponse:
        """GET with redirects followed."""
        for _ in range(limit):
            response = await self.fetch(url)
            if response.code == 404 and response.body == b"404 page not found\n":
                raise SessionError(f"GET {url}: this replica has no route at all (yet)")
            if response.code not in {301, 302, 303, 307, 308}:
                return response
            url = urljoin(url, response.headers["Location"])
        raise SessionError(f"GET {url}: more than {limit} redirects")

    async def login(self) -> None:
        """Fill in the login form."""
        page = urljoin(self.url, "hub/login")
        response = await self.follow(page)
        if response.code != 200 or b"username" not in response.body:
            raise SessionError(f"GET {page}: {response.code}, not a login page")
        form = {
            "username": self.username,
            "password": self._password,
            "_xsrf": self._xsrf(urlsplit(page).path),
        }
        form_type = {"Content-Type": "application/x-www-form-urlencoded"}
        response = await self.fetch(page, "POST", headers=form_type, body=urlencode(form))
        if response.code != 302:
            raise SessionError(f"login as {self.username}: {response.code}; wrong password?")

    async def login_when_ready(self, seconds: float = 30) -> None:
        """The same at a hub that is starting: it answers before its route is live."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return await self.login()
            except SessionError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)

    async def start_server(self, seconds: float = 150) -> None:
        """Start the user's server, wait until it answers, and log in to it."""
        await self.spawn(seconds)
        await self.enter_server()

    async def spawn(self, seconds: float = 150) -> None:
        """Start the user's server through the hub's API and wait until the hub calls it ready."""
        api = urljoin(self.url, f"hub/api/users/{quote(self.username, safe='@~')}/server")
        await self.follow(urljoin(self.url, "hub/home"))  # sets the hub's XSRF cookie
        deadline = time.monotonic() + seconds
        response = await self.fetch(api, "POST", body="")
        if response.code not in {201, 202, 400}:  # 400: it runs already, or is being started
            raise SessionError(f"POST {api}: {response.code} {response.body[:200]!r}")
        # What the hub's own page listens to. Asking again and again instead is what makes a hub
        # slow for everybody when many users come at once.
        while response.code != 201 and not await self._ready(f"{api}/progress", deadline):
            if time.monotonic() > deadline:
                raise SessionError(f"{self.server_url} is not ready after {seconds:.0f} s")
            await asyncio.sleep(0.2)

    async def _ready(self, progress: str, deadline: float) -> bool:
        """Listen to the server's progress to its end; whether it is ready then."""
        left = max(deadline - time.monotonic(), 1.0)
        response = await self.fetch(progress, request_timeout=left)
        if response.code >= 500:
            raise SessionError(f"GET {progress}: {response.code}")
        events = [line for line in response.body.splitlines() if line.startswith(b"data: ")]
        last = json.loads(events[-1].removeprefix(b"data: ")) if events else {}
        if last.get("failed"):
            raise SessionError(f"{self.server_url}: {last['message']}")
        return bool(last.get("ready"))

    async def enter_server(self) -> None:
        """Open the server's page, which logs in to it through the hub (OAuth)."""
        await self.follow(self.server_url)
        status = urljoin(self.server_url, "api/status")
        response = await self.fetch(status)
        if response.code != 200:
            raise SessionError(f"GET {status}: {response.code} {response.body[:200]!r}")

    async def run_cell(self, code: str, seconds: float = 60, kernel: str = "python3") -> str:
        """Run code in a new kernel over a websocket; returns what it printed."""
        async with asyncio.timeout(seconds):
            identity = await self.start_kernel(kernel)
            connection = await self.open_channels(identity)
            try:
                return await execute(connection, code)
            finally:
                await close(connection)
                await self.fetch(urljoin(self.server_url, f"api/kernels/{identity}"), "DELETE")

    async def start_kernel(self, name: str = "python3") -> str:
        """Start a kernel; returns its id."""
        url = urljoin(self.server_url, "api/kernels")
        response = await self.fetch(url, "POST", body=json.dumps({"name": name}))
        if response.code != 201:
            raise SessionError(f"POST {url}: {response.code} {response.body[:200]!r}")
        return str(json.loads(response.body)["id"])

    async def open_channels(self, kernel: str) -> WebSocketClientConnection:
        """A websocket to a kernel's channels, through the public port."""
        url = urljoin(self.server_url, f"api/kernels/{kernel}/channels")
        headers = {"Cookie": self._cookie_header(urlsplit(url).path), **self._host}
        address = "ws" + url.removeprefix("http")
        request = HTTPRequest(address, headers=headers, ssl_options=self._tls)
        try:
            return await websocket_connect(request)
        except HTTPClientError as error:
            raise SessionError(f"websocket {url}: {error}") from error

    def _cookie_header(self, path: str) -> str:
        # The longest path first, as RFC 6265 5.4 orders them: servers take the first of a name.
        fitting = sorted(
            ((p, n, v) for (n, p), v in self._cookies.items() if path.startswith(p)),
            key=lambda item: -len(item[0]),
        )
        return "; ".join(f"{name}={value}" for _, name, value in fitting)

    def _xsrf(self, path: str) -> str:
        header = SimpleCookie()
        for part in self._cookie_header(path).split("; "):
            name, _, value = part.partition("=")
            if name == "_xsrf" and "_xsrf" not in header:
                header[name] = value
        return header["_xsrf"].value if "_xsrf" in header else ""


async def close(connection: WebSocketClientConnection) -> None:
    """Close a websocket and wait until it is closed."""
    connection.close()
    while await connection.read_message() is not None:
        pass


async def execute(connection: WebSocketClientConnection, code: str) -> str:
    """Run code over open channels (Jupyter's messaging protocol); returns its stdout and result."""
    message = {
        "header": {
            "msg_id": uuid.uuid4().hex,
            "msg_type": "execute_request",
            "username": "",
            "session": uuid.uuid4().hex,
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "channel": "shell",
        "buffers": [],
        "content": {"code": code, "silent": False, "store_history": False},
    }
    await connection.write_message(json.dumps(message))
    output: list[str] = []
    while (answer := await connection.read_message()) is not None:
        reply = json.loads(answer)
        if reply["parent_header"].get("msg_id") != message["header"]["msg_id"]:  # type: ignore[index]
            continue
        if reply["msg_type"] == "stream":
            output.append(reply["content"]["text"])
        elif reply["msg_type"] == "execute_result":
            output.append(reply["content"]["data"]["text/plain"])
        elif reply["msg_type"] == "error":
            raise SessionError(f"the cell failed: {reply['content']['evalue']}")
        elif reply["msg_type"] == "status" and reply["content"]["execution_state"] == "idle":
            return "".join(output)
    raise SessionError("the kernel's websocket closed before the cell was done")
