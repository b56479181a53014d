"""Shared notebooks from a bundle for one host, run as its units say: one shares, all may look."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urljoin

import pytest
import yaml
from tests.chart.test_tmpnb import LEAST
from tests.support.host import Host
from tests.support.share import share
from tests.support.tmpnb import VisitorSession, come
from tests.unit.jupyterhub_ha_share.test_render import code, markdown, notebook, shows

from jupyterhub_ha.values import merge

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("kind", ["traefik-file", "in-process"])
async def test_what_a_visitor_shares_is_seen_by_everybody(kind: str, tmp_path: Path) -> None:
    sharing = {"pool": {"size": 1, "concurrency": 1}, "share": {"enabled": True}}
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(merge(LEAST, {"tmpnb": sharing})))
    with Host(tmp_path, kind, values=file) as host:
        visitor = VisitorSession(host.url)
        await come(visitor)
        page = await visitor.follow(urljoin(host.url, "hub/share"))
        service = urljoin(host.url, "services/share/")
        assert page.request.url == service
        assert f'data-server="/user/{visitor.username}/"'.encode() in page.body
        answer = await share(
            visitor,
            service,
            notebook(markdown("# On one host"), code(shows(**{"text/plain": "42"}))),
        )
        assert answer.code == 201, answer.body
        made = json.loads(answer.body)
        assert made["url"].startswith(service)

        host.manager.restart("jupyterhub-share.service")
        host.manager.restart("jupyterhub-hub.service")
        stranger = VisitorSession(host.url)
        view = await stranger.fetch(made["url"])
        assert b"<h1>On one host</h1>" in view.body
        seen = await stranger.fetch(f"{made['url']}/page")
        assert b'<h1 id="On-one-host">' in seen.body
        assert b"42" in seen.body
        kept = host.prefix / "var/lib/jupyterhub-ha/shared"
        (kept_notebook,) = (kept / "notebooks").iterdir()
        assert kept_notebook.name == f"{made['identity']}.ipynb"
    assert host.pids() == []
