"""What a check is asked and what it finds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OK, WARNING, PROBLEM, UNCHECKED = "ok", "warning", "problem", "not checked"
STATES = (OK, WARNING, PROBLEM, UNCHECKED)

WARN_DAYS = 21
"""Below so many days left the certificate that visitors see is worth a warning: who renews a
certificate of 90 days when a third is left should have done so."""

BODY = 100 << 20
"""Bytes that an upload should be allowed to have: what JupyterHub itself takes at most."""


@dataclass(frozen=True)
class Finding:
    """What one check found. ``cure`` is empty where the check's own cure says it all."""

    state: str
    said: str
    cure: str = ""


class NotCheckedError(Exception):
    """A check that cannot be made; ``option`` is what would let it be made, if anything would."""

    def __init__(self, reason: str, option: str = "") -> None:
        super().__init__(reason)
        self.option = option


class FaultError(Exception):
    """A check that has found its problem, wherever in the asking that was."""

    def __init__(self, said: str, cure: str = "") -> None:
        super().__init__(said)
        self.cure = cure


@dataclass(frozen=True)
class Asked:
    """The options of a run. Nothing secret is in its text."""

    url: str
    token: str = field(default="", repr=False)
    user: str = ""
    spawn: bool = False
    ca_file: str = ""
    http_port: int = 0
    body: int = BODY
    idle: float = 0.0
    kernels: Sequence[str] = ()
    replicas: Sequence[str] = ()
    api_user: str = "hub"
    api_password: str = field(default="", repr=False)
    values: Mapping[str, Any] | None = None
    """The chart's values, defaults included; None without ``--values``."""


@dataclass(frozen=True)
class Line:
    """One check of the report."""

    check: str
    question: str
    state: str
    said: str
    cure: str = ""
    option: str = ""
