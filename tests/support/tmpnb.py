"""A real hub for temporary notebooks on this machine, and its visitors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

from tests.support.hub_session import HubSession, SessionError
from tests.support.local_hub import LocalHub
from tests.support.ports import free_port
from tests.support.processes import ROOT, VENV_BIN, Service, answers
from tests.support.proxies import TraefikEtcdSystem

from jupyterhub_ha.process import Process
from jupyterhub_ha.values import merge

TOKEN = "the-operators-token"

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Mode": "navigate",
}

# The values' own defaults that matter here, but for times of a test.
VALUES: dict[str, Any] = {
    "tmpnb": {
        "enabled": True,
        "pool": {"size": 3, "concurrency": 3},
        "limits": {"servers": 6, "perAddressPerMinute": 0},
        "open": "/lab",
        "idleTimeout": 600,
        "maxAge": 0,
    },
    "proxy": {"kind": "in-process"},
}

_CONFIG = """
import json
import sys

sys.path.insert(0, {root!r})
from jupyterhub_ha.configure_tmpnb import configure_tmpnb
from jupyterhub_ha.content_security import configure_content_security
from jupyterhub_ha.values import Values

c.JupyterHub.proxy_class = "jupyterhub_ha.InProcessProxy"
c.JupyterHub.cleanup_servers = False
# Many start at once, on a machine that others need, too.
c.Spawner.http_timeout = c.Spawner.start_timeout = 180
c.JupyterHub.services = [{{"name": "operator", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [
    {{"name": "operator", "scopes": ["admin:servers", "list:users"], "services": ["operator"]}},
]
{before}
_values = Values(json.loads({values!r}))
configure_content_security(c, _values)
configure_tmpnb(c, _values)
"""
_FILE = """
import os

os.chdir({folder!r})
c.JupyterHub.proxy_class = "traefik-file"
"""
_ETCD = """
c.JupyterHub.proxy_class = "traefik-etcd"
c.TraefikEtcdProxy.update({traits!r})
c.TraefikEtcdProxy.should_start = False
c.JupyterHub.bind_url = {url!r}
c.JupyterHub.hub_port = {port}
"""
_TINY = """
c.JupyterHub.spawner_class = "tests.support.tiny_spawner.TinySpawner"
c.TinySpawner.control = {control!r}
c.TinySpawner.faults = {faults!r}
"""


class Operator:
    """What operators see and do at a hub of temporary notebooks."""

    url: str

    async def report(self) -> dict[str, Any]:
        """What operators see."""
        session = HubSession(self.url, "", "")
        answer = await session.fetch(urljoin(self.url, "hub/api/tmpnb"), headers=operator())
        return dict(json.loads(answer.body))

    async def until(self, seconds: float = 200, **wanted: Any) -> dict[str, Any]:
        """Wait for a state of the report, such as `ready=3`; returns the report."""
        deadline = time.monotonic() + seconds
        while True:
            report = await self.report()
            seen = {**report["pool"], **report}
            if all(seen[key] == value for key, value in wanted.items()):
                return report
            if time.monotonic() > deadline:
                raise AssertionError(f"{wanted} did not come: {report}")
            await asyncio.sleep(0.1)

    async def control(self, action: str, body: Any = None) -> Any:
        """POST to the operators' API."""
        session = HubSession(self.url, "", "")
        url = urljoin(self.url, f"hub/api/tmpnb/{action}")
        text = "" if body is None else json.dumps(body)
        return await session.fetch(url, "POST", headers=operator(), body=text)

    async def users(self) -> dict[str, dict[str, Any]]:
        """All users by name, as the hub's API has them."""
        session = HubSession(self.url, "", "")
        answer = await session.fetch(urljoin(self.url, "hub/api/users"), headers=operator())
        return {user["name"]: user for user in json.loads(answer.body)}


class TmpnbHub(LocalHub, Operator):
    """A hub with in-process proxy and real single-user servers; `tmpnb` are values over VALUES."""

    def __init__(
        self,
        folder: Path,
        tmpnb: Mapping[str, Any] | None = None,
        more: str = "",
        *,
        values: Mapping[str, Any] | None = None,
        base: str = "/",
        before: str = "",
    ) -> None:
        text = config(tmpnb or {}, {"hub": {"baseUrl": base}, **(values or {})}, before)
        super().__init__(folder, text + more, base=base)


@contextmanager
def hub_behind(
    kind: str,
    folder: Path,
    tmpnb: Mapping[str, Any] | None = None,
    more: str = "",
    *,
    prepare: Callable[[TraefikEtcdSystem], None] | None = None,
) -> Iterator[TmpnbHub]:
    """The same behind another proxy, with all the real parts of it.

    With `traefik-etcd`, `prepare` may change what has not been started yet.
    """
    values = {"proxy": {"kind": kind}}
    if kind == "in-process":
        with TmpnbHub(folder, tmpnb, more) as hub:
            yield hub
    elif kind == "traefik-file":
        more = _FILE.format(folder=str(folder)) + more
        try:
            with TmpnbHub(folder, tmpnb, more, values=values) as hub:
                yield hub
        finally:
            Process(folder / "jupyterhub-traefik/traefik.pid").kill()
    else:
        made = TraefikEtcdSystem(folder / "system")
        if prepare:
            prepare(made)
        with made as system:
            more = (
                _ETCD.format(
                    traits=system.proxy_traits(), url=f"{system.public_url}/", port=system.hub_port
                )
                + more
            )
            hub = TmpnbHub(folder, tmpnb, more, values=values)
            hub.url = f"{system.public_url}/"
            with hub:
                yield hub


class TinyHub(TmpnbHub):
    """The same with tiny servers, which are no notebooks; see tiny_servers.py."""

    def __init__(
        self, folder: Path, tmpnb: Mapping[str, Any] | None = None, more: str = ""
    ) -> None:
        port = free_port()
        self._control = f"http://127.0.0.1:{port}"
        self._faults = folder / "faults.json"
        words: list[str | Path] = [VENV_BIN / "python", "-m", "tests.support.tiny_servers"]
        self._tiny = Service([*words, str(port)], folder / "tiny.log", {"PYTHONPATH": str(ROOT)})
        tiny = _TINY.format(control=self._control, faults=str(self._faults))
        super().__init__(folder, tmpnb, tiny + more)

    def __enter__(self) -> Self:
        self._tiny.start()
        try:
            self._tiny.wait_until(lambda: answers(self._control), "answer")
            super().__enter__()
        except BaseException:
            self._tiny.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._tiny.kill()

    def let_starts(self, **faults: Any) -> None:
        """From now on, starts take so many `seconds`, or `fail` for a reason."""
        self._faults.write_text(json.dumps(faults))

    async def servers(self, path: str = "", method: str = "GET") -> Any:
        """The names of all that run; or another request to their process."""
        session = HubSession(self._control, "", "")
        answer = await session.fetch(f"{self._control}/{path}", method, body=None)
        return json.loads(answer.body)


class VisitorSession(HubSession):
    """A visitor's browser, which keeps cookies and says what it is."""

    def __init__(self, url: str, **headers: str) -> None:
        super().__init__(url, "", "")
        self.headers = {**BROWSER, **headers}

    async def fetch(self, url: str, method: str = "GET", **options: Any) -> Any:
        """One request with the browser's headers."""
        options["headers"] = {**self.headers, **options.get("headers", {})}
        return await super().fetch(url, method, **options)

    async def visit(self, path: str = "") -> Any:
        """Open a page as a browser does; `username` is then whose server was opened, if any."""
        answer = await self.follow(urljoin(self.url, path))
        before, _, below = urlsplit(answer.request.url).path.partition("/user/")
        if answer.code == 200 and below and not before.endswith("/hub"):
            self.username = below.partition("/")[0]
        return answer


async def come(visitor: VisitorSession, seconds: float = 240) -> str:
    """Visit until there is a server, as a browser that waits; returns its name."""
    async with asyncio.timeout(seconds):
        while not visitor.username:
            with contextlib.suppress(SessionError):  # the hub is away
                await visitor.visit()
            if not visitor.username:
                await asyncio.sleep(1)
    return visitor.username


def config(tmpnb: Mapping[str, Any], values: Mapping[str, Any], before: str = "") -> str:
    """The part of jupyterhub_config.py that is ours; `before` comes before it looks at the rest."""
    merged = merge(merge(VALUES, {"tmpnb": tmpnb}), values)
    return _CONFIG.format(root=str(ROOT), token=TOKEN, before=before, values=json.dumps(merged))


def operator() -> dict[str, str]:
    """Headers of who may do all that the API has."""
    return {"Authorization": f"token {TOKEN}"}


def chatter() -> str:
    """A request to run code that prints for ever."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": ""}
    header |= {"session": uuid.uuid4().hex, "version": "5.3"}
    code = "import time\nwhile True: print('x'); time.sleep(0.1)"
    content = {"code": code, "silent": False, "store_history": False}
    return json.dumps(
        {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "channel": "shell",
            "buffers": [],
            "content": content,
        }
    )
