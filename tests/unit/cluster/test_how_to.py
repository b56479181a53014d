"""Every command of the documents that needs a cluster is run by a test there."""

from __future__ import annotations

from tests.e2e.kubernetes.how_to import PAGES
from tests.support.doc_blocks import CLUSTER, all_blocks


def test_all_pages_with_commands_for_a_cluster_are_read() -> None:
    pages = {block.page.stem for block in all_blocks() if block.elsewhere == CLUSTER}
    assert pages == set(PAGES)
