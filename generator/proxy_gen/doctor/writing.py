"""The report, as text for people or as JSON for programs. Pure."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Sequence

from proxy_gen.terminal import BOLD, GREEN, RED, YELLOW, coloured, printable

from .facts import OK, PROBLEM, STATES, UNCHECKED, WARNING, Line

_COLOURS = {OK: GREEN, WARNING: YELLOW, PROBLEM: RED, UNCHECKED: ""}
_LONGEST = 400


def exit_code(lines: Sequence[Line]) -> int:
    """Return 1 if a problem was found, else 0."""
    return int(any(line.state == PROBLEM for line in lines))


def as_json(url: str, lines: Sequence[Line], at: datetime.datetime) -> str:
    """Return ``url``, ``at``, ``well``, ``counts`` by state, and ``checks``, each with all keys."""
    found = {
        "url": url,
        "at": at.astimezone(datetime.UTC).isoformat(),
        "well": exit_code(lines) == 0,
        "counts": {state: _count(lines, state) for state in STATES},
        "checks": [dataclasses.asdict(line) for line in lines],
    }
    return json.dumps(found, indent=2)


def as_text(url: str, lines: Sequence[Line], *, colour: bool = False) -> str:
    """Return a line for each check, the cure below what is wrong, and the verdict last."""
    wide = max((len(line.check) for line in lines), default=0)
    state = max(len(one) for one in STATES)
    shown = [coloured(printable(url), BOLD, colour), ""]
    for line in lines:
        word = coloured(line.state.ljust(state), _COLOURS[line.state], colour)
        option = f" ({line.option})" if line.option else ""
        shown.append(f"{word}  {line.check.ljust(wide)}  {_short(line.said)}{option}")
        if line.cure:
            shown.append(f"{' ' * (state + wide + 4)}{_short(line.cure)}")
    shown += ["", _verdict(lines, colour)]
    return "".join(f"{line}\n" for line in shown)


def _verdict(lines: Sequence[Line], colour: bool) -> str:
    problems, warnings = _count(lines, PROBLEM), _count(lines, WARNING)
    left = _count(lines, UNCHECKED)
    more = f", {left} not checked" if left else ""
    if problems:
        words = f"{_many(problems, 'problem')} found"
        if warnings:
            words += f", {_many(warnings, 'warning')}"
        return coloured(words + more, RED, colour)
    if warnings:
        return coloured(f"no problem found, {_many(warnings, 'warning')}{more}", YELLOW, colour)
    return coloured(f"{'what was checked' if left else 'all'} is well{more}", GREEN, colour)


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _count(lines: Sequence[Line], state: str) -> int:
    return sum(line.state == state for line in lines)


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
