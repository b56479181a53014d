"""Downloads: streamed, hashed on the way, with errors that say what to do."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path

from .errors import ToolError

Progress = Callable[[str, int, int], None]
"""Called with the URL, the bytes that are there, and how many there will be (0: unknown)."""

_SECONDS = 60
_CHUNK = 1 << 18
_LARGEST = 1 << 30
_LARGEST_TEXT = 1 << 20


def fetch(url: str, file: Path, tell: Progress) -> str:
    """Write what `url` gives to `file`; return its SHA-256 as hex digits.

    Raises ToolError when it cannot be had, or ends before its announced length.
    """
    digest = hashlib.sha256()
    count = 0
    try:
        with _open(url) as response, file.open("wb") as stream:
            total = int(response.headers.get("Content-Length") or 0)
            while chunk := response.read(_CHUNK):
                digest.update(chunk)
                stream.write(chunk)
                count += len(chunk)
                tell(url, count, total)
                if count > _LARGEST:
                    raise ToolError(f"{url}: is larger than 1 GiB, so it is not the program")
    except http.client.HTTPException as error:
        raise ToolError(f"{url}: ended after {count} bytes; try again") from error
    except TimeoutError as error:
        raise ToolError(f"{url}: nothing came for {_SECONDS} s; try again") from error
    if total and count < total:
        raise ToolError(f"{url}: ended after {count} of {total} bytes; try again")
    return digest.hexdigest()


def fetch_text(url: str) -> str:
    """What `url` gives, as text; raises ToolError when it cannot be had."""
    try:
        with _open(url) as response:
            text: bytes = response.read(_LARGEST_TEXT)
            return text.decode("utf-8", "replace")
    except (http.client.HTTPException, TimeoutError) as error:
        raise ToolError(f"{url}: did not come whole; try again") from error


def unpack(archive: Path, member: str, made: Path, name: str) -> None:
    """Write one file of a tar.gz to `made`; ToolError, with the archive's `name`, without it."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for entry in tar:
                if entry.name.removeprefix("./") == member and entry.isreg():
                    stream = tar.extractfile(entry)
                    if stream is not None:
                        with stream, made.open("wb") as out:
                            shutil.copyfileobj(stream, out)
                        return
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ToolError(f"{name}: is no whole tar.gz archive: {error}") from error
    raise ToolError(f"{name}: has no file {member}")


def _open(url: str) -> http.client.HTTPResponse:
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310 - as given
            url, timeout=_SECONDS
        )
        return response
    except urllib.error.HTTPError as error:
        error.close()
        raise ToolError(
            f"{url}: {error.code} {error.reason}; is the mirror's URL right (--mirror)?"
        ) from error
    except (urllib.error.URLError, TimeoutError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else "no answer"
        raise ToolError(
            f"{url}: {reason}; without a network use --packaged or --file, or name a mirror that "
            "can be reached with --mirror"
        ) from error
    except ValueError as error:
        raise ToolError(f"{url}: {error}; write the mirror as https://HOST") from error
