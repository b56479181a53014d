"""A child process that outlives the hub, and is found again by the next one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_POLL = 0.05
# What a program may know of the hub's environment: no password or token is among it.
_PASSED = ("PATH", "HOME", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR")

# What this program has started is collected by it when it ends, by whichever object sees it.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Record:
    """A running process, as its file tells the next hub. `birth` tells it from a later process
    that was given the same number.
    """

    pid: int
    birth: str
    port: int
    configuration: str


class Process:
    """The process whose record is in `pid_file`, whoever started it."""

    def __init__(self, pid_file: Path) -> None:
        self.pid_file = pid_file
        self.record = _read(pid_file)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        if self.record is None:
            return False
        runs = _birth(self.record.pid) == self.record.birth
        # Behind the look, so that one which is found gone has also been collected.
        child = _children.get(self.record.pid)
        if child is not None and child.poll() is not None:
            del _children[self.record.pid]
        return runs

    def start(
        self,
        command: Sequence[str],
        log: Path,
        *,
        port: int,
        configuration: str,
        defaults: Mapping[str, str] | None = None,
    ) -> None:
        """Start it, apart from the hub's terminal and with its output in `log`; OSError if not.

        Not to a pipe of the hub: the process would die of it after the hub is gone. `defaults` are
        variables that it gets where the hub's environment does not set them.
        """
        passed = {
            name: os.environ[name]
            for name in os.environ
            if name in _PASSED or name.startswith(("LC_", "GO"))
        }
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "ab") as output:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**(defaults or {}), **passed},
                start_new_session=True,
            )
        pid = child.pid
        _children[pid] = child
        self.record = Record(pid, _birth(pid) or "", port, configuration)
        self.save()

    def save(self) -> None:
        """Write the record, for the next hub."""
        if self.record is None:
            return
        temporary = self.pid_file.with_name(f".{self.pid_file.name}.new")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(asdict(self.record)) + "\n")
        os.replace(temporary, self.pid_file)

    def kill(self) -> None:
        """SIGKILL, without waiting."""
        if self.alive and self.record is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.record.pid, signal.SIGKILL)

    async def stop(self, seconds: float) -> None:
        """SIGTERM, after `seconds` SIGKILL; returns when it is gone."""
        record = self.record
        if record is None:
            return
        for how, until in ((signal.SIGTERM, time.monotonic() + seconds), (signal.SIGKILL, None)):
            if self.alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(record.pid, how)
            # Nobody tells when a process ends that is not our child.
            while self.alive and (until is None or time.monotonic() < until):  # noqa: ASYNC110
                await asyncio.sleep(_POLL)
        current = _read(self.pid_file)
        if current == record:
            self.pid_file.unlink(missing_ok=True)
        self.record = None


def _read(pid_file: Path) -> Record | None:
    """The record in a file; None if there is none or it cannot be read."""
    try:
        return Record(**json.loads(pid_file.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _birth(pid: int) -> str | None:
    """When a process was started, in a form that no other process of this host has.

    None if there is no such process, or only its exit status is left.
    """
    try:
        # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the name, which may have
        # spaces and parentheses, is the second field; state is the third, starttime the 22nd.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except ProcessLookupError:
        return None
    except OSError:
        return None if Path("/proc/self/stat").exists() else _birth_by_ps(pid)
    return None if fields[0] in {"Z", "X"} else f"{boot} {fields[19]}"


def _birth_by_ps(pid: int) -> str | None:
    """The same where there is no /proc."""
    done = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)],  # noqa: S607 - in no fixed place
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, started = done.stdout.strip().partition(" ")
    return None if done.returncode or state.startswith("Z") else started.strip()
