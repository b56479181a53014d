"""The order in which workers take the files of the whole suite."""

from __future__ import annotations

from pathlib import Path

import pytest

# They start whole hubs and take minutes for a file. With --no-loadscope-reorder they are given out
# first, so that no worker ends alone with one of them.
_LONG = ("tmpnb", "e2e", "https", "benchmarks", "faults", "kernels", "conformance", "edge")
_TESTS = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of the long folders first; beside that the order stays."""
    items.sort(key=lambda item: _place(item.path))


def _place(file: Path) -> int:
    folder = file.relative_to(_TESTS).parts[0] if file.is_relative_to(_TESTS) else ""
    return _LONG.index(folder) if folder in _LONG else len(_LONG)
