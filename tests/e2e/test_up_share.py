"""Shared notebooks in a hub that `proxy-gen up` runs: one shares, all may look, also later."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from urllib.parse import urljoin

import pytest
import yaml
from tests.chart.test_tmpnb import LEAST
from tests.support.processes import VENV_BIN
from tests.support.share import share
from tests.support.tmpnb import VisitorSession, come
from tests.support.up import Up
from tests.unit.jupyterhub_ha_share.test_render import markdown, notebook

from jupyterhub_ha.values import merge

pytestmark = pytest.mark.timeout(400)

SHARING = {
    "tmpnb": {"pool": {"size": 1, "concurrency": 1}, "share": {"enabled": True}},
    "proxy": {"etcd": {"replicas": 1}, "traefik": {"replicas": 1}},
    "hub": {"baseUrl": "/jupyter/"},
}


async def test_what_a_visitor_shares_is_there_in_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(merge(LEAST, SHARING)))
    with Up(file, tmp_path / "state") as up:
        visitor = VisitorSession(up.url)
        await come(visitor)
        service = urljoin(up.url, "services/share/")
        await visitor.follow(urljoin(up.url, "hub/share"))
        answer = await share(visitor, service, notebook(markdown("# Tried")))
        assert answer.code == 201, answer.body
        identity = json.loads(answer.body)["identity"]
        # The service's token is in no file that others than its own shell read.
        token = (tmp_path / "state/share.env").read_text().partition('TOKEN="')[2].partition('"')[0]
        assert len(token) == 64
        assert token not in (tmp_path / "state/supervisord.conf").read_text()
    assert up.pids() == []
    with Up(file, tmp_path / "state") as up:
        # The hub answers before it has added the routes of its services.
        page = urljoin(up.url, f"services/share/{identity}/page")
        async with asyncio.timeout(60):
            while (answer := await VisitorSession(up.url).fetch(page)).code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        assert b'<h1 id="Tried">' in answer.body


def test_a_bucket_without_its_key_is_refused_with_the_cure(tmp_path: Path) -> None:
    s3 = {"endpoint": "https://s3.example.org", "bucket": "ours", "existingSecret": "the-bucket"}
    storage = {"tmpnb": {"share": {"storage": {"type": "s3", "s3": s3}}}}
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(merge(merge(LEAST, SHARING), storage)))
    done = subprocess.run(
        [VENV_BIN / "proxy-gen", "up", file, "--port=0", f"--state-dir={tmp_path / 'state'}"],
        capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": f"{VENV_BIN}:/usr/bin:/bin", "AWS_ACCESS_KEY_ID": "given"},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "existingSecret: there is no Secret 'the-bucket' on this machine; export" in done.stderr
    assert "export AWS_SECRET_ACCESS_KEY instead" in done.stderr
