"""A whole hub on this machine, started with `proxy-gen up` as a person would."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import ROOT, VENV_BIN, answers

URL = re.compile(r"^ +JupyterHub +(\S+)$", re.MULTILINE)
# The names that ports have in a state folder's ports.json.
_PORTS = (
    *("hub", "share"),
    *(f"replica-{number}" for number in range(3)),
    *(f"etcd-{number}-{what}" for number in range(3) for what in ("client", "peer", "health")),
)
DASHBOARD = re.compile(r"^ +Dashboard +(\S+)$", re.MULTILINE)


class Up:
    """`proxy-gen up VALUES` with a state folder of its own; a context manager."""

    def __init__(
        self, values: Path, state: Path, *options: str, env: Mapping[str, str] | None = None
    ) -> None:
        self.state = state
        self._env = {**os.environ, **(env or {})}
        self._log = state.with_suffix(".log")
        self._command = [
            str(VENV_BIN / "proxy-gen"),
            *("up", str(values), f"--port={free_port()}", f"--dashboard-port={free_port()}"),
            *(f"--state-dir={state}", *options),
        ]

    def __enter__(self) -> Up:
        # Those of the last run are taken again; other tests are given others.
        last = self.state / "ports.json"
        if not last.exists():
            self.state.mkdir(parents=True, exist_ok=True)
            last.write_text(json.dumps({name: free_port() for name in _PORTS}))
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env=self._env,
            )
        try:
            self.wait_for("Ctrl-C stops everything", 120)
        except BaseException:
            self.__exit__()
            raise
        self.url = URL.findall(self.output)[0]
        self.dashboard_url = (DASHBOARD.findall(self.output) or [""])[0]
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.interrupt()

    @property
    def output(self) -> str:
        """What it has printed so far, both streams."""
        return self._log.read_text()

    @property
    def ports(self) -> dict[str, int]:
        """The ports that it chose, by name (`replica-0`, `hub` ...)."""
        chosen: dict[str, int] = json.loads((self.state / "ports.json").read_text())
        return chosen

    def wait_for(self, text: str, seconds: float) -> None:
        """Wait until it has printed `text`; RuntimeError with its output when it does not."""
        deadline = time.monotonic() + seconds
        while text not in self.output:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"`up` did not print {text!r} in {seconds} s:\n{self.output}")
            time.sleep(0.1)

    def wait_for_hub(self, seconds: float = 180) -> None:
        """Wait until the hub answers; RuntimeError when it does not."""
        deadline = time.monotonic() + seconds
        while not answers(f"{self.url}hub/health"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.url}: no hub after {seconds} s")
            time.sleep(0.2)

    def interrupt(self, seconds: float = 60) -> int:
        """Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(seconds)

    def pids(self, pattern: str = "") -> list[int]:
        """The processes that it started whose command line matches `pattern`."""
        return tagged_pids(self.state, pattern)

    def kill(self, pattern: str) -> int:
        """kill -9 the one process that matches; wait until the kernel has closed its sockets."""
        (pid,) = self.pids(pattern)
        descriptor = os.pidfd_open(pid)
        try:
            os.kill(pid, signal.SIGKILL)
            select.select([descriptor], [], [], 10)
        finally:
            os.close(descriptor)
        return pid


def tagged_pids(state: Path, pattern: str = "") -> list[int]:
    """The processes of an `up` with this state folder whose command line matches `pattern`."""
    needle = f"PROXY_GEN_UP={state}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes().split(b"\0")
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # ended meanwhile, or somebody else's
            continue
        if needle in environ and re.search(pattern, words):
            found.append(int(folder.name))
    return found
