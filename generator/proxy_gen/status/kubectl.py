"""kubectl as a program: it is asked for objects, and forwards a port of a pod. Nothing is written.

Pods are reached by ``kubectl port-forward`` and not by the API server's proxy
(``get --raw .../pods/NAME:PORT/proxy/...``): there the API server itself opens the connection. The
release's network policies refuse that, and where the control plane has no route to pods it reaches
none. A forwarded port is opened by the kubelet inside the pod's own network, where no policy
applies. Besides, the API server takes the header Authorization for its own, so Traefik would never
see a password.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from proxy_gen.errors import ToolError
from proxy_gen.tools import find_tool

SECONDS = 10.0
"""How long a pod may be asked, forwarding included; one on a node that died answers never."""

_LIST_SECONDS = 20.0

_FORWARDING = re.compile(r"^Forwarding from 127\.0\.0\.1:(\d+) ")


class UnreachableError(Exception):
    """A pod could not be asked; the text says why, for people."""


@dataclass(frozen=True)
class Answer:
    """What a pod answered; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the options that say which cluster and namespace; one object for all threads."""

    program: Path
    options: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, *, namespace: str | None, context: str | None, kubeconfig: str | None
    ) -> Kubectl:  # fmt: skip
        """Find the program; raises ToolError with the cure. None is kubectl's own default."""
        given = {"namespace": namespace, "context": context, "kubeconfig": kubeconfig}
        options = [f"--{name}={value}" for name, value in given.items() if value]
        return cls(find_tool("kubectl"), tuple(options))

    def get(self, *arguments: str) -> str:
        """Return what ``kubectl get`` prints; raises ToolError with kubectl's words."""
        command = [*self._command("get"), *arguments, f"--request-timeout={_LIST_SECONDS / 2:.0f}s"]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                check=False,
                timeout=_LIST_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            what = f"kubectl get {arguments[0]}: no answer in {_LIST_SECONDS:.0f} s"
            raise ToolError(f"{what}; is the cluster there?") from error
        except OSError as error:
            raise ToolError(f"{self.program}: cannot be run: {error.strerror}") from error
        if done.returncode != 0:
            raise ToolError(f"kubectl get {arguments[0]}: {_last_line(done.stderr)}")
        return done.stdout

    def get_json(self, *arguments: str) -> Any:
        """Return the object or the List that ``kubectl get`` prints; raises ToolError."""
        text = self.get(*arguments, "--output=json")
        try:
            return json.loads(text)
        except ValueError as error:
            raise ToolError(f"kubectl get {arguments[0]}: it printed no JSON") from error

    @contextlib.contextmanager
    def forward(self, pod: str, port: int) -> Iterator[Port]:
        """Forward a port of a pod as long as the context lasts, for SECONDS at most.

        Raises UnreachableError.
        """
        command = [*self._command("port-forward"), "--address=127.0.0.1", f"pod/{pod}", f":{port}"]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # kubectl may be a wrapper: what it starts must end, too
            )
        except OSError as error:
            raise UnreachableError(f"{self.program}: {error.strerror}") from error
        # A killed kubectl closes its pipes and connections, which ends every wait for them.
        late = threading.Event()

        def give_up() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(SECONDS, give_up)
        timer.start()
        try:
            with process:
                try:
                    with contextlib.closing(Port(_local_port(process, late), port)) as forwarded:
                        yield forwarded
                finally:
                    _kill(process)
        finally:
            timer.cancel()

    def _command(self, verb: str) -> list[str]:
        return [str(self.program), verb, *self.options]


class Port:
    """A port of a pod, over one connection: kubectl may end when a connection of its own breaks."""

    def __init__(self, local: int, remote: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", local, timeout=SECONDS)
        self._remote = remote

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for a path; raises UnreachableError if there is no whole answer."""
        try:
            self._connection.request("GET", path, headers=dict(headers or {}))
            answer = self._connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read())
        except (OSError, http.client.HTTPException) as error:
            what = f"it does not answer at port {self._remote} ({type(error).__name__})"
            raise UnreachableError(what) from error


def _local_port(process: subprocess.Popen[str], late: threading.Event) -> int:
    stdout, stderr = _pipes(process)
    match = _FORWARDING.match(stdout.readline())
    if match:
        return int(match[1])
    if late.is_set():
        raise UnreachableError(f"its node does not forward a port in {SECONDS:.0f} s")
    raise UnreachableError(f"its port cannot be forwarded: {_last_line(stderr.read())}")


def _kill(process: subprocess.Popen[str]) -> None:
    if process.returncode is None:  # once it is collected, its number may be another's
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdout is None or process.stderr is None:
        raise TypeError("kubectl was started without pipes")
    return process.stdout, process.stderr


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
