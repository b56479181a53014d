"""Shared notebooks in the bundle for one host: hub and service agree, nobody else gets there."""

from __future__ import annotations

import ipaddress
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.chart.golden import SECRETS
from tests.chart.test_tmpnb import LEAST
from tests.support.processes import ROOT
from tests.support.units import UnitFile, environment, read_unit, words

from jupyterhub_ha.tmpnb_units import address_of
from jupyterhub_ha.values import merge
from proxy_gen import bundle, chart, values
from proxy_gen.bundle import Bundle
from proxy_gen.errors import UsageError
from proxy_gen.host_place import Options, Place
from proxy_gen.values import Overrides

KINDS = ("traefik-file", "traefik-etcd", "in-process", "chp")
BUCKET = {
    "type": "s3",
    "s3": {"endpoint": "https://s3.example.org", "bucket": "ours", "existingSecret": "the-bucket"},
}
HUB = "root/etc/jupyterhub-ha/hub"
UNIT = "root/etc/systemd/system/jupyterhub-share.service"


@cache
def built(kind: str, more: str = "{}", prefix: Path = Path("/")) -> Bundle:
    """A bundle with `tmpnb.share`, whose other options are `more`, as JSON."""
    share = {"enabled": True, **json.loads(more)}
    all_values = merge(LEAST, {"tmpnb": {"share": share}, "hub": {"baseUrl": "/jupyter/"}})
    least = tuple(f"{key}={json.dumps(value)}" for key, value in all_values.items())
    overrides = Overrides(set_json=least, set=(f"proxy.kind={kind}",))
    given = values.read([SECRETS], overrides)
    return bundle.build(given, chart.defaults(chart.find()), Options(place=Place(prefix)))


def unit(made: Bundle, folder: Path) -> UnitFile:
    file = folder / "jupyterhub-share.service"
    file.write_text(made.files[UNIT].text)
    return read_unit(file)


def variables(made: Bundle, folder: Path) -> dict[str, str]:
    file = folder / "share.env"
    file.write_text(made.files["root/etc/jupyterhub-ha/share.env"].text)
    return environment(file)


def option(line: str, name: str) -> str:
    (value,) = (w.partition("=")[2] for w in words(line) if w.startswith(f"--{name}="))
    return value


@pytest.mark.parametrize("kind", KINDS)
def test_the_hub_finds_the_service_where_it_listens(kind: str, tmp_path: Path) -> None:
    made = built(kind)
    line = unit(made, tmp_path).value("Service", "ExecStart")
    url = f"http://{option(line, 'address')}:{option(line, 'port')}"
    assert f'"share": {{"url": "{url}"}}' in made.files[f"{HUB}/jupyterhub_config.py"].text
    wait = unit(made, tmp_path).value("Service", "ExecStartPost")
    assert words(wait)[-2] == f"{url}/jupyter/services/share/health"
    # A port of its own.
    ports = made.basis.ports
    others = [ports.public, ports.hub, ports.chp_api, *ports.replicas, *sum(ports.etcd, ())]
    assert int(option(line, "port")) not in others


@pytest.mark.parametrize("kind", KINDS)
def test_the_service_finds_the_hub_and_has_its_token(kind: str, tmp_path: Path) -> None:
    made = built(kind)
    given = variables(made, tmp_path)
    token = made.files[f"{HUB}/secret/hub.services.share.apiToken"].text
    assert given["JUPYTERHUB_API_TOKEN"] == token
    assert len(token) == 64
    hub = f"http://127.0.0.1:{made.basis.ports.hub}/jupyter/hub/api"
    assert given["JUPYTERHUB_API_URL"] == hub
    assert given["JUPYTERHUB_SERVICE_PREFIX"] == "/jupyter/services/share/"
    # In private files alone.
    assert all(file.private for file in made.files.values() if token in file.text)
    package = f"root{given['PYTHONPATH']}/jupyterhub_ha_share"
    for file in (ROOT / "chart/files/share/jupyterhub_ha_share").glob("*.*"):
        assert made.files[f"{package}/{file.name}"].text == file.read_text()


def test_it_reaches_this_host_alone_and_visitors_do_not_reach_it(tmp_path: Path) -> None:
    made = built("traefik-file")
    found = unit(made, tmp_path)
    address = option(found.value("Service", "ExecStart"), "address")
    assert found.value("Service", "IPAddressDeny") == "any"
    assert found.names("Service", "IPAddressAllow") == ["127.0.0.1", address]
    # Visitors' units reach the hub's address and one of their own.
    assert address != "127.0.0.1"
    assert ipaddress.ip_address(address).is_loopback
    assert ipaddress.ip_address(address) < ipaddress.ip_address(address_of(0))


def test_what_is_shared_is_its_own(tmp_path: Path) -> None:
    made = built("traefik-file")
    found = unit(made, tmp_path)
    folder = option(found.value("Service", "ExecStart"), "storage")
    assert found.values("Service", "ReadWritePaths") == [folder]
    user = found.value("Service", "User")
    assert f'u {user} - "' in made.files["root/etc/sysusers.d/jupyterhub-ha.conf"].text
    folders = made.files["root/etc/tmpfiles.d/jupyterhub-ha.conf"].text
    assert f"\nd {folder} 0700 {user} {user} -\n" in folders
    assert f"All that is shared is in `{folder}`" in made.files["README.md"].text


def test_with_a_bucket_its_key_is_a_file_of_the_host(tmp_path: Path) -> None:
    made = built("in-process", json.dumps({"storage": BUCKET}))
    found = unit(made, tmp_path)
    line = found.value("Service", "ExecStart")
    assert option(line, "storage") == "s3://ours/"
    assert option(line, "s3-endpoint") == "https://s3.example.org"
    file = "/etc/jupyterhub-ha/secrets/the-bucket.env"
    assert file in found.values("Service", "EnvironmentFile")
    assert found.value("Unit", "AssertPathExists") == file
    assert found.values("Service", "ReadWritePaths") == []
    assert found.value("Service", "IPAddressDeny") == "link-local"
    assert not set(variables(made, tmp_path)) & {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    folders = made.files["root/etc/tmpfiles.d/jupyterhub-ha.conf"].text
    assert f"z {file} 0600 root root" in folders
    assert "/var/lib/jupyterhub-ha/shared" not in folders
    assert f"cat > {file}" in made.files["README.md"].text


@pytest.mark.parametrize(
    ("limits", "memory", "quota"),
    [
        ({"memory": "3Gi"}, "3221225472", ""),
        ({"memory": "1500M", "cpu": "1500m"}, "1500000000", "150%"),
        ({"memory": 2147483648, "cpu": 2}, "2147483648", "200%"),
        ({"memory": None}, "", ""),
    ],
)
def test_the_limits_of_the_pod_are_those_of_the_unit(
    limits: dict[str, Any], memory: str, quota: str, tmp_path: Path
) -> None:
    more = json.dumps({"resources": {"limits": limits}})
    found = unit(built("in-process", more), tmp_path)
    assert found.value("Service", "MemoryMax") == memory
    assert found.value("Service", "CPUQuota") == quota


def test_an_amount_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match=r"limits\.memory: 'much' is no amount; write it like 3Gi"):
        built("in-process", json.dumps({"resources": {"limits": {"memory": "much"}}}))


def test_a_bundle_without_it_has_nothing_of_it() -> None:
    least = tuple(f"{key}={json.dumps(value)}" for key, value in LEAST.items())
    given = values.read([SECRETS], Overrides(set_json=least, set=("proxy.kind=in-process",)))
    made = bundle.build(given, chart.defaults(chart.find()), Options())
    units = [path for path in made.files if path.endswith(".service")]
    assert units == ["root/etc/systemd/system/jupyterhub-hub.service"]
    for path, text in (("README.md", "share"), (f"{HUB}/jupyterhub_config.py", "services")):
        assert text not in made.files[path].text.replace("shared_port", ""), path
    assert "jupyterhub-share" not in made.files["root/etc/tmpfiles.d/jupyterhub-ha.conf"].text
    assert "root/etc/sysusers.d/jupyterhub-ha.conf" not in made.files
