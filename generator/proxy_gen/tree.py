"""A folder of rendered files: new ones are written, stale ones removed, foreign ones never touched.

The folder's ``.proxy-gen.json`` lists what was written, with a hash of each file. A file that is
not listed is somebody else's; one whose hash differs was edited since.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .errors import OutputError
from .files import write_atomically

RECORD = ".proxy-gen.json"
_PUBLIC = 0o644
_PRIVATE = 0o600


@dataclass(frozen=True)
class File:
    """The content of one file; a private one is readable by its owner only."""

    text: str
    private: bool = False


@dataclass(frozen=True)
class Written:
    """What became of one file: ``new``, ``changed``, ``same``, ``removed`` or ``edited, kept``."""

    path: str
    state: str


def write(
    folder: Path, files: Mapping[str, File], command: str, *, force: bool = False
) -> list[Written]:
    """Make ``folder`` hold ``files`` (by relative path); return what became of each, by path.

    ``command`` is what writes, such as ``proxy-gen edge``. Raises OutputError, before anything is
    changed, where another command wrote the folder, whose files would all be stale; where a foreign
    file is in the way; and where a file was edited since it was written, unless ``force`` is given.
    """
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise OutputError(f"{place}: is a file, not a folder; choose another with -o")
    writer, former = _read_record(folder)
    if writer not in ("", command):
        raise OutputError(
            f"{folder}: was written by `{writer}`, whose files would be removed; choose another "
            "folder with -o"
        )
    _refuse_foreign(folder, files, former, command)
    if not force:
        _refuse_edited(folder, files, former, command)
    digests = {path: _digest(file.text.encode()) for path, file in files.items()}
    result = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror}") from error
    if digests != {path: hashes[0] for path, hashes in former.items() if len(hashes) == 1}:
        # Recorded first: after a crash half-way, what was written is still known as ours.
        pending = {path: [digest, *former.get(path, [])] for path, digest in digests.items()}
        _write_record(folder, {**former, **pending}, command)
    for path in sorted(files):
        result.append(Written(path, _write_file(folder / path, files[path])))
    for path in sorted(set(former) - set(files)):
        result.append(Written(path, _remove(folder, path, former[path])))
    _write_record(folder, {path: [digest] for path, digest in digests.items()}, command)
    return result


def read(folder: Path) -> dict[str, str]:
    """Return the text of every file that a render wrote into ``folder``, by relative path.

    Raises OutputError when the folder was not written by a render.
    """
    if not (folder / RECORD).exists():
        raise OutputError(f"{folder}: no {RECORD} in it, so `proxy-gen render` did not write it")
    texts = {}
    for path in sorted(_read_record(folder)[1]):
        with contextlib.suppress(FileNotFoundError):
            texts[path] = (folder / path).read_text(encoding="utf-8")
    return texts


def _read_record(folder: Path) -> tuple[str, dict[str, list[str]]]:
    """Which command wrote the folder, and which files; nothing if none did."""
    file = folder / RECORD
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        files = document["files"]
        record = {str(path): [str(digest) for digest in found] for path, found in files.items()}
        for path in record:  # the folder may come from elsewhere: nothing outside it is ours
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
                raise ValueError(f"{path!r} is not inside")
        return str(document.get("command", "")), record
    except FileNotFoundError:
        return "", {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(
            f"{file}: cannot be read ({error}); remove the folder, or choose another with -o"
        ) from error


def _write_record(folder: Path, files: Mapping[str, list[str]], command: str) -> None:
    about = "What the command wrote: its files and their SHA-256."
    document = {"about": about, "command": command, "files": files}
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    if _text(folder / RECORD) != text.encode():
        write_atomically(folder / RECORD, text)


def _refuse_foreign(
    folder: Path, files: Mapping[str, File], former: Mapping[str, list[str]], command: str
) -> None:
    in_the_way = [
        path
        for path in sorted(files)
        if path not in former and ((folder / path).exists() or (folder / path).is_symlink())
    ]
    for path in files:
        for parent in (folder / path).parents:
            if parent == folder:
                break
            if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
                in_the_way.append(str(parent.relative_to(folder)))
    if in_the_way:
        names = ", ".join(dict.fromkeys(in_the_way))
        raise OutputError(
            f"{folder}: not written by `{command}`, and in the way: {names}; "
            "move them away, or choose another folder with -o"
        )


def _refuse_edited(
    folder: Path, files: Mapping[str, File], former: Mapping[str, list[str]], command: str
) -> None:
    edited = []
    for path, digests in former.items():
        content = _text(folder / path)
        wanted = files.get(path)
        if content is None or wanted is None or wanted.text.encode() == content:
            continue
        if _digest(content) not in digests:
            edited.append(path)
    if edited:
        raise OutputError(
            f"{folder}: edited since they were written: {', '.join(sorted(edited))}; "
            f"put the change into the values, then `{command}` with --force"
        )


def _write_file(file: Path, content: File) -> str:
    mode = _PRIVATE if content.private else _PUBLIC
    former = _text(file)
    if former == content.text.encode() and file.stat().st_mode & 0o777 == mode:
        return "same"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{file.parent}: cannot be made: {error.strerror}") from error
    write_atomically(file, content.text, mode=mode, durable=False)
    return "new" if former is None else "changed"


def _remove(folder: Path, path: str, digests: list[str]) -> str:
    file = folder / path
    content = _text(file)
    if content is not None and _digest(content) not in digests:
        return "edited, kept"
    with contextlib.suppress(FileNotFoundError):
        file.unlink()
    for parent in file.parents:
        if parent == folder:
            break
        try:
            parent.rmdir()  # only when it is empty
        except OSError:
            break
    return "removed"


def _text(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(f"{file}: cannot be read: {error.strerror}") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
