"""What is shared, by whom and until when. All of it is in the store; nothing here remembers more.

Several processes may use one store. Each record is written before the notebook, and a notebook is
deleted only when no record of it is left, so what is shared while somebody else deletes it stays.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Final

from . import keys
from .errors import FullError, NotSharedError
from .renderer import Rendered
from .store import Store

_DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be shared, and for how long."""

    days: float = 90
    """0: for ever."""
    per_visitor: int = 20
    total: int = 5_000_000_000
    """Bytes of all notebooks and pages."""


@dataclass(frozen=True, slots=True)
class Record:
    """One visitor shares one notebook."""

    identity: str
    owner: str
    name: str
    title: str
    created: int
    expires: int
    """0: never."""


@dataclass(frozen=True, slots=True)
class Created:
    """What the visitor gets to know."""

    record: Record
    secret: str
    """Who has it may delete the share, also when the visitor's user is gone."""


class Shares:
    """Everything blocks, and may be called by several threads."""

    def __init__(
        self, store: Store, limits: Limits, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._limits = limits
        self._clock = clock
        self._total: int | None = None
        self._changing = threading.Lock()

    def add(self, owner: str, name: str, made: Rendered) -> Created:
        """Share it; who shares the same contents again has one link that lasts longer.

        Raises FullError when there is no room, or too much of this visitor's.
        """
        with self._changing:
            return self._add(owner, name, made)

    def _add(self, owner: str, name: str, made: Rendered) -> Created:
        identity = keys.digest(made.notebook)
        before = self._store.read(keys.owner(owner, identity))
        if before is None:
            self._check_room(owner, len(made.notebook) + len(made.page))
        now = int(self._clock())
        expires = now + int(self._limits.days * _DAY) if self._limits.days else 0
        record = Record(identity, owner, keys.file_name(name), made.title, now, expires)
        secret = secrets.token_urlsafe(24)
        key = keys.record(identity, expires, secret)
        self._store.write(key, json.dumps(asdict(record)).encode())
        self._store.write(keys.notebook(identity), made.notebook)
        self._store.write(keys.page(identity), made.page)
        self._store.write(keys.owner(owner, identity), key.encode())
        if before is not None:
            self._store.delete(before.decode())
        elif self._total is not None:
            self._total += len(made.notebook) + len(made.page)
        return Created(record, secret)

    def find(self, identity: str) -> Record:
        """The record of a notebook that is shared; the one that lasts longest. NotSharedError."""
        found = [key for key, expires in self._records(identity) if not self._is_over(expires)]
        # Never is 0, and longest.
        found.sort(key=lambda key: (keys.read_record(key) or ("", 0, ""))[1] or float("inf"))
        for key in reversed(found):
            if (record := self._read(key)) is not None:
                return record
        raise NotSharedError("This notebook is not shared, or not any more.")

    def notebook(self, identity: str) -> bytes:
        """Its contents. Raises NotSharedError."""
        self.find(identity)
        content = self._store.read(keys.notebook(identity))
        if content is None:
            raise NotSharedError("This notebook is not shared, or not any more.")
        return content

    def page(self, identity: str) -> bytes | None:
        """What it looks like; None when it has to be made again."""
        return self._store.read(keys.page(identity))

    def keep_page(self, identity: str, page: bytes) -> None:
        """It was made again."""
        self._store.write(keys.page(identity), page)

    def of(self, owner: str) -> list[Record]:
        """All that a visitor shares, the newest first."""
        found = []
        for key, _ in self._store.list(keys.owner(owner)):
            pointer = self._store.read(key)
            record = self._read(pointer.decode()) if pointer else None
            if record is not None and not self._is_over(record.expires):
                found.append(record)
        return sorted(found, key=lambda record: -record.created)

    def delete(self, identity: str, *, owner: str = "", secret: str = "") -> bool:
        """Of the one who shares it: a visitor, or who has the secret. Whether the link is gone.

        It is not while others share the same contents. Raises NotSharedError.
        """
        for key, _ in self._records(identity):
            _, _, hashed = keys.read_record(key) or ("", 0, "")
            record = self._read(key)
            if record is None:
                continue
            mine = bool(owner) and record.owner == owner
            if mine or (secret and secrets.compare_digest(hashed, keys.digest(secret))):
                with self._changing:
                    self._remove(key, record)
                return not any(True for _ in self._records(identity))
        raise NotSharedError("This notebook is not shared by you, or not any more.")

    def sweep(self) -> int:
        """Delete what has expired, and count what there is; returns how many have expired."""
        over = 0
        for key, _ in list(self._store.list(keys.shares())):
            found = keys.read_record(key)
            if found and self._is_over(found[1]):
                record = self._read(key)
                if record is not None:
                    with self._changing:
                        self._remove(key, record)
                    over += 1
        self._total = self._count()
        return over

    # -- details

    def _check_room(self, owner: str, more: int) -> None:
        if len(self.of(owner)) >= self._limits.per_visitor:
            raise FullError(
                f"You share {self._limits.per_visitor} notebooks, and may not share more. "
                "Delete one of them."
            )
        if self._total is None:
            self._total = self._count()
        if self._total + more > self._limits.total:
            raise FullError("There is no room for more notebooks on this site at the moment.")

    def _count(self) -> int:
        return sum(
            size for prefix in ("notebooks/", "pages/") for _, size in self._store.list(prefix)
        )

    def _records(self, identity: str) -> Iterator[tuple[str, int]]:
        if not keys.is_identity(identity):
            return
        for key, _ in list(self._store.list(keys.shares(identity))):
            if found := keys.read_record(key):
                yield key, found[1]

    def _read(self, key: str) -> Record | None:
        content = self._store.read(key)
        return Record(**json.loads(content)) if content else None

    def _is_over(self, expires: int) -> bool:
        return bool(expires) and expires <= self._clock()

    def _remove(self, key: str, record: Record) -> None:
        self._store.delete(key)
        pointer = keys.owner(record.owner, record.identity)
        if self._store.read(pointer) == key.encode():
            self._store.delete(pointer)
        if not any(True for _ in self._records(record.identity)):
            self._store.delete(keys.notebook(record.identity))
            self._store.delete(keys.page(record.identity))
            self._total = None
