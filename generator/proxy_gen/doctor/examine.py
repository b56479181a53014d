"""One run: every check in its order, each with what the others have learned."""

from __future__ import annotations

from collections.abc import Sequence

from . import spawning
from .catalogue import CHECKS, Check
from .facts import (
    OK,
    PROBLEM,
    UNCHECKED,
    Asked,
    FaultError,
    Finding,
    Line,
    NotCheckedError,
)
from .visit import Visit
from .web import NoAnswerError

_FIRST = "first see "


def examine(asked: Asked, visit: Visit | None = None) -> list[Line]:
    """Make every check, and return a line for each; raises UsageError for bad options."""
    visit = visit or Visit.of(asked)
    lines: list[Line] = []
    try:
        for check in CHECKS:
            lines.append(_line(check, visit, lines))
    finally:
        _stop(visit)
    return lines


def _line(check: Check, visit: Visit, before: Sequence[Line]) -> Line:
    failed = _failed(check, before)
    if failed:
        return Line(check.name, check.question, UNCHECKED, f"{_FIRST}{failed}")
    try:
        found = check.run(visit)
    except NotCheckedError as error:
        return Line(check.name, check.question, UNCHECKED, str(error), option=error.option)
    except FaultError as error:
        found = Finding(PROBLEM, str(error), error.cure)
    except NoAnswerError as error:
        found = Finding(PROBLEM, str(error))
    cure = "" if found.state == OK else found.cure or check.cure
    return Line(check.name, check.question, found.state, found.said, cure)


def _failed(check: Check, before: Sequence[Line]) -> str:
    """Return the check that had to be well before this one, and was not."""
    for line in before:
        if line.check != check.after:
            continue
        if line.state == PROBLEM:
            return line.check
        if line.state == UNCHECKED and line.said.startswith(_FIRST):
            return line.said.removeprefix(_FIRST)
    return ""


def _stop(visit: Visit) -> None:
    try:
        spawning.stop(visit)
    except (NoAnswerError, NotCheckedError):
        return  # the hub's culler does it
