"""The errors of proxy-gen, one tree; the command line turns each into a message, never a traceback.

ProxyGenError            exit 2: it could not be done
├── UsageError           a name, option or file that cannot be meant
├── ToolError            a program that is needed is missing, too old, or failed
├── OutputError          a file could not be written or must not be touched
└── ProblemsError        exit 1: the input was read and found wrong; holds every problem
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong, where, and what would be right.

    ``file`` and ``line`` (from 1) name the place in the input, ``path`` the place in the values or
    in an object (``proxy.traefik.replicas``), ``rule`` the check that found it.
    """

    file: str = ""
    line: int = 0
    path: str = ""
    what: str = ""
    cure: str = ""
    rule: str = "values"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file
        head = ": ".join(part for part in (place, self.path) if part)
        text = f"{self.what}; {self.cure}" if self.cure else self.what
        return f"{head}: {text}" if head else text


class ProxyGenError(Exception):
    """Something could not be done; the text names the place, the reason and the cure."""

    exit_code = 2


class UsageError(ProxyGenError):
    """A name, an option or a file that cannot be meant as it was given."""


class ToolError(ProxyGenError):
    """A program that is needed is missing, too old, or failed."""


class OutputError(ProxyGenError):
    """A file could not be written, or must not be touched."""


class ProblemsError(ProxyGenError):
    """The input was read and found wrong; ``problems`` holds everything that is wrong with it."""

    exit_code = 1

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
