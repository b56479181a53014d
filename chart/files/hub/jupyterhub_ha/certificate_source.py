"""Where the certificates that Traefik serves come from: files that others write, or an authority.

Times are Unix times in seconds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .certificate import Facts, Pair, check
from .certificate_acme import CRT, KEY, Lego, Order, kept_attempts
from .certificate_state import State
from .certificate_times import FIRST_PAUSE, LONGEST_PAUSE, RENEW_AT, renewal_time, retry_pause
from .errors import CertificateError

ATTEMPTS = "attempts.json"


class Source(Protocol):
    """One certificate, which may change at any time."""

    async def current(self) -> Pair | None:
        """The certificate to serve now, None if there is none yet.

        CertificateError or IssueError where it cannot be had; what was served before then stays.
        """

    @property
    def due(self) -> float | None:
        """When obtain() is to be called next, None for never."""

    async def obtain(self) -> str:
        """Get a new certificate, for current() to return; says what was wrong, or nothing."""

    def status(self) -> dict[str, Any]:
        """What else a status tells; JSON."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A certificate with its chain and its key in files, which are read anew each time."""

    crt: Path
    key: Path

    @property
    def due(self) -> float | None:
        """Never: whoever writes the files renews it."""
        return None

    async def current(self) -> Pair | None:
        """What the files hold now; CertificateError if that cannot be served."""
        texts = []
        for file in (self.crt, self.key):
            try:
                texts.append(file.read_text(encoding="ascii"))
            except OSError as error:
                raise CertificateError(f"{file} cannot be read: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise CertificateError(f"{file} is no PEM text") from error
        pair = Pair(*texts)
        check(pair)
        return pair

    async def obtain(self) -> str:
        """Nothing to do."""
        return ""

    def status(self) -> dict[str, Any]:
        """Nothing more."""
        return {}


@dataclass(frozen=True, slots=True)
class Pace:
    """When to renew, as a share of the lifetime, and seconds between attempts that fail."""

    renew_at: float = RENEW_AT
    first_pause: float = FIRST_PAUSE
    longest_pause: float = LONGEST_PAUSE


class AcmeSource:
    """A certificate of an ACME authority, with all that must be remembered in a State."""

    def __init__(
        self,
        state: State,
        lego: Lego,
        order: Order,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._state = state
        self._lego = lego
        self._order = order
        self._pace = pace or Pace()
        self._clock = clock
        self._texts: dict[str, str] | None = None
        self._facts: Facts | None = None
        self._due: float | None = None
        self._attempts: dict[str, Any] = {}

    @property
    def due(self) -> float | None:
        """When to renew; at once without a certificate; after a failure, when its pause is over."""
        return self._due

    async def current(self) -> Pair | None:
        """The last certificate that was obtained, also while it is of other hosts than now."""
        texts = await self._loaded()
        if self._facts is None:
            return None
        return Pair(texts[CRT], texts[KEY])

    async def obtain(self) -> str:
        """Ask the authority, and keep what came of it.

        Authorities count attempts: none is made whose outcome could not be kept.
        """
        before = await self._loaded()
        await self._state.save(before)
        outcome = await self._lego.obtain(self._order, before)
        texts, error = dict(outcome.texts), outcome.error
        if not error:
            try:
                check(Pair(texts[CRT], texts[KEY]))
            except CertificateError as problem:
                texts, error = dict(before), f"what came cannot be served: {problem}"
        texts[ATTEMPTS] = json.dumps(self._counted(error))
        # In memory first: what was obtained is served even if it cannot be kept.
        self._take(texts)
        await self._state.save(texts)
        return error

    async def _loaded(self) -> dict[str, str]:
        """What is remembered; read once, since nobody else writes it while this one works."""
        if self._texts is None:
            self._take(await self._state.load())
        return self._texts or {}

    def _counted(self, error: str) -> dict[str, Any]:
        if not error:
            return {}
        now = self._clock()
        failures = int(self._attempts.get("failures", 0)) + 1
        pace = self._pace
        pause = retry_pause(failures, error, now, pace.first_pause, pace.longest_pause)
        return {
            "failures": failures,
            "next": now + pause,
            "error": error,
            # Another order is tried at once, as a user who corrected the values expects.
            "order": self._order.text(),
        }

    def _take(self, texts: Mapping[str, str]) -> None:
        self._texts = dict(texts)
        self._attempts = kept_attempts(texts, ATTEMPTS)
        if self._attempts.get("order") != self._order.text():
            self._attempts = {}
        try:
            self._facts = check(Pair(texts[CRT], texts[KEY]))
        except (KeyError, CertificateError):
            self._facts = None
        if "next" in self._attempts:
            self._due = float(self._attempts["next"])
        elif self._facts is None or not self._order.is_kept_in(texts):
            self._due = 0.0
        else:
            self._due = renewal_time(self._facts, self._order.hosts, self._pace.renew_at)

    def status(self) -> dict[str, Any]:
        """Hosts and server of the order, and how often it has failed in a row."""
        return {
            "orderedHosts": list(self._order.hosts),
            "server": self._order.server,
            "failures": int(self._attempts.get("failures", 0)),
            "error": str(self._attempts.get("error", "")),
        }
