"""Shared notebooks on one host, by a real systemd: the whole bundle, as its README installs it.

It runs in namespaces of its own (tests/support/nested_systemd.py), which needs root. The Python of
the tests may lie where units cannot read, so it is mounted where the bundle expects one.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import yaml
from tests.chart.golden import SECRETS
from tests.chart.test_tmpnb import LEAST
from tests.support import nested_systemd
from tests.support.nested_systemd import OUT
from tests.support.processes import ROOT, VENV_BIN

from jupyterhub_ha.values import merge

WHY_NOT = nested_systemd.missing()
pytestmark = [
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT),
    pytest.mark.timeout(600),
]

VENV = "/opt/jupyterhub-ha/venv"
VALUES = {
    "tmpnb": {"pool": {"size": 1, "concurrency": 1}, "share": {"enabled": True}},
    "singleuser": {
        "cmd": [f"{VENV}/bin/python3", "-m", "jupyterhub.singleuser"],
        "startTimeout": 300,
    },
    "hub": {"config": {"Spawner": {"http_timeout": 240}}},
    "proxy": {"kind": "in-process"},
}
SCRIPT = f"""
mkdir -p /opt/python {VENV}
mount --bind {sys.base_prefix} /opt/python
mount --bind {VENV_BIN.parent} {VENV}
sed 's#^home = .*#home = /opt/python/bin#' {VENV}/pyvenv.cfg > /run/pyvenv.cfg
mount --bind /run/pyvenv.cfg {VENV}/pyvenv.cfg
echo /opt/python/lib > /etc/ld.so.conf.d/tests.conf
ldconfig
cp -r {OUT}/bundle/root/. /
systemd-sysusers
systemd-tmpfiles --create jupyterhub-ha.conf
systemctl daemon-reload
systemctl start jupyterhub-share jupyterhub-hub || {{ journalctl --no-pager | tail -50; exit 1; }}
{VENV_BIN}/python -W ignore {OUT}/visit.py > {OUT}/found.json
code=$?
stat --format '%U %a %n' /var/lib/jupyterhub-ha/shared /var/lib/jupyterhub-ha/shared/notebooks/*
systemctl stop jupyterhub-hub jupyterhub-share 'jupyterhub-visitor-*'
exit $code
"""
REACHED = """
import json, urllib.error, urllib.request

def ask(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status
    except urllib.error.URLError as error:
        return type(error.reason).__name__

print(json.dumps([ask("http://127.0.0.1:8081/hub/health"), ask("{share}/services/share/health")]))
"""
VISIT = f"""
import asyncio, json, re, sys
from pathlib import Path

sys.path.insert(0, {str(ROOT)!r})
from tests.support.share import share
from tests.support.tmpnb import VisitorSession, come
from tests.unit.jupyterhub_ha_share.test_render import markdown, notebook

URL = "http://127.0.0.1:8000/"
UNIT = Path("/etc/systemd/system/jupyterhub-share.service").read_text()


async def main():
    visitor = VisitorSession(URL)
    await come(visitor, 400)
    await visitor.follow(URL + "hub/share")
    answer = await share(visitor, URL + "services/share/", notebook(markdown("# By a unit")))
    found = {{"status": answer.code, "answer": answer.body.decode()}}
    if answer.code == 201:
        url = json.loads(answer.body)["url"]
        found["page"] = (await VisitorSession(URL).fetch(url + "/page")).body.decode()
    at = re.search("http://127[0-9.:]+", UNIT)[0]
    found["reached"] = json.loads(await visitor.run_cell({REACHED!r}.replace("{{share}}", at)))
    json.dump(found, sys.stdout)


asyncio.run(main())
"""


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """What the visitor found, and what the folder has then."""
    folder = tmp_path_factory.mktemp("systemd")
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(merge(LEAST, VALUES)))
    subprocess.run(
        [VENV_BIN / "proxy-gen", "render", file, "--target=host", "--address=127.0.0.1",
         f"--secrets={SECRETS}", "-o", folder / "out/bundle"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return nested_systemd.run_and_read(SCRIPT, folder, 500, visit=VISIT)


def test_a_page_is_made_with_all_that_the_unit_forbids(tried: tuple[dict[str, Any], str]) -> None:
    found, _ = tried
    assert found["status"] == 201, found["answer"]
    assert '<h1 id="By-a-unit">' in found["page"]


def test_visitors_servers_reach_the_hub_and_not_the_service(
    tried: tuple[dict[str, Any], str],
) -> None:
    hub, share = tried[0]["reached"]
    assert hub == 200
    assert share in {"PermissionError", "TimeoutError", "timeout"}


def test_what_is_shared_belongs_to_the_services_account(tried: tuple[dict[str, Any], str]) -> None:
    lines = [line.split() for line in tried[1].splitlines() if "/shared" in line]
    assert [(owner, mode) for owner, mode, _ in lines] == [
        ("jupyterhub-share", "700"),
        ("jupyterhub-share", "600"),
    ]
