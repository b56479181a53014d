"""What YAML allows and values cannot be, found in the nodes before they become data. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import yaml

from .errors import Problem
from .yaml_text import node_key

# An alias costs a few bytes, but stands for all that it names: nobody's values are this large.
_MAX_NODES = 1_000_000

Keys = tuple[str | int, ...]


def problems(node: yaml.Node, file: str) -> list[Problem]:
    """Return keys given twice, keys that are no texts, numbers that are none, endless aliases."""
    walker = _Walker(file)
    found = list(walker.walk(node, ()))
    if not found and walker.sizes[id(node)] > _MAX_NODES:
        what = f"its aliases make it larger than {_MAX_NODES} entries"
        found.append(Problem(file, 1, "", what, "write out what is really needed"))
    return found


def locate(node: yaml.Node, path: Sequence[str | int]) -> tuple[int, int]:
    """Return how many keys of ``path`` are there, and the line (from 1) of the last of them."""
    line, found = 0, 0
    for key in path:
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                if node_key(key_node) == str(key):
                    child, line = value_node, key_node.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            child = node.value[key]
            line = child.start_mark.line + 1
        if child is None:
            break
        node, found = child, found + 1
    return found, line


@dataclass
class _Walker:
    """Walks each node once, however many aliases lead to it."""

    file: str
    sizes: dict[int, int] = field(default_factory=dict)
    above: set[int] = field(default_factory=set)

    def walk(self, node: yaml.Node, path: Keys) -> Iterator[Problem]:
        if id(node) in self.above:
            yield self._problem(node, path, "an alias that holds itself", "write out what it is")
        if id(node) in self.above or id(node) in self.sizes:
            return
        self.above.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                yield from self.walk(item, (*path, index))
            self._measure(node, node.value)
        elif isinstance(node, yaml.MappingNode):
            yield from self._mapping(node, path)
            self._measure(node, [value for _, value in node.value])
        else:
            yield from self._scalar(node, path)
            self._measure(node, [])
        self.above.discard(id(node))

    def _measure(self, node: yaml.Node, children: Sequence[yaml.Node]) -> None:
        self.sizes[id(node)] = 1 + sum(self.sizes.get(id(child), 1) for child in children)

    def _mapping(self, node: yaml.MappingNode, path: Keys) -> Iterator[Problem]:
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                what = "a list or mapping is no key"
                yield self._problem(key_node, path, what, "write a text before the colon")
                continue
            key, line = node_key(key_node), key_node.start_mark.line + 1
            here = (*path, key)
            if key in first and key != "<<":
                cure = "keep one, or merge the two"
                if key != key_node.value:  # `on` and `y` are the same key: the boolean true
                    cure = f"{key_node.value} is a boolean in YAML; put the key in quotes"
                what = f"given twice; the first is in line {first[key]}"
                yield self._problem(key_node, here, what, cure)
            first.setdefault(key, line)
            yield from self.walk(value_node, here)

    def _scalar(self, node: yaml.Node, path: Keys) -> Iterator[Problem]:
        if str(node.tag).endswith(":float") and str(node.value).lstrip("+-.").lower() in (
            "inf",
            "nan",
        ):
            yield self._problem(node, path, f"{node.value} is no number in JSON", "give a number")

    def _problem(self, node: yaml.Node, path: Keys, what: str, cure: str) -> Problem:
        from .values import path_text

        return Problem(self.file, node.start_mark.line + 1, path_text(path), what, cure)
