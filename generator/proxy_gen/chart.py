"""Where the chart is: carried by the installed package, or beside it in a clone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .errors import UsageError

NAME = "jupyterhub-ha"

_PACKAGE = Path(__file__).resolve().parent


def find(package: Path = _PACKAGE) -> Path:
    """Return the chart's folder: ``$PROXY_GEN_CHART``, the installed copy, else the clone's.

    Raises UsageError when none of them is the chart.
    """
    chosen = os.environ.get("PROXY_GEN_CHART")
    if chosen:
        if not _is_chart(Path(chosen)):
            raise UsageError(f"$PROXY_GEN_CHART: {chosen} is not the folder of the {NAME} chart")
        return Path(chosen)
    root = clone_root(package)
    for folder in (package / "chart", *([root / "chart"] if root else [])):
        if _is_chart(folder):
            return folder
    raise UsageError(
        f"the chart was not found in {package / 'chart'}; "
        "install the package anew, or name the chart's folder in $PROXY_GEN_CHART"
    )


def clone_root(package: Path = _PACKAGE) -> Path | None:
    """Return the root of the clone that ``package`` runs from, or None when it is installed.

    A clone is known by its layout: the package is ``generator/proxy_gen`` and the chart beside it.
    """
    if package.name != "proxy_gen" or package.parent.name != "generator":
        return None
    root = package.parent.parent
    return root if _is_chart(root / "chart") else None


def schema_text(folder: Path) -> str:
    """Return the text of the chart's JSON schema; raises UsageError when it cannot be read."""
    file = folder / "values.schema.json"
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error


def schema(folder: Path) -> dict[str, Any]:
    """Return the chart's JSON schema; raises UsageError when it cannot be read."""
    data: dict[str, Any] = json.loads(schema_text(folder))
    return data


def defaults(folder: Path) -> dict[str, Any]:
    """Return the chart's default values; raises UsageError when they cannot be read."""
    from . import yaml_text

    file = folder / "values.yaml"
    try:
        data: dict[str, Any] = yaml_text.load(file.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    return data


def _is_chart(folder: Path) -> bool:
    try:
        text = (folder / "Chart.yaml").read_text(encoding="utf-8")
    except OSError:
        return False
    return f"name: {NAME}" in text.splitlines()
