"""Where objects are kept: in a folder, such as a volume."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from .errors import StorageError


class Store(Protocol):
    """Objects by key. All block, and raise StorageError where the storage fails."""

    def write(self, key: str, content: bytes) -> None:
        """Keep it; a reader sees all of it or nothing."""

    def read(self, key: str) -> bytes | None:
        """What is kept, or None."""

    def delete(self, key: str) -> None:
        """Forget it, if it is there."""

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Keys that begin so, and the sizes. What comes or goes meanwhile may be there or not."""


class FolderStore:
    """One file for each object."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # What a process that was killed has left here is no object.
        self._half = folder / ".half"
        try:
            self._half.mkdir(parents=True, exist_ok=True)
            for file in self._half.iterdir():
                file.unlink(missing_ok=True)
            self.write(".half-writable", b"")
            self.delete(".half-writable")
        except OSError as error:
            raise StorageError(
                f"{folder}: {error.strerror}; let it be a folder that this service may write to"
            ) from error

    def write(self, key: str, content: bytes) -> None:
        """Written beside it, and moved to its place."""
        target = self._folder / key
        half = self._half / secrets.token_hex(8)
        try:
            with half.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            target.parent.mkdir(parents=True, exist_ok=True)
            half.replace(target)
        except OSError as error:
            half.unlink(missing_ok=True)
            raise StorageError(f"the notebook could not be stored: {error.strerror}") from error

    def read(self, key: str) -> bytes | None:
        """The file's content."""
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"the storage could not be read: {error.strerror}") from error

    def delete(self, key: str) -> None:
        """Folders stay: another process may be writing into one."""
        try:
            (self._folder / key).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"the notebook could not be deleted: {error.strerror}") from error

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """All prefixes of ours end in a slash."""
        for folder, _, names in os.walk(self._folder / prefix):
            for name in sorted(names):
                path = Path(folder) / name
                try:
                    size = path.stat().st_size
                except FileNotFoundError:
                    continue
                yield path.relative_to(self._folder).as_posix(), size
