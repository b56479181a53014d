"""The values that docs/how-to/kernels.md shows are values that the chart takes."""

import re

import pytest
import yaml
from tests.support.chart import render
from tests.support.processes import ROOT

PAGE = (ROOT / "docs/how-to/kernels.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_of_values_renders(block):
    assert render(yaml.safe_load(block)).has("Deployment", "hub")


def test_there_are_blocks():
    assert len(BLOCKS) == 3
