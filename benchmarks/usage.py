"""What processes use, from /proc (see proc(5))."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since the start, memory in MiB now and at most, and open descriptors."""

    cpu_seconds: float
    memory: float
    peak_memory: float
    descriptors: int


def usage_of(pids: Iterable[int]) -> Usage:
    """The sum over processes that run; FileNotFoundError if one does not."""
    cpu, memory, peak, descriptors = 0.0, 0.0, 0.0, 0
    for pid in pids:
        folder = Path(f"/proc/{pid}")
        # The name in parentheses may hold spaces; user and system time are fields 14 and 15.
        times = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        cpu += sum(int(time) for time in times) / _TICK
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        memory += int(status["VmRSS"].split()[0]) / 1024
        peak += int(status["VmHWM"].split()[0]) / 1024
        descriptors += len(os.listdir(folder / "fd"))
    return Usage(cpu, memory, peak, descriptors)


def tree_of(pid: int) -> list[int]:
    """A process and its children, and theirs."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in tree_of(int(child)))]


def reset_peak(pids: Iterable[int]) -> None:
    """Begin anew with the highest memory; it is then what the process has now."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def raise_descriptor_limit() -> int:
    """Let this process and its children open as many files as the machine allows; how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
