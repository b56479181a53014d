"""The service for shared notebooks on this machine, beside a hub for temporary ones."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urljoin

from tests.support.ports import free_port
from tests.support.processes import ROOT, VENV_BIN, Service, answers
from tests.support.tmpnb import TmpnbHub, VisitorSession

_TOKEN = "the-token-of-the-share-service"
# Before `configure_tmpnb` is called, as the chart's own services are.
_CONFIG = """
_share = {{"name": "share", "url": {url!r}, "api_token": {token!r}}}
c.JupyterHub.services = [*c.JupyterHub.services, _share]
"""


class SharingHub(TmpnbHub):
    """A hub for temporary notebooks and the service; `words` are options of the service."""

    def __init__(
        self,
        folder: Path,
        words: Mapping[str, Any] | None = None,
        tmpnb: Mapping[str, Any] | None = None,
        *,
        base: str = "/",
        env: Mapping[str, str] | None = None,
    ) -> None:
        port = free_port()
        self._own = f"http://127.0.0.1:{port}"
        values = {**(tmpnb or {}), "share": {"enabled": True}}
        service = _CONFIG.format(url=self._own, token=_TOKEN)
        super().__init__(folder, values, base=base, before=service)
        self.prefix = f"{base}services/share/"
        self.share_url = urljoin(self.url, self.prefix)
        api = f"http://127.0.0.1:{self.hub_port}{base}hub/api"
        options = {"storage": folder / "shared", "port": port, "address": "127.0.0.1"}
        given = [f"--{name}={value}" for name, value in {**options, **(words or {})}.items()]
        self.share = Service(
            [VENV_BIN / "python", "-m", "jupyterhub_ha_share", *given],
            folder / "share.log",
            {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT / "chart/files/share"),
                "JUPYTERHUB_API_TOKEN": _TOKEN,
                "JUPYTERHUB_API_URL": api,
                "JUPYTERHUB_BASE_URL": base,
                "JUPYTERHUB_SERVICE_PREFIX": self.prefix,
                **(env or {}),
            },
        )

    def __enter__(self) -> Self:
        self.start_share()
        try:
            super().__enter__()
        except BaseException:
            self.share.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self.share.kill()

    def start_share(self) -> None:
        """Start the service, and wait until it answers."""
        self.share.start()
        health = f"{self._own}{self.prefix}health"
        self.share.wait_until(lambda: answers(health), "answer", 60)

    def page_of(self, identity: str, below: str = "") -> str:
        """A URL of a shared notebook."""
        return f"{self.share_url}{identity}{below}"


async def share(visitor: VisitorSession, service: str, notebook: Any, name: str = "a.ipynb") -> Any:
    """What the page's script does once it has the notebook; returns the answer of the service.

    `service` is its URL, such as SharingHub's `share_url`.
    """
    body = notebook if isinstance(notebook, str | bytes) else json.dumps(notebook)
    url = f"{service}api/shares?name={quote(name)}"
    headers = {"Sec-Fetch-Mode": "cors"}
    # As long as the service lets a page take: a machine that does much else takes its time.
    return await visitor.fetch(url, "POST", body=body, headers=headers, request_timeout=150)
