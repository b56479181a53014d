"""Files that are either wholly there or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from .errors import OutputError


def write_atomically(
    file: Path, content: bytes | str, *, mode: int = 0o644, durable: bool = True
) -> None:
    """Replace `file` by `content` in one step; nobody ever reads a part of it.

    The mode is set before the content is written, so that a secret is never readable by others.
    `durable` waits until the disk has it; files that can be made again do without.
    Raises OutputError, with the file's name and the system's reason, and leaves no trace then.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(data)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        Path(temporary).replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise OutputError(f"{file}: cannot be written: {error.strerror}") from error
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
