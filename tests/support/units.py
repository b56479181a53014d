"""Runs the services of a rendered bundle as systemd would, as far as that needs no other account.

Order, commands, variables and working folders are those of the units. What only systemd can do
(accounts, namespaces, filters of system calls) is left out.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import Service

_ESCAPES = {"n": "\n", "t": "\t"}
_WORD = re.compile(r'"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s"]+)')


@dataclass(frozen=True)
class UnitFile:
    """One unit: its sections, each with every value of every key."""

    name: str
    sections: dict[str, dict[str, list[str]]]

    def values(self, section: str, key: str) -> list[str]:
        """All values of a key, none if it is not there."""
        return self.sections.get(section, {}).get(key, [])

    def value(self, section: str, key: str, default: str = "") -> str:
        """The last value of a key."""
        return (self.values(section, key) or [default])[-1]

    def names(self, section: str, key: str) -> list[str]:
        """The words of all values of a key."""
        return " ".join(self.values(section, key)).split()


def read_unit(file: Path) -> UnitFile:
    """Parse a unit file (systemd.syntax(7)); ValueError for a line that systemd would not take."""
    sections: dict[str, dict[str, list[str]]] = {}
    section = ""
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if not line.strip() or line.startswith(("#", ";")):
            continue
        if match := re.fullmatch(r"\[([A-Z]\w*)\]", line):
            section = match[1]
            continue
        key, equals, value = line.partition("=")
        if not (section and equals and re.fullmatch(r"[A-Z]\w*", key)):
            raise ValueError(f"{file}:{number}: {line!r} is no setting")
        if value != value.rstrip():
            raise ValueError(f"{file}:{number}: blanks at the end")
        sections.setdefault(section, {}).setdefault(key, []).append(value)
    return UnitFile(file.name, sections)


def words(line: str) -> list[str]:
    """The words of a command line (systemd.service(5)): quotes, `%%`, `$$`; no other specifier."""
    found = []
    for match in _WORD.finditer(line):
        text = match["plain"]
        if text is None:
            text = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), match["quoted"])
        if re.search(r"(?<!%)(%%)*%(?!%)|(?<!\$)(\$\$)*\$(?!\$)", text):
            raise ValueError(f"{text!r}: a specifier or variable")
        found.append(text.replace("%%", "%").replace("$$", "$"))
    return found


def environment(file: Path) -> dict[str, str]:
    """The variables of an environment file (systemd.exec(5), EnvironmentFile=)."""
    found = {}
    for match in re.finditer(r'^(\w+)="((?:[^"\\]|\\.)*)"$', file.read_text(), re.MULTILINE):
        found[match[1]] = re.sub(r"\\(.)", r"\1", match[2])
    return found


@dataclass
class Running:
    """One service that was started."""

    unit: UnitFile
    service: Service


@dataclass
class Manager:
    """Starts and stops the services of a folder of units; a context that ends all of them."""

    units: Path
    logs: Path
    running: dict[str, Running] = field(default_factory=dict)

    def __enter__(self) -> Manager:
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(list(self.running)):
            self.stop(name)

    def start_target(self, name: str) -> None:
        """Start what a target wants, each after what it names in After=."""
        target = read_unit(self.units / name)
        waiting = [read_unit(self.units / one) for one in target.names("Unit", "Wants")]
        while waiting:
            left = {unit.name for unit in waiting}
            unit = next(u for u in waiting if not left & set(u.names("Unit", "After")))
            # Without an order systemd starts them at once: nobody waits for another.
            self.start(unit.name, wait=unit.value("Service", "Type") == "oneshot")
            waiting.remove(unit)
        for one in list(self.running):
            self._after_start(one)

    def start(self, name: str, *, wait: bool = True) -> None:
        """Start a service; with `wait` until its ExecStartPost commands are done."""
        unit = read_unit(self.units / name)
        (line,) = unit.values("Service", "ExecStart")
        log = self.logs / f"{name}.log"
        # /usr/bin/env changes the folder, and then becomes the command.
        folder = unit.value("Service", "WorkingDirectory", "/")
        command = ["/usr/bin/env", "-C", folder, *words(line)]
        if unit.value("Service", "Type") == "oneshot":
            with log.open("ab") as output:
                subprocess.run(
                    command, env=self._environment(unit), stdout=output, stderr=output,
                    check=True, timeout=120,
                )  # fmt: skip
            return
        service = Service(command, log, self._environment(unit))
        service.start()
        self.running[name] = Running(unit, service)
        if wait:
            self._after_start(name)

    def stop(self, name: str) -> None:
        """SIGTERM to the main process alone, as KillMode=process does; SIGKILL after a while."""
        self.running.pop(name).service.stop(signal.SIGTERM, 20)

    def restart(self, name: str) -> None:
        """Stop, start and wait."""
        self.stop(name)
        self.start(name)

    def _after_start(self, name: str) -> None:
        one = self.running[name]
        for line in one.unit.values("Service", "ExecStartPost"):
            may_fail, command = line.startswith("-"), words(line.removeprefix("-"))
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=130)
            if done.returncode and not may_fail:
                log = one.service.log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"{name}: {command} failed: {done.stderr}\n{log}")

    def _environment(self, unit: UnitFile) -> dict[str, str]:
        variables = {"PATH": os.defpath, "HOME": str(self.logs), "LANG": "C.UTF-8"}
        for line in unit.values("Service", "Environment"):
            variables |= dict([line.split("=", 1)])
        for file in unit.values("Service", "EnvironmentFile"):
            variables |= environment(Path(file))
        return variables


def make_folders(tmpfiles: Path) -> None:
    """What systemd-tmpfiles does for the `d` lines, but for the owner."""
    for line in tmpfiles.read_text().splitlines():
        if line.startswith("d "):
            _, path, mode = line.split()[:3]
            Path(path).mkdir(parents=True, exist_ok=True)
            Path(path).chmod(int(mode, 8))
