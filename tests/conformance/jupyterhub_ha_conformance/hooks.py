"""Hooks that the plugin adds to pytest."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from jupyterhub_ha_conformance.system import System


@pytest.hookspec(firstresult=True)
def pytest_proxy_systems(config: pytest.Config) -> Sequence[type[System]]:
    """The systems to test when the command line names none; for a conftest.py."""
    raise NotImplementedError
