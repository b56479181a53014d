"""What `proxy-gen doctor` is asked about: a real hub behind its proxy and a real nginx."""

from __future__ import annotations

import contextlib
import json
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from tests.support.edge import EdgeServer

from proxy_gen.certificates import Pair
from proxy_gen.cli import main
from proxy_gen.doctor.facts import PROBLEM, UNCHECKED, WARNING

TOKEN = "a-token-of-the-doctors-test"
SCOPES = ("servers", "read:users", "access:servers", "read:metrics")
BASE = "/jupyter/"

_SERVICE = """
c.JupyterHub.services = [{{"name": "doctor", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{"name": "doctor", "services": ["doctor"], "scopes": {scopes!r}}}]
c.Authenticator.allowed_users = {{"ada", "bob"}}
# Without JupyterLab, which the doctor does not look at, a server is up sooner.
c.Spawner.environment["JUPYTERHUB_SINGLEUSER_APP"] = "jupyter_server.serverapp.ServerApp"
"""
SERVICE = _SERVICE.format(token=TOKEN, scopes=list(SCOPES))


class Front(EdgeServer):
    """nginx as `proxy-gen edge` writes it, in front of one proxy; `change` breaks its file."""

    def __init__(self, folder: Path, upstream: str, base: str = BASE) -> None:
        super().__init__("nginx", folder, [upstream], base=base)
        self.url = f"{self.https_url}{base}"

    @contextlib.contextmanager
    def certified(self, ca: Pair, pair: Pair) -> Iterator[Path]:
        """Serve another certificate for a while; gives the file with its authority."""
        file, key = self.folder / "tls.crt", self.folder / "tls.key"
        authority = self.folder / "other-ca.crt"
        authority.write_text(ca.crt)
        with self._with({file: pair.crt, key: pair.key}):
            yield authority

    @contextlib.contextmanager
    def changed(self, change: Callable[[str], str]) -> Iterator[None]:
        """Serve a changed configuration for a while."""
        file = self.folder / "jupyterhub.conf"
        whole = file.read_text()
        broken = change(whole)
        assert broken != whole, "the change found nothing to change"
        with self._with({file: broken}):
            yield

    @contextlib.contextmanager
    def _with(self, texts: Mapping[Path, str]) -> Iterator[None]:
        """Serve with these texts in its files for a while."""
        before = {file: file.read_text() for file in texts}
        self._restart_with(texts)
        try:
            yield
        finally:
            self._restart_with(before)

    def _restart_with(self, texts: Mapping[Path, str]) -> None:
        for file, text in texts.items():
            file.write_text(text)
        self.restart()

    def restart(self) -> None:
        """End nginx and start it with the file that is there now."""
        self._service.stop(signal.SIGTERM)
        self._service.start()
        self._service.wait_until(self._is_up, "port")


def ask_api(url: str, path: str, method: str = "GET") -> Any:
    """What the hub's API answers to the doctor's token; `url` ends with the base."""
    headers = {"Authorization": f"token {TOKEN}"}
    request = urllib.request.Request(  # noqa: S310
        f"{url}hub/api/{path}", method=method, headers=headers
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return json.loads(answer.read() or b"null")


def start_server(url: str, name: str) -> None:
    """Start a user's server and wait until it is ready."""
    ask_api(url, f"users/{name}/server", "POST")
    deadline = time.monotonic() + 150
    while not ask_api(url, f"users/{name}")["servers"].get("", {}).get("ready"):
        assert time.monotonic() < deadline, f"{name}'s server is not ready"
        time.sleep(0.1)


class Told:
    """What a run of the command said."""

    def __init__(self, code: int, output: str) -> None:
        self.code = code
        self.output = output
        self.checks: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(ValueError):
            self.checks = {one["check"]: one for one in json.loads(output)["checks"]}

    def of(self, state: str) -> set[str]:
        """The names of the checks that are in this state."""
        return {name for name, one in self.checks.items() if one["state"] == state}

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong, by check."""
        return {name: self.checks[name]["said"] for name in self.of(PROBLEM)}

    @property
    def unwell(self) -> dict[str, str]:
        """Everything that is not ok, by check, as it is told."""
        states = (PROBLEM, WARNING, UNCHECKED)
        return {
            name: f"{one['state']}: {one['said']}"
            for name, one in self.checks.items()
            if one["state"] in states
        }


def doctor(*words: str | Path, token: str = "", env: dict[str, str] | None = None) -> Told:
    """Run the command with --json."""
    environment = {"JUPYTERHUB_API_TOKEN": token or None, **(env or {})}
    arguments = ["doctor", "--json", *map(str, words)]
    done = CliRunner().invoke(main, arguments, env=environment, catch_exceptions=False)
    return Told(done.exit_code, done.output)
