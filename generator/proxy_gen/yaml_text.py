"""YAML as Helm reads it, and YAML as people like to read it.

Helm reads YAML with Go's yaml.v2 and turns it into JSON. PyYAML differs in small ways that change
values, so the loader here resolves scalars as yaml.v2 does: ``y`` and ``n`` are booleans, a date is
a text, ``1:30`` is a text, ``1e3`` is a number, and every key is a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

try:
    from yaml import CSafeDumper as _Dumper
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without libyaml: the same results, slower
    from yaml import SafeDumper as _Dumper  # type: ignore[assignment]
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

_BOOL = "tag:yaml.org,2002:bool"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_VALUE = "tag:yaml.org,2002:value"
_MAP = "tag:yaml.org,2002:map"
_STR = "tag:yaml.org,2002:str"

_OWN_RESOLVERS = (
    (_BOOL, r"y|Y|n|N|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF"),
    (_INT, r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|0|[1-9][0-9_]*)"),
    (
        _FLOAT,
        r"[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    ),
)


class HelmLoader(_Loader):
    """Loads YAML as Helm does; every key of a mapping becomes a text."""

    def construct_helm_mapping(self, node: yaml.MappingNode) -> Iterator[dict[str, Any]]:
        """Fill the mapping in two steps, as PyYAML wants it for aliases."""
        mapping: dict[str, Any] = {}
        yield mapping
        self.flatten_mapping(node)
        for key_node, value_node in node.value:
            key = key_text(self.construct_object(key_node, deep=True))
            mapping[key] = self.construct_object(value_node, deep=True)

    def construct_helm_int(self, node: yaml.ScalarNode) -> int:
        """Read an integer; ``0o17`` and ``017`` are octal."""
        text = str(node.value).replace("_", "")
        sign = -1 if text.startswith("-") else 1
        digits = text.lstrip("+-")
        if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            return sign * int(digits, 8)
        return sign * int(digits, 0)

    def construct_helm_bool(self, node: yaml.ScalarNode) -> bool:
        """Read a boolean; ``y`` and ``n`` are ones in YAML 1.1."""
        return str(node.value).lower() in ("y", "yes", "true", "on")


HelmLoader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] not in (_BOOL, _INT, _FLOAT, _TIMESTAMP, _VALUE)]
    for first, pairs in _Loader.yaml_implicit_resolvers.items()
}
for _tag, _pattern in _OWN_RESOLVERS:
    _first = "yYnNtTfFoO" if _tag == _BOOL else "-+.0123456789"
    HelmLoader.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), list(_first))
HelmLoader.add_constructor(_MAP, HelmLoader.construct_helm_mapping)
HelmLoader.add_constructor(_INT, HelmLoader.construct_helm_int)
HelmLoader.add_constructor(_BOOL, HelmLoader.construct_helm_bool)


def key_text(key: object) -> str:
    """Return the text that a mapping's key has in JSON."""
    if isinstance(key, bool):
        return "true" if key else "false"
    if key is None:
        return "null"
    if isinstance(key, float) and key.is_integer():
        return str(int(key))
    return str(key)


def node_key(node: yaml.Node) -> str:
    """Return the text that a key's node stands for: ``on`` is ``true``."""
    if node.tag == _BOOL:
        return "true" if str(node.value).lower() in ("y", "yes", "true", "on") else "false"
    return str(node.value)


def load(text: str) -> Any:
    """Load one document; raises yaml.YAMLError."""
    return yaml.load(text, Loader=HelmLoader)  # noqa: S506 - derives from the safe loader


def load_all(text: str) -> list[Any]:
    """Load every document that is not empty; raises yaml.YAMLError."""
    documents = yaml.load_all(text, Loader=HelmLoader)
    return [document for document in documents if document is not None]


def compose(
    text: str, look: Callable[[yaml.Node], None] = lambda _: None
) -> tuple[Any, yaml.Node | None]:
    """Load one document and return it with its nodes, which know their lines.

    ``look`` sees the nodes as they were written, before ``<<`` is resolved in them.
    """
    loader = HelmLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, None
        look(node)
        return loader.construct_document(node), node
    finally:
        loader.dispose()


class _BlockDumper(_Dumper):
    """Writes lists indented under their key, long texts as literal blocks, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_str(dumper: _BlockDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar(_STR, text, style=style)


_BlockDumper.add_representer(str, _represent_str)
# What Helm would take for something else than a text has to be quoted, too.
for _tag, _pattern in _OWN_RESOLVERS:
    _BlockDumper.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), None)


def dump(data: Any, *, sort_keys: bool = False) -> str:
    """Write ``data`` as block YAML; a text of several lines becomes a literal block."""
    return str(
        yaml.dump(
            data,
            Dumper=_BlockDumper,
            sort_keys=sort_keys,
            allow_unicode=True,
            default_flow_style=False,
            width=100,
        )
    )
