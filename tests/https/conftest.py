"""Replicas with TLS, in front of one server that answers everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.echo import EchoServer
from tests.support.https import HttpsSystem


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[HttpsSystem]:
    """One etcd member and two replicas."""
    async with EchoServer("server") as server:
        with HttpsSystem(tmp_path, server.url, replicas=2, members=1) as system:
            yield system
