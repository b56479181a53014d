"""A routing table in two files: the rules that Traefik reads, and what the hub remembers."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from . import metrics
from .atomic_file import Mark, mark_of, read_file, replace_file
from .errors import FileStoreError
from .rules_document import RulesDocument
from .store import Snapshot
from .table import Layout, Operation, Put

_Result = TypeVar("_Result")
_VERSION = 1
_RULES_MODE = 0o640  # Traefik may run as another user of the folder's group
_STATE_MODE = 0o600


class FileStore:
    """The keys of one layout: Traefik's in `rules`, the records of routes in `state`.

    Each file is replaced as a whole, the state first: what a killed hub left is a table whose
    rules are older than its records, and the next hub writes the rules anew. `state` lies in a
    folder that Traefik does not watch, on the file system of `rules`; temporary files are made
    there.

    A second writer is noticed by the files' marks (see atomic_file), and kept out while one
    writes by a lock.
    """

    name = "the rules file"
    max_operations = sys.maxsize
    max_bytes = sys.maxsize
    read_seconds = math.inf  # a large table on a busy machine; another try would be no faster

    def __init__(
        self,
        rules: Path,
        state: Path,
        layout: Layout,
        *,
        log: logging.Logger | logging.LoggerAdapter[Any] | None = None,
    ) -> None:
        self.rules = rules
        self.state = state
        self.layout = layout
        self._log = log or logging.getLogger(__name__)
        self._document = RulesDocument(layout.http)
        self._records: dict[str, str] = {}
        self._seen: tuple[Mark | None, Mark | None] | None = None  # of rules and state
        self._thread_lock = threading.Lock()

    async def read(self, *, timeout: float) -> Snapshot:
        """Both files; one that cannot be read is set aside, and its content written anew."""
        return await self._in_thread(self._read, timeout)

    async def write(
        self, operations: Sequence[Operation], generation: int, *, timeout: float
    ) -> bool:
        """Replace the files; False if somebody else changed or removed one."""
        return await self._in_thread(lambda: self._write(operations, generation), timeout)

    async def changed(self) -> bool:
        """Whether a file is another one than after our last read or write."""
        return self._marks() != self._seen

    def close(self) -> None:
        """Nothing is open between two calls."""

    async def _in_thread(self, call: Callable[[], _Result], timeout: float) -> _Result:
        try:
            return await asyncio.wait_for(asyncio.to_thread(call), timeout)
        except TimeoutError as error:
            raise FileStoreError(
                f"{self.rules}: not done after {timeout:.0f} s; disk or machine is too busy"
            ) from error

    # -- in a thread

    def _marks(self) -> tuple[Mark | None, Mark | None]:
        return mark_of(self.rules), mark_of(self.state)

    def _read(self) -> Snapshot:
        with self._locked():
            self._remove_leftovers()
            self._records, state_mark = self._read_state()
            text, rules_mark = read_file(self.rules)
            try:
                self._document = RulesDocument(self.layout.http, text)
            except ValueError as error:
                self._set_aside(self.rules, f"{error}; it is written anew from {self.state.name}")
                self._document, rules_mark = RulesDocument(self.layout.http), None
            self._seen = rules_mark, state_mark
            pairs = self._document.pairs()
            number = pairs.get(self.layout.marker_key, "")
            generation = int(number) if number.isdigit() else None
            return Snapshot({**pairs, **self._records}, generation)

    def _write(self, operations: Sequence[Operation], generation: int) -> bool:
        with self._locked():
            if self._marks() != self._seen:
                return False
            # Until all is done nothing is known of the files; the next call would be refused.
            (rules_mark, state_mark), self._seen = self._seen, None
            rules: list[Operation] = [Put(self.layout.marker_key, str(generation))]
            records = dict(self._records)
            for operation in operations:
                if not operation.key.startswith(self.layout.records):
                    rules.append(operation)
                elif isinstance(operation, Put):
                    records[operation.key] = operation.value
                else:
                    records.pop(operation.key, None)
            if records != self._records or state_mark is None:
                self._keep_previous()
                state_mark = self._replace(self.state, self._state_text(records), _STATE_MODE)
                self._records = records
            self._document.apply(rules)
            rules_mark = self._replace(self.rules, self._document.text(), _RULES_MODE)
            self._seen = rules_mark, state_mark
            metrics.TRANSACTIONS.inc()
            return True

    def _replace(self, path: Path, text: str, mode: int) -> Mark:
        return replace_file(path, text, mode=mode, temporary=self.state.parent)

    def _remove_leftovers(self) -> None:
        """Temporary files of a hub that was killed while it wrote."""
        for path in (self.rules, self.state):  # of `_previous` too: it begins like the state's
            for leftover in self.state.parent.glob(f".{path.name}.*"):
                leftover.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Nobody else reads or writes: neither a thread that was given up, nor another hub."""
        with self._thread_lock:
            try:
                self.state.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                lock = os.open(f"{self.state}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise FileStoreError(
                    f"{self.state.parent} cannot be used: {error.strerror}"
                ) from error
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
            finally:
                os.close(lock)

    # -- the state file

    def _state_text(self, records: dict[str, str]) -> str:
        prefix = self.layout.records
        lines = [
            f"{json.dumps(key.removeprefix(prefix))}:{records[key]}" for key in sorted(records)
        ]
        return f'{{"version":{_VERSION},"records":{{\n' + ",\n".join(lines) + "\n}}\n"

    def _read_state(self) -> tuple[dict[str, str], Mark | None]:
        """The records, and the mark of their file."""
        text, mark = read_file(self.state)
        if mark is None:
            return {}, None
        try:
            return self._parsed_state(text), mark
        except ValueError as error:
            why = str(error)
        try:
            records = self._parsed_state(read_file(self._previous)[0])
            cure = "using the one before it"
        except ValueError:
            records, cure = {}, "the hub adds the routes that it knows again"
        self._set_aside(self.state, f"{why}; {cure}")
        return records, None

    def _parsed_state(self, text: str) -> dict[str, str]:
        document = json.loads(text)
        records = document.get("records") if isinstance(document, dict) else None
        if not isinstance(records, dict):
            raise ValueError("it has no records")
        if document.get("version") != _VERSION:
            raise FileStoreError(
                f"{self.state} has version {document.get('version')!r}, this program knows"
                f" {_VERSION}: use the version of jupyterhub-ha that wrote it, or move the file"
                " away and restart users' servers"
            )
        # The same text as Table writes, so that nothing seems changed.
        return {
            self.layout.records + name: json.dumps(record)
            if isinstance(record, str)
            else json.dumps(record, sort_keys=True, separators=(",", ":"))
            for name, record in records.items()
        }

    @property
    def _previous(self) -> Path:
        return self.state.with_name(self.state.name + ".previous")

    def _keep_previous(self) -> None:
        """Let `_previous` be the state as it is now; at every moment one of them is there."""
        link = self._previous.with_name(f".{self._previous.name}.new")
        with contextlib.suppress(OSError):  # the first time, or a file system without links
            link.unlink(missing_ok=True)
            os.link(self.state, link)
            os.replace(link, self._previous)
            # Two names of one file already: then nothing is replaced, and the link stays.
            link.unlink(missing_ok=True)

    def _set_aside(self, path: Path, why: str) -> None:
        kept = self.state.with_name(f"{path.name}.broken-{int(time.time())}")
        try:
            os.replace(path, kept)
        except OSError as error:
            raise FileStoreError(
                f"{path} cannot be read ({why}) nor moved: {error.strerror}"
            ) from error
        self._log.error("%s cannot be read: %s. It is kept as %s", path, why, kept)
