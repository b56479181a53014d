"""The pytest plugin: options, the systems under test, their deviations, the table of features."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from jupyterhub_ha_conformance.system import System

# This module is loaded in every run of pytest where the package is installed: it imports the rest
# only when the suite is asked for.
FIXTURE = "system_class"
pytest.register_assert_rewrite(
    *(f"jupyterhub_ha_conformance.{name}" for name in ("browse", "fixtures", "paths"))
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what the command line of the suite takes."""
    group = parser.getgroup("jupyterhub-proxy", "conformance of a JupyterHub proxy")
    group.addoption(
        "--proxy-system",
        action="append",
        default=[],
        metavar="MODULE:CLASS",
        help="the proxy to test, a jupyterhub_ha_conformance.System; may be repeated",
    )
    group.addoption(
        "--large-body",
        type=int,
        default=128,
        metavar="MIB",
        help="size of the large bodies that are sent up and down (default: 128)",
    )
    group.addoption(
        "--feature-table", action="store_true", help="print the table of proxies by features"
    )
    group.addoption(
        "--feature-page",
        type=Path,
        metavar="FILE",
        help="write the declared features and deviations as Markdown; goes with --collect-only",
    )


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let a conftest.py name the systems."""
    from jupyterhub_ha_conformance import hooks

    pluginmanager.add_hookspecs(hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Know the suite's marks, and collect the outcomes where the table is printed."""
    config.addinivalue_line("markers", "needs(attribute): skipped where the System lacks it")
    config.addinivalue_line(
        "markers", "timeout(seconds): for pytest-timeout, where it is installed"
    )
    if config.getoption("--feature-table") and not hasattr(config, "workerinput"):
        from jupyterhub_ha_conformance.features import Outcomes

        config.pluginmanager.register(Outcomes(config), "jupyterhub-proxy-outcomes")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of the suite on every system."""
    if FIXTURE not in metafunc.fixturenames:
        return
    from jupyterhub_ha_conformance.system import name_of

    systems = [_load(name) for name in metafunc.config.getoption("--proxy-system")]
    systems = systems or metafunc.definition.ihook.pytest_proxy_systems(config=metafunc.config)
    if not systems:
        raise pytest.UsageError(
            "no proxy to test: name one with --proxy-system MODULE:CLASS "
            "(jupyterhub_ha_conformance.System says what the class needs)"
        )
    metafunc.parametrize(FIXTURE, systems, ids=[name_of(each) for each in systems])


def _load(text: str) -> type[System]:
    module, _, name = text.partition(":")
    try:
        found: type[System] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise pytest.UsageError(
            f"--proxy-system {text}: {error}; it must be MODULE:CLASS, the module on PYTHONPATH"
        ) from error
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark what a system is known to fail, and note each test's feature for the table."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec and FIXTURE in callspec.params:
            from jupyterhub_ha_conformance.features import mark

            mark(item, callspec.params[FIXTURE])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write the page of features if it is asked for."""
    file = session.config.getoption("--feature-page")
    if file and session.items:
        from jupyterhub_ha_conformance.features import page

        file.write_text(page(session.items))
