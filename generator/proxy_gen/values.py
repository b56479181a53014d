"""Values files: read with the place of every line, merged as Helm merges them.

Merging (https://helm.sh/docs/chart_template_guide/values_files/): a later file wins; mappings are
merged key by key; lists and everything else are replaced; null stays in the result, where Helm
takes it as "delete the chart's default". This is the only merge in the generator.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from . import yaml_nodes, yaml_text
from .errors import Problem, ProblemsError, UsageError

STDIN = "-"

Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """One values file or option: its name, its data, and its nodes where it has lines."""

    name: str
    data: dict[str, Any]
    node: yaml.Node | None = None


@dataclass(frozen=True)
class Overrides:
    """What stands on the command line beside the files, in Helm's order of precedence."""

    set_json: Sequence[str] = ()
    set: Sequence[str] = ()
    set_string: Sequence[str] = ()
    set_file: Sequence[str] = ()


@dataclass(frozen=True)
class Values:
    """The merged values and where each of them came from."""

    data: dict[str, Any]
    sources: tuple[Source, ...] = field(default=())

    def place(self, path: Sequence[str | int]) -> tuple[str, int]:
        """Return file and line (from 1) that say what stands at ``path``.

        Where a key is absent, that is the line of the nearest mapping above it; the line is 0 for
        what an option set.
        """
        best: tuple[str, int] = (self.sources[-1].name if self.sources else "", 0)
        depth = 0
        for source in self.sources:
            found, line = _locate(source, path)
            if found and found >= depth:
                best, depth = (source.name, line), found
        return best

    def to_json(self) -> str:
        """Return the values as JSON, which Helm reads as YAML; numbers are written as Go does."""
        return json.dumps(_go_numbers(self.data), ensure_ascii=False, allow_nan=False)


def read(
    files: Iterable[str | Path],
    overrides: Overrides | None = None,
    *,
    secrets: str | Path | None = None,
) -> Values:
    """Read and merge values files, then the secrets file, then the options.

    ``-`` is the standard input. Raises ProblemsError with everything that is wrong in all files
    (bad YAML, keys given twice, no mapping), and UsageError for a bad option or a missing file.
    """
    names = [*files, *([secrets] if secrets else [])]
    sources: list[Source] = []
    problems: list[Problem] = []
    for name in names:
        try:
            sources.append(parse(_text(name), "<stdin>" if str(name) == STDIN else str(name)))
        except ProblemsError as error:
            problems.extend(error.problems)
    if problems:
        raise ProblemsError(problems)
    data: dict[str, Any] = {}
    for source in sources:
        data = merge(data, source.data)
    return apply(Values(data, tuple(sources)), overrides or Overrides())


def parse(text: str, name: str) -> Source:
    """Parse the text of one values file; raises ProblemsError with all that is wrong."""

    def look(node: yaml.Node) -> None:
        problems = yaml_nodes.problems(node, name)
        if problems:  # before anything is made of them
            raise ProblemsError(problems)

    try:
        data, node = yaml_text.compose(text, look=look)
    except (yaml.YAMLError, ValueError) as error:
        raise ProblemsError([_yaml_problem(error, name, text)]) from error
    except RecursionError as error:
        what, cure = "nested too deeply", "no value is below so many levels"
        raise ProblemsError([Problem(name, 1, "", what, cure)]) from error
    if data is None:
        return Source(name, {})
    if not isinstance(data, dict) or node is None:
        what = f"the file holds {_kind(data)}, not a mapping"
        raise ProblemsError([Problem(name, 1, "", what, "write `key: value` lines")])
    return Source(name, data, node)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``over`` merged into it as Helm merges; neither is changed."""
    merged = dict(base)
    for key, value in over.items():
        former = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(former, Mapping)
        merged[key] = merge(former, value) if both else value  # type: ignore[arg-type]
    return merged


def coalesce(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` over the chart's ``defaults``, as the templates see them.

    A null takes the default away. A text or list over a mapping stays, as in Helm, which warns.
    """
    result: dict[str, Any] = {}
    for key in [*defaults, *(k for k in values if k not in defaults)]:
        if key not in values:
            result[key] = defaults[key]
        elif values[key] is None:
            if key not in defaults:
                result[key] = None
        elif isinstance(values[key], Mapping) and isinstance(defaults.get(key), Mapping):
            result[key] = coalesce(values[key], defaults[key])
        else:
            result[key] = values[key]
    return result


def apply(values: Values, overrides: Overrides) -> Values:
    """Return ``values`` with the options applied in Helm's order; raises UsageError."""
    if overrides == Overrides():
        return values
    import copy  # only here: most calls have no options

    from . import set_syntax

    data = copy.deepcopy(values.data)
    sources = list(values.sources)
    steps = (
        ("--set-json", overrides.set_json, set_syntax.apply_set_json),
        ("--set", overrides.set, set_syntax.apply_set),
        ("--set-string", overrides.set_string, set_syntax.apply_set_string),
        ("--set-file", overrides.set_file, set_syntax.apply_set_file),
    )
    for option, texts, step in steps:
        for text in texts:
            step(text, data)
            alone: dict[str, Any] = {}
            try:
                step(text, alone)
            except UsageError:  # it only makes sense on top of the files
                continue
            sources.append(Source(option, alone))
    return Values(data, tuple(sources))


def get(tree: Any, path: Sequence[str | int], default: Any = None) -> Any:
    """Return what stands at ``path`` in ``tree``, or ``default``."""
    node = tree
    for key in path:
        in_mapping = isinstance(node, Mapping) and isinstance(key, str) and key in node
        in_list = isinstance(node, list) and isinstance(key, int) and 0 <= key < len(node)
        if not (in_mapping or in_list):
            return default
        node = node[key]
    return node


def path_text(path: Sequence[str | int]) -> str:
    """Write a path as people do: ``proxy.traefik.extraPorts[0].name``."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            quoted = f'"{key}"' if "." in key or not key else key
            text += f".{quoted}" if text else quoted
    return text


def path_keys(text: str) -> tuple[str | int, ...]:
    """Read what ``path_text`` writes."""
    import re

    keys: list[str | int] = []
    for quoted, index, plain in re.findall(r'"([^"]*)"|\[(\d+)\]|([^.\[\]"]+)', text):
        keys.append(int(index) if index else quoted or plain)
    return tuple(keys)


def _text(name: str | Path) -> str:
    try:
        if str(name) == STDIN:
            return sys.stdin.read()
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 text (byte {error.start})") from error


def _kind(data: object) -> str:
    names = {list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(data), "something else")


def _yaml_problem(error: Exception, name: str, text: str) -> Problem:
    lines = text.splitlines()
    if isinstance(error, yaml.reader.ReaderError):
        number = text.count("\n", 0, int(error.position)) + 1
        what = f"not YAML: the control character {error.character!r}"
        return Problem(name, number, "", what, "remove it; it is often pasted by accident")
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(name, 0, "", f"not YAML: {error}", "check the file's numbers and dates")
    mark = error.problem_mark or error.context_mark
    what = " ".join(part for part in (error.context, error.problem) if part)
    cure = "check indentation, colons and quotes here"
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        cure = "indent with spaces, not tabs"
    elif "expected a single document" in what:
        cure = "keep one document per file; give several files instead of ---"
    elif "undefined alias" in what:
        cure = "an anchor (&name) must stand before its alias (*name), in the same file"
    elif "could not determine a constructor" in what:
        cure = "remove the tag (the word with !), or put the text in quotes"
    number = min(mark.line + 1, len(lines)) if mark else 0  # the end is no line
    return Problem(name, number, "", f"not YAML: {what}", cure)


def _locate(source: Source, path: Sequence[str | int]) -> tuple[int, int]:
    """Return how many keys of ``path`` the source has, and the line of the last of them."""
    if source.node is None:
        return _depth(source.data, path), 0
    return yaml_nodes.locate(source.node, path)


def _depth(data: Any, path: Sequence[str | int]) -> int:
    absent = object()
    for length in range(len(path), 0, -1):
        if get(data, path[:length], absent) is not absent:
            return length
    return 0


def _go_numbers(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _go_numbers(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_go_numbers(value) for value in data]
    if isinstance(data, float) and data.is_integer() and abs(data) < 2**53:
        return int(data)
    return data
