"""Generate chart/values.schema.json and docs/reference/values.md from chart/values.yaml.

Usage: python tools/values/generate.py [--check]

cert-manager's helm-tool reads values.yaml; what it cannot say (types of what is null by default,
enumerations, patterns, free-form maps) is added from the "@" lines of the comments, see
comments.py. With --check nothing is written, and the exit code is 1 when a committed file is not
what would be generated.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import comments
import yaml

ROOT = Path(__file__).resolve().parents[2]
VALUES = ROOT / "chart/values.yaml"
SCHEMA = ROOT / "chart/values.schema.json"
REFERENCE = ROOT / "docs/reference/values.md"
HELM_TOOL = ROOT / ".tools/bin/helm-tool"

_PREFIX = "#/$defs/"


def main() -> int:
    """Write or compare both files; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    if not HELM_TOOL.is_file():
        print(f"{HELM_TOOL} is missing; run `make setup` first", file=sys.stderr)
        return 2
    try:
        schema = build_schema(json.loads(_helm_tool("schema")))
        reference = build_reference(_helm_tool("render", "-t", str(_template())), schema)
    except comments.AnnotationError as error:
        print(f"{VALUES.relative_to(ROOT)}: {error}", file=sys.stderr)
        return 2
    wanted = {SCHEMA: json.dumps(schema, indent=2) + "\n", REFERENCE: reference}
    stale = [file for file, text in wanted.items() if _read(file) != text]
    for file in stale:
        name = file.relative_to(ROOT)
        if check:
            print(f"{name} is not what chart/values.yaml says; run tools/values/generate.py")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(wanted[file], encoding="utf-8")
            print(f"wrote {name}")
    return 1 if check and stale else 0


def build_schema(raw: dict[str, Any]) -> dict[str, Any]:
    """Turn helm-tool's schema into one nested schema with all that the annotations say."""
    schema = _resolve(raw["$ref"], raw["$defs"])
    return {"$schema": raw["$schema"], "title": "Values of the chart jupyterhub-ha", **schema}


def build_reference(lines: str, schema: dict[str, Any]) -> str:
    """Return the reference page: a table of options for each section."""
    page = [
        "# Values of the chart",
        "",
        "Generated from `chart/values.yaml`. In your own values file you write only what differs;",
        "`null` takes a default away. `proxy-gen validate` checks a file against all of this.",
    ]
    table_open = False
    for line in lines.splitlines():
        if not line.strip():
            continue
        entry = json.loads(line)
        if "section" in entry:
            table_open = False
            if entry["section"]:
                page += ["", f"## {entry['section']}", "", entry["text"].replace("\n", " ")]
            continue
        if not table_open:
            page += ["", "| option | type | default | meaning |", "|---|---|---|---|"]
            table_open = True
        page.append(_row(entry, schema))
    return "\n".join(page) + "\n"


def _row(entry: dict[str, str], schema: dict[str, Any]) -> str:
    text, _ = comments.split(entry["text"])
    node = schema
    for key in entry["path"].split("."):
        node = node["properties"][key]
    default = json.dumps(yaml.safe_load(entry["default"] or "null"))
    cells = [f"`{entry['path']}`", _allowed(node), f"`{default}`", " ".join(text.split())]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _allowed(node: dict[str, Any]) -> str:
    """Say in words what a schema allows."""
    if "enum" in node:
        return ", ".join(f"`{json.dumps(one).strip(chr(34)) or '(empty)'}`" for one in node["enum"])
    kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    words = " or ".join(kinds)
    if "minimum" in node and "maximum" in node:
        return f"{words}, {node['minimum']} to {node['maximum']}"
    if "minimum" in node:
        return f"{words}, at least {node['minimum']}"
    return words


def _resolve(reference: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the definition that is referred to, with all its references replaced likewise."""
    name = reference.removeprefix(_PREFIX)
    path = name.removeprefix("helm-values").removeprefix(".")
    node = dict(definitions[name])
    text, notes = comments.split(node.pop("description", ""))
    properties = node.pop("properties", {})
    if text:
        node = {"description": text, **node}
    if properties:
        node["properties"] = {
            key: _resolve(value["$ref"], definitions) for key, value in properties.items()
        }
        # A null takes a default away before this is checked; templates cannot do without these.
        needed = [key for key, value in node["properties"].items() if _is_needed(value)]
        if needed and path.partition(".")[0] != "global":
            node["required"] = sorted(needed)
    if _is_whole(node.get("default")):
        node["type"] = "integer"
    if node.get("items") == {}:
        del node["items"]
    try:
        comments.apply(node, notes)
    except comments.AnnotationError as error:
        raise comments.AnnotationError(f"{path}: {error}") from None
    if "type" not in node:
        raise comments.AnnotationError(f"{path}: null by default, so it needs an @type")
    return node


def _is_needed(node: dict[str, Any]) -> bool:
    """Whether a value is a section or a scalar: empty lists and maps may be null as well."""
    return "properties" in node or node["type"] in ("string", "integer", "number", "boolean")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _template() -> Path:
    return Path(__file__).with_name("properties.tpl")


def _helm_tool(*arguments: str) -> str:
    command = [str(HELM_TOOL), *arguments, "--values", str(VALUES)]
    return subprocess.run(command, check=True, text=True, capture_output=True).stdout


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""


if __name__ == "__main__":
    sys.exit(main())
