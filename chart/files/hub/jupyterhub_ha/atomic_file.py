"""Files that are either as before or as wanted, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

from .errors import FileStoreError

Mark = tuple[int, int, int, int]
"""Device, inode, time of change and size: another file, or another content, has another one."""


def replace_file(path: Path, text: str, *, mode: int, temporary: Path) -> Mark:
    """Replace `path`, by a file that was written in the folder `temporary` and is on the disk.

    `temporary` must be on the same file system. Traefik reads a folder again whenever anything in
    it changes, so it is not the folder that Traefik watches. The new file has the group of the
    folder that it ends in. FileStoreError says what could not be done.
    """
    # U+FFFD in place of what has no encoding: a reader must not fail because of one name.
    content = text.encode("utf-8", "replace")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=temporary)
    except OSError as error:
        raise FileStoreError(f"{temporary} cannot be written to: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            group = path.parent.stat().st_gid
            if os.fstat(handle).st_gid != group:
                with contextlib.suppress(PermissionError):  # not a member of it
                    os.fchown(handle, -1, group)
            os.fchmod(handle, mode)
            os.fsync(handle)
            mark = _mark(os.fstat(handle))
        os.replace(name, path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(name)
        if error.errno == errno.EXDEV:
            raise FileStoreError(
                f"{path} and {temporary} are on different file systems; put both on one, so that"
                " a file can be replaced at once"
            ) from error
        raise FileStoreError(f"{path} cannot be written: {error.strerror}") from error
    return mark


def read_file(path: Path) -> tuple[str, Mark | None]:
    """The text and the mark of a file; empty and None if there is none."""
    try:
        with path.open("rb") as file:
            return file.read().decode("utf-8", "replace"), _mark(os.fstat(file.fileno()))
    except FileNotFoundError:
        return "", None
    except OSError as error:
        raise FileStoreError(f"{path} cannot be read: {error.strerror}") from error


def mark_of(path: Path) -> Mark | None:
    """The mark of a file, None if there is none."""
    try:
        return _mark(path.stat())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileStoreError(f"{path} cannot be looked at: {error.strerror}") from error


def _mark(found: os.stat_result) -> Mark:
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
