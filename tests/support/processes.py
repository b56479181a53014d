"""Real services as child processes that never outlive the tests."""

from __future__ import annotations

import ctypes
import os
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
VENV_BIN = ROOT / ".venv" / "bin"
TOOLS_BIN = ROOT / ".tools" / "bin"

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_parent() -> None:
    # Also when the test run itself is killed, nothing stays behind.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Service:
    """A child process with a log file; start() and stop() may be repeated."""

    def __init__(
        self, command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.command = [str(part) for part in command]
        self.log = log
        self.env = env
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; RuntimeError when it does not run."""
        if self._process is None:
            raise RuntimeError(f"{self.command[0]} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process was started and has not exited."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; its output is appended to the log."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if self.env is None else dict(self.env),
                preexec_fn=_die_with_parent,
            )

    def send_signal(self, how: signal.Signals) -> None:
        """Send the signal and do not wait; stop() or kill() still collect the process."""
        os.kill(self.pid, how)

    def stop(self, how: signal.Signals = signal.SIGTERM, timeout: float = 10) -> int | None:
        """Send the signal and wait; after `timeout` seconds SIGKILL. Returns the exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.send_signal(how)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def kill(self) -> None:
        """End it as a crash would."""
        self.stop(signal.SIGKILL)

    def wait_until(self, check: Callable[[], bool], what: str, timeout: float = 60) -> None:
        """Wait for a condition; RuntimeError with the log's end when it does not come true."""
        deadline = time.monotonic() + timeout
        while not check():
            if not self.running or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{self.command[0]}: no {what} in {timeout} s\n{tail}")
            time.sleep(0.02)


@contextmanager
def paused(*services: Service) -> Iterator[None]:
    """Let processes stand still; they go on afterwards, whatever happened."""
    for service in services:
        service.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for service in services:
            service.send_signal(signal.SIGCONT)


def status(
    request: str | urllib.request.Request,
    timeout: float = 30,
    context: ssl.SSLContext | None = None,
) -> int:
    """The status of an answer, redirects followed; OSError without one."""
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=context) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:  # it holds the connection
            return error.code


def answers(url: str, context: ssl.SSLContext | None = None) -> bool:
    """Whether a GET is answered with success, redirects followed."""
    try:
        return status(url, 2, context) < 300
    except OSError:
        return False


def kill(pids: Iterable[int]) -> None:
    """End them as a crash would; some may have ended meanwhile."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def pids_with(name: str, value: str) -> list[int]:
    """All processes that run with this environment variable, whoever started them."""
    needle = f"{name}={value}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if needle in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return found
