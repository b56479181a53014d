"""Puts pinned programs into a folder: fetched or copied, verified, and only then put in place.

Where a program came from and its hash are in the folder's `.proxy-gen-install.json`, so that a
second call does nothing, and a program of somebody else's is never replaced.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import shutil
import subprocess
import tempfile
import tomllib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from .download import Progress, fetch, fetch_text, unpack
from .errors import OutputError, ToolError, UsageError
from .files import write_atomically

RECORD = ".proxy-gen-install.json"
MIRROR = "https://github.com"
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Program:
    """A program of one version, and where its release lies below a mirror's URL."""

    name: str
    version: str
    archive: str
    checksums: str
    member: str
    ask: tuple[str, ...]
    package: str = ""

    @classmethod
    def named(cls, name: str, machine: str = "") -> Program:
        """The pinned program; ToolError for a machine that no release is made for."""
        entry = _pinned()[name]
        arch = _ARCHITECTURES.get((machine or platform.machine()).lower(), "")
        if not arch:
            raise ToolError(
                f"{name}: no release for {machine or platform.machine()}; build it yourself and "
                f"give --file {name}=PATH"
            )
        version = str(entry["version"])
        paths = {
            key: str(entry[key]).format(version=version, arch=arch)
            for key in ("archive", "checksums", "member")
        }
        return cls(
            name, version, **paths, ask=tuple(entry["ask"]), package=entry.get("package", "")
        )


@dataclass(frozen=True)
class Source:
    """Where programs are taken from: a mirror, files, or the installed Python packages."""

    mirror: str = MIRROR
    files: Mapping[str, Path] = field(default_factory=dict)
    packaged: bool = False
    sha256: Mapping[str, str] = field(default_factory=dict)
    """Hashes that the caller knows, by program: of the archive, or of the file."""


@dataclass(frozen=True)
class Installed:
    """What became of one program: `new`, `changed` or `same`; and what vouches for its content."""

    name: str
    version: str
    state: str
    verified: str


def names() -> list[str]:
    """The programs that can be installed."""
    return list(_pinned())


def install(
    program: Program, folder: Path, source: Source, *, force: bool = False, tell: Progress
) -> Installed:
    """Put one program into `folder`, whole and verified, or change nothing.

    Raises ToolError when it cannot be fetched or is not what it should be, OutputError when the
    folder has a program of this name that was not put there by this, unless `force`.
    """
    record = _read_record(folder)
    target = folder / program.name
    known = record.get(program.name, {})
    there = _digest(target) if target.is_file() else ""
    if there and not force and there != known.get("sha256"):
        raise OutputError(
            f"{target}: was not put there by `proxy-gen install`, or was changed since; "
            "choose another folder with --into, or replace it with --force"
        )
    if there and there == known.get("sha256") and known.get("version") == program.version:
        return Installed(program.name, program.version, "same", str(known.get("verified", "")))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Beside its place, since a rename in one file system is one step.
        with tempfile.TemporaryDirectory(prefix=f".{program.name}.", dir=folder) as work:
            made, verified = _obtain(program, source, Path(work), tell)
            made.chmod(0o755)
            _ask_version(program, made)
            entry = {"version": program.version, "sha256": _digest(made), "verified": verified}
            # Recorded first: what a crash leaves is then known as ours.
            _write_record(folder, {**record, program.name: entry})
            made.replace(target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror}") from error
    return Installed(program.name, program.version, "changed" if there else "new", verified)


def _obtain(program: Program, source: Source, work: Path, tell: Progress) -> tuple[Path, str]:
    """The program as a file in `work`, and by whose word it is the right one."""
    made = work / program.name
    if file := source.files.get(program.name):
        _copy(file, made)
        return made, _check_given(program, source, _digest(made), str(file))
    if source.packaged:
        return made, _from_package(program, made)
    return made, _from_release(program, source, work, made, tell)


def _from_release(program: Program, source: Source, work: Path, made: Path, tell: Progress) -> str:
    mirror = source.mirror.rstrip("/")
    url = f"{mirror}/{program.archive}"
    expected = source.sha256.get(program.name)
    verified = "SHA-256 given with --sha256"
    if not expected:
        expected = _published(program, mirror)
        verified = f"SHA-256 in {mirror}/{program.checksums}"
    archive = work / "archive"
    found = fetch(url, archive, tell)
    if found != expected.lower():
        raise ToolError(
            f"{url}: SHA-256 is {found}, not {expected.lower()} ({verified}); it was changed on "
            "the way, or the mirror has another file: nothing was installed"
        )
    unpack(archive, program.member, made, url)
    return verified


def _published(program: Program, mirror: str) -> str:
    """The hash in the release's own list, which must come by https to be worth anything."""
    url = f"{mirror}/{program.checksums}"
    if not url.startswith("https://"):
        raise UsageError(
            f"--mirror {mirror}: whoever can change a download can change its checksum, too; use "
            f"https, or give the archive's hash with --sha256 {program.name}=HEX"
        )
    wanted = program.archive.rpartition("/")[2]
    for line in fetch_text(url).splitlines():
        words = line.split()
        if len(words) == 2 and words[1].removeprefix("*").removeprefix("./") == wanted:
            return words[0]
    raise ToolError(f"{url}: has no line for {wanted}; give --sha256 {program.name}=HEX")


def _from_package(program: Program, made: Path) -> str:
    """The program in an installed Python package, whose own list of files has its hash."""
    if not program.package:
        raise UsageError(
            f"--packaged: no Python package has {program.name}; give --file {program.name}=PATH"
        )
    try:
        package = importlib.metadata.distribution(program.package)
    except importlib.metadata.PackageNotFoundError:
        cure = f"pip install {program.package}=={program.version}"
        raise ToolError(f"{program.package} is not installed beside proxy-gen; {cure}") from None
    for file in package.files or []:
        if file.name == program.name and file.hash and file.hash.mode == "sha256":
            _copy(Path(str(file.locate())), made)
            digest = urlsafe_b64encode(bytes.fromhex(_digest(made))).rstrip(b"=").decode()
            if digest != file.hash.value:
                raise ToolError(
                    f"{file.locate()}: is not what {program.package} {package.version} installed; "
                    f"pip install --force-reinstall {program.package}=={program.version}"
                )
            return f"list of files of the package {program.package} {package.version}"
    raise ToolError(f"{program.package} {package.version} has no file {program.name}")


def _check_given(program: Program, source: Source, found: str, name: str) -> str:
    expected = source.sha256.get(program.name, "").lower()
    if not expected:
        return f"the file that was given, {name}"
    if found != expected:
        raise ToolError(f"{name}: SHA-256 is {found}, not {expected}: nothing was installed")
    return "SHA-256 given with --sha256"


def _copy(file: Path, made: Path) -> None:
    try:
        shutil.copyfile(file, made)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error


def _ask_version(program: Program, file: Path) -> None:
    try:
        done = subprocess.run(
            [str(file), *program.ask], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{program.name}: it does not run here: {error}") from error
    if done.returncode or program.version not in done.stdout.split():
        said = (done.stdout + done.stderr).strip().splitlines()[:1]
        raise ToolError(
            f"{program.name}: version {program.version} is wanted, and it says {said}: "
            "nothing was installed"
        )


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pinned() -> dict[str, dict[str, Any]]:
    text = files(__package__).joinpath("data/programs.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _read_record(folder: Path) -> dict[str, dict[str, str]]:
    try:
        found: dict[str, dict[str, str]] = json.loads((folder / RECORD).read_text())
        return found
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise OutputError(f"{folder / RECORD}: cannot be read ({error}); remove it") from error


def _write_record(folder: Path, record: Mapping[str, Mapping[str, str]]) -> None:
    write_atomically(folder / RECORD, json.dumps(record, indent=1, sort_keys=True) + "\n")
