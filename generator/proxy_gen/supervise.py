"""Runs the processes of one hub under supervisord, in the foreground.

supervisord restarts what dies; this module writes its configuration, starts programs in the order
that the caller wants, tells what happens to them, and leaves no process behind, not even after a
kill -9 of an earlier run: every process carries `TAG` in its environment, and what still carries it
after the stop is ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xmlrpc.client
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from .errors import ToolError
from .files import write_atomically
from .host_layout import Layout
from .host_templates import render

TAG = "PROXY_GEN_UP"
_PR_SET_PDEATHSIG = 1
_MOST_STARTS = 3


@dataclass(frozen=True)
class Program:
    """One process: its name, its words, and what it needs around it."""

    name: str
    words: Sequence[str]
    directory: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: int = 20

    @property
    def command(self) -> str:
        """The words as supervisord reads them: quoted for a shell, `%` doubled."""
        return shlex.join(self.words).replace("%", "%%")

    @property
    def environment(self) -> str:
        """`KEY="value",...`; no secret belongs here, for the file would hold it."""
        quoted = (f'{key}="{value}"'.replace("%", "%%") for key, value in self.env.items())
        return ",".join(quoted)


class StoppedError(Exception):
    """Somebody asked for the end while a program was being waited for."""


@dataclass(frozen=True)
class Change:
    """A program went from one state to another, in supervisord's words (RUNNING, BACKOFF ...)."""

    program: str
    before: str
    after: str
    detail: str

    @property
    def died(self) -> bool:
        """Whether it ran, and has ended without being told to."""
        return self.before == "RUNNING" and self.after in {"EXITED", "BACKOFF", "STARTING"}


class Supervisor:
    """supervisord and its programs; use it as a context, which ends everything it started."""

    def __init__(
        self, layout: Layout, programs: Sequence[Program], stop: threading.Event | None = None
    ) -> None:
        """`stop` ends every wait with a StoppedError once it is set."""
        self._layout = layout
        self._programs = list(programs)
        self._stop = stop or threading.Event()
        self._states: dict[str, tuple[str, int]] = {}

    def __enter__(self) -> Supervisor:
        end_tagged(self._layout.state)  # what a killed run left
        # The socket's path has a limit of about 100 letters, the state folder's may be longer.
        self._run = Path(tempfile.mkdtemp(prefix="proxy-gen-"))
        context = {"layout": self._layout, "run": self._run, "programs": self._programs}
        document = render("supervisord.conf.j2", root=os.geteuid() == 0, **context)
        write_atomically(self._layout.supervisor, document, mode=0o600)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._layout.supervisor)],
            env={**os.environ, TAG: str(self._layout.state)},
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            # A Ctrl-C at the terminal reaches only us; we stop the rest in order.
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        try:
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(timeout=max(p.stop_seconds for p in self._programs) + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        end_tagged(self._layout.state)
        shutil.rmtree(self._run, ignore_errors=True)

    def start(self, name: str) -> None:
        """Start one program; returns at once."""
        self._call("startProcess", name, False)

    def stop(self, name: str) -> None:
        """Stop one program and wait for its end; supervisord does not restart it."""
        self._call("stopProcess", name)

    def states(self) -> dict[str, str]:
        """The state of each program in supervisord's words, for instance RUNNING or BACKOFF."""
        return {row["name"]: row["statename"] for row in self._all()}

    def pid(self, name: str) -> int:
        """The process id of a running program; 0 when it does not run."""
        return next((int(row["pid"]) for row in self._all() if row["name"] == name), 0)

    def changes(self) -> Iterator[Change]:
        """What changed since the last call."""
        for row in self._all():
            name, state, started = row["name"], row["statename"], int(row["start"])
            before, last_start = self._states.get(name, (state, started))
            self._states[name] = (state, started)
            if state == before == "RUNNING" and started != last_start:
                # It died and came back between two looks.
                yield Change(name, before, "STARTING", row["description"])
                before = "STARTING"
            if state != before:
                yield Change(name, before, state, row["spawnerr"] or row["description"])

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The end of a program's log."""
        file = self._layout.logs / f"{name}.log"
        text = file.read_text(errors="replace") if file.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def wait_until(
        self, what: str, ready: Callable[[], bool], *, watch: str, seconds: float = 60
    ) -> None:
        """Wait until `ready()`.

        ToolError with the end of `watch`'s log when it takes too long, or when that program has
        come and gone `_MOST_STARTS` times; StoppedError when the end was asked for.
        """
        deadline = time.monotonic() + seconds
        starts: set[int] = set()
        while not ready():
            starts |= {int(row["start"]) for row in self._all() if row["name"] == watch}
            if len(starts) > _MOST_STARTS or time.monotonic() > deadline:
                again = "stops again and again"
                late = f"is not ready after {seconds:.0f} s"
                reason = again if len(starts) > _MOST_STARTS else late
                file = self._layout.logs / f"{watch}.log"
                raise ToolError(f"{what} {reason}; {file} ends with:\n{self.log_tail(watch)}")
            if self._stop.wait(0.1):
                raise StoppedError

    def alive(self) -> bool:
        """Whether supervisord itself still runs."""
        return self._process.poll() is None

    def _all(self) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], self._call("getAllProcessInfo"))

    def _call(self, method: str, *words: object) -> object:
        try:
            return getattr(self._rpc.supervisor, method)(*words)
        except xmlrpc.client.Fault as fault:
            raise ToolError(f"supervisord: {method} {words}: {fault.faultString}") from fault

    def _connect(self) -> None:
        from supervisor.xmlrpc import SupervisorTransport

        address = f"unix://{self._run}/supervisor.sock"
        deadline = time.monotonic() + 15
        while True:
            # A new transport each time: one whose connection was refused cannot be used again.
            transport = SupervisorTransport(None, None, address)
            self._rpc = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
            try:
                self._rpc.supervisor.getState()
                return
            except (OSError, http.client.HTTPException) as error:
                if not self.alive() or time.monotonic() > deadline:
                    log = self._layout.logs / "supervisord.log"
                    raise ToolError(f"supervisord does not start ({error}); see {log}") from error
                time.sleep(0.05)


def end_tagged(state: Path, seconds: float = 10) -> list[int]:
    """End every process that an `up` of this state folder started; returns their ids.

    SIGTERM first, SIGKILL to what is left after `seconds`.
    """
    ended = pids = _tagged(state)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while pids and time.monotonic() < deadline:
        time.sleep(0.05)
        pids = _tagged(state)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return ended


def _tagged(state: Path) -> list[int]:
    needle = f"{TAG}={state}".encode()
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        # Processes of others cannot be read, and some end while we look.
        with contextlib.suppress(OSError):
            if needle in environ.read_bytes().split(b"\0"):
                found.append(int(environ.parent.name))
    return [pid for pid in found if pid != os.getpid()]


def _end_with_parent() -> None:
    """Ask the kernel to end supervisord (and so all below it) when this process dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
