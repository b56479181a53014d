"""Writes the lists of Traefik's option names that `proxy-gen lint` checks TOML files against.

    .venv/bin/python tools/traefik_options.py .venv/bin/traefik PATH-TO-TRAEFIK-SOURCE

The static options come from `traefik --help` of the binary, the real thing; the source (a checkout
of https://github.com/traefik/traefik of the same minor version) gives their spelling, and from its
structs come the dynamic options, which no command prints. A list has one path per line: `<name>`
stands for any key, `[]` for the items of a list, `**` for anything below.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "generator" / "proxy_gen" / "data"
HEAD = "# Traefik {version}; written by tools/traefik_options.py\n"

_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_OTHER = re.compile(r"^type (\w+) ((?!struct\b|interface\b)\S.*)$", re.MULTILINE)
_FIELD = re.compile(r"^\s+(?:(\w+)\s+)?([\w.*\[\]{}]+)\s+`([^`]*)`", re.MULTILINE)
_TOML = re.compile(r'\btoml:"([^",]*)')
_IMPORT = re.compile(r'^\s+(?:(\w+) )?"github\.com/traefik/traefik/v3/(pkg/[\w/]+)"', re.MULTILINE)


def version(binary: str) -> str:
    """The version that the binary says it is."""
    text = subprocess.run([binary, "version"], capture_output=True, text=True, check=True).stdout
    (found,) = re.findall(r"Version:\s+(\S+)", text)
    return str(found)


def static_names(binary: str) -> list[str]:
    """The paths of the flags in `traefik --help`, in lower case as it prints them."""
    text = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True).stdout
    flags = re.findall(r"^    --(\S+)", text, re.MULTILINE)
    # The path of the file itself is a flag only.
    return sorted({flag.replace("[n]", "[]") for flag in flags} - {"configfile"})


def spellings(source: Path) -> dict[str, str]:
    """How each name is written in the files: lower case to `camelCase`."""
    words: dict[str, str] = {}
    for file in sorted(source.glob("pkg/**/*.go")):
        if not file.name.endswith("_test.go"):
            for word in _TOML.findall(file.read_text(encoding="utf-8")):
                words.setdefault(word.lower(), word)
    return words


def spell(path: str, words: dict[str, str]) -> str:
    """The path with each of its names as the files write it."""
    return ".".join(
        words.get(part.removesuffix("[]"), part.removesuffix("[]")) + "[]" * part.endswith("[]")
        for part in path.split(".")
    )


class Source:
    """The structs of the source, found by package folder and name."""

    def __init__(self, root: Path) -> None:
        self.structs: dict[tuple[str, str], str] = {}
        self.others: dict[tuple[str, str], str] = {}
        self.imports: dict[str, dict[str, str]] = {}
        for file in sorted(root.glob("pkg/**/*.go")):
            if file.name.endswith("_test.go"):
                continue
            text = file.read_text(encoding="utf-8")
            package = str(file.parent.relative_to(root))
            for name, body in _STRUCT.findall(text):
                self.structs[package, name] = body
            for name, kind in _OTHER.findall(text):
                self.others[package, name] = kind
            known = self.imports.setdefault(package, {})
            for alias, folder in _IMPORT.findall(text):
                known[alias or folder.rpartition("/")[2]] = folder

    def paths(self, package: str, kind: str, path: str, depth: int = 0) -> Iterator[str]:
        """Every path below a value of this Go type; the value's own path is the first."""
        kind = kind.lstrip("*")
        if kind.startswith("map[string]"):
            inner = kind.removeprefix("map[string]")
            if inner in ("interface{}", "any"):
                yield path
                yield f"{path}.**"
                return
            yield path
            yield from self.paths(package, inner, f"{path}.<name>", depth)
            return
        if kind.startswith("[]"):
            if self._struct(package, kind[2:].lstrip("*")) is None:
                yield path
            else:
                yield from self.paths(package, kind[2:], f"{path}[]", depth)
            return
        found = self._struct(package, kind)
        if found is None:
            alias = self._other(package, kind)
            if alias:
                yield from self.paths(*alias, path, depth)
            else:
                yield path
            return
        yield path
        if depth < 12:
            yield from self._fields(*found, path, depth)

    def _fields(self, package: str, name: str, path: str, depth: int) -> Iterator[str]:
        for field, kind, tags in _FIELD.findall(self.structs[package, name]):
            toml = _TOML.search(tags)
            if not field or (toml is None and "inline" in tags):
                embedded = self._struct(package, kind.lstrip("*"))
                if embedded:
                    yield from self._fields(*embedded, path, depth + 1)
            elif toml and toml[1] not in ("", "-"):
                below = f"{path}.{toml[1]}" if path else toml[1]
                yield from self.paths(package, kind, below, depth + 1)

    def _locate(self, package: str, kind: str) -> tuple[str, str]:
        prefix, dot, name = kind.rpartition(".")
        return (self.imports[package].get(prefix, ""), name) if dot else (package, kind)

    def _struct(self, package: str, kind: str) -> tuple[str, str] | None:
        place = self._locate(package, kind)
        return place if place in self.structs else None

    def _other(self, package: str, kind: str) -> tuple[str, str] | None:
        place = self._locate(package, kind)
        if place not in self.others or self.others[place] == kind:
            return None
        return place[0], self.others[place].removeprefix("= ").split(" ")[0]


def main(binary: str, source: Path) -> None:
    """Write both lists."""
    words = spellings(source)
    head = HEAD.format(version=version(binary))
    static = [spell(name, words) for name in static_names(binary)]
    tree = Source(source)
    dynamic = sorted(set(tree.paths("pkg/config/dynamic", "Configuration", "")) - {""})
    for name, paths in (("traefik_static", static), ("traefik_dynamic", dynamic)):
        text = head + "".join(f"{path}\n" for path in sorted(paths))
        (DATA / f"{name}.txt").write_text(text, encoding="utf-8")
        print(f"{name}.txt: {len(paths)} paths")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]))
