"""A cluster for all tests here, and one release in it; `make e2e` runs them, as root."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.cluster import lifecycle
from tests.e2e.cluster.settings import ROOT, WORK, Cluster

from .kube import Kube
from .release import Release

RESULTS = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cluster")
    group.addoption("--keep-cluster", action="store_true", help="do not end it after the tests")
    group.addoption(
        "--lost",
        type=Path,
        default=ROOT / ".cluster-results",
        help="where the table and plots of what was lost go",
    )
    group.addoption("--quorum-seconds", type=float, default=30, help="how long etcd has no quorum")


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster of three workers, fresh unless one is up."""
    found = lifecycle.existing(WORK)
    lifecycle.up(found)
    yield found
    if not request.config.getoption("--keep-cluster"):
        lifecycle.down(found)


@pytest.fixture(scope="session")
def kube(cluster: Cluster) -> Kube:
    """The administrator, in the namespace of the release."""
    found = Kube(cluster.kubeconfig, "hub")
    found.kubectl("label", "node", "--all", "--overwrite", "hub.jupyter.org/node-purpose=core")
    return found


@pytest.fixture(scope="session")
def release(kube: Kube) -> Release:
    """values-examples/production.yaml, installed, with what the cluster needs beside it."""
    found = Release(kube, "main")
    found.prepare()
    found.upgrade()
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for text in terminalreporter.config.stash.get(RESULTS, []):
        terminalreporter.write(text)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RESULTS] = []
    os.umask(0o022)
