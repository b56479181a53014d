"""Temporary notebooks in the bundle for one host: units of systemd instead of pods."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.chart.golden import SECRETS
from tests.chart.test_tmpnb import FILES, LEAST
from tests.support.commands import run
from tests.support.processes import ROOT

from jupyterhub_ha.tmpnb_units import SPAWNER_CLASS
from proxy_gen import bundle, chart, values
from proxy_gen.bundle import Bundle
from proxy_gen.errors import UsageError
from proxy_gen.host_place import Options, Place
from proxy_gen.values import Overrides

KINDS = ("traefik-file", "traefik-etcd", "in-process", "chp")
HUB = "root/etc/jupyterhub-ha/hub"
LOADER = """
import json, sys
from traitlets.config import PyFileConfigLoader

config = PyFileConfigLoader(sys.argv[1]).load_config()

from jupyterhub.app import JupyterHub

app = JupyterHub(config=config)
spawner, authenticator = app.spawner_class, app.authenticator_class
unknown = [
    f"{cls.__name__}.{trait}"
    for cls in (JupyterHub, spawner, authenticator, app.proxy_class)
    for trait in app.config.get(cls.__name__, {})
    if trait not in cls.class_traits(config=True)
]
json.dump({
    "spawner": f"{spawner.__module__}.{spawner.__name__}",
    "authenticator": authenticator.__name__,
    "unknown": unknown,
    "limits": [app.config.Spawner.mem_limit, app.config.Spawner.cpu_limit],
    "units": dict(app.config.TransientUnitSpawner),
    "hub": app.config.JupyterHub.hub_connect_url,
    "page": app.config.Spawner.default_url,
}, sys.stdout, default=repr)
"""


@cache
def built(kind: str, prefix: Path = Path("/")) -> Bundle:
    least = tuple(f"{key}={json.dumps(value)}" for key, value in LEAST.items())
    overrides = Overrides(set_json=least, set=(f"proxy.kind={kind}",))
    given = values.read([SECRETS], overrides)
    return bundle.build(given, chart.defaults(chart.find()), Options(place=Place(prefix)))


def loaded(kind: str, folder: Path) -> dict[str, Any]:
    """What JupyterHub makes of the bundle's configuration, with the package of the bundle."""
    made = built(kind, folder)
    for path, file in made.files.items():
        target = folder / path.removeprefix("root/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.text)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADER,
         str(folder / "etc/jupyterhub-ha/hub/jupyterhub_config.py")],
        capture_output=True, text=True, check=False, timeout=60, cwd=folder,
        env={**os.environ, "CONFIGPROXY_AUTH_TOKEN": "x"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_hub_starts_units_and_lets_nobody_log_in(kind: str, tmp_path: Path) -> None:
    found = loaded(kind, tmp_path)
    assert found["spawner"] == SPAWNER_CLASS
    assert found["authenticator"] == "TemporaryAuthenticator"
    assert found["unknown"] == []
    assert found["limits"] == ["1G", 1]
    home = str(tmp_path / "var/lib/jupyterhub-ha/visitor")
    assert found["units"] == {"disk": "1G", "internet": False, "home": home}
    # Not by the variable of a Service.
    assert found["hub"].startswith("http://127.0.0.1:")
    assert found["page"] == "/lab"


@pytest.mark.parametrize("kind", KINDS)
def test_the_bundle_has_what_that_needs(kind: str) -> None:
    files = built(kind).files
    assert {f"{HUB}/jupyterhub_ha/{name}" for name in FILES} <= set(files)
    folders = files["root/etc/tmpfiles.d/jupyterhub-ha.conf"].text
    assert "\nd /var/lib/jupyterhub-ha/visitor 0755 root root -\n" in folders
    assert "jupyterhub-visitors.slice" in files["README.md"].text


def test_a_bundle_for_users_has_nothing_of_it() -> None:
    given = values.read([ROOT / "values-examples/single-host.yaml", SECRETS])
    made = bundle.build(given, chart.defaults(chart.find()), Options())
    assert not [path for path in made.files if "tmpnb_" in path]
    folders = "root/etc/tmpfiles.d/jupyterhub-ha.conf"
    for path in ("README.md", f"{HUB}/jupyterhub_config.py", folders):
        assert "visitor" not in made.files[path].text, path


def test_the_bundle_is_linted_with_the_spawners_own_options(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    options = {"hub": {"config": {"TransientUnitSpawner": {"tasks": 512}}}}
    file.write_text(yaml.safe_dump({**LEAST, **options, "proxy": {"kind": "in-process"}}))
    result = run("lint", file, "--target=host")
    assert result.stdout == ""
    file.write_text(file.read_text().replace("tasks", "taskz"))
    assert "did you mean" in run("lint", file, "--target=host", "-q", code=1).stdout


@pytest.mark.parametrize("command", ["render", "up"])
def test_static_files_from_pods_of_their_own_are_refused(command: str, tmp_path: Path) -> None:
    options = {
        "render": ["--target=host", f"--output={tmp_path / 'bundle'}"],
        "up": [f"--state-dir={tmp_path / 'state'}", "--port=0", "--dashboard-port=0"],
    }
    example = ROOT / "values-examples/conference-demo.yaml"
    words = [*options[command], "--set=ingress.enabled=false", f"--secrets={SECRETS}"]
    done = run(command, example, *(words if command == "render" else words[:-1]), code=2)
    assert "tmpnb.static.enabled: on " in done.output
    assert "set it to false" in done.output
    assert not (tmp_path / "bundle").exists()


def test_what_no_host_has_is_refused_all_at_once() -> None:
    least = tuple(f"{key}={json.dumps(value)}" for key, value in LEAST.items())
    asked = (
        "tmpnb.static.enabled=true",
        "singleuser.networkPolicy.egress[0].to[0].ipBlock.cidr=::/0",
    )
    given = values.read([SECRETS], Overrides(set_json=least, set=asked))
    with pytest.raises(UsageError) as caught:
        bundle.build(given, chart.defaults(chart.find()), Options())
    static, egress = str(caught.value).splitlines()
    assert static.startswith("tmpnb.static.enabled: ")
    assert egress.startswith("singleuser.networkPolicy.egress: ")
    assert "hub.config.TransientUnitSpawner.reachable" in egress
