"""Each fault in its short form; `python -m tests.faults` has the long one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.faults.faults import FAULTS, Fault
from tests.faults.report import measure
from tests.faults.world import World

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with World(tmp_path_factory.mktemp("faults"), commit_timeout=10.0) as running:
        yield running


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_routes_keep_answering_and_the_table_ends_right(world: World, fault: Fault) -> None:
    result = await measure(world, fault, short=True)
    assert not result.problem, result
    assert result.requests > 0
