"""Wheels of real kernels, once for all tests."""

from __future__ import annotations

import pytest
from tests.support.kernels import wheels


@pytest.fixture(scope="session")
def pips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables with which pip takes kernels from a folder."""
    return wheels(tmp_path_factory.mktemp("wheels"))
