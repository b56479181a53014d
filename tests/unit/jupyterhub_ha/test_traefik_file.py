"""The proxy class before it talks to anybody."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from traitlets import TraitError

import jupyterhub_ha
from jupyterhub_ha.errors import TraefikStartError
from jupyterhub_ha.traefik_file import TraefikFileProxy


def proxy_of(folder: Path, **traits: object) -> TraefikFileProxy:
    fitting = {
        "folder": str(folder),
        "public_url": "http://127.0.0.1:8000/base/",
        "hub": SimpleNamespace(url="http://127.0.0.1:8081/base/hub/"),
    }
    application = SimpleNamespace(subdomain_host="", internal_ssl=False)
    return TraefikFileProxy(app=application, **{**fitting, **traits})


def test_the_package_names_the_class() -> None:
    assert jupyterhub_ha.TraefikFileProxy is TraefikFileProxy


def test_the_hub_starts_traefik(tmp_path: Path) -> None:
    assert proxy_of(tmp_path).should_start is True


def test_every_option_has_a_text() -> None:
    for name, trait in TraefikFileProxy.class_traits(config=True).items():
        assert len(trait.help) > 20, name


def test_a_file_that_traefik_would_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraitError, match=r"must end in \.toml"):
        proxy_of(tmp_path, rules_file="/x/rules.json")


def test_files_are_below_the_folder_unless_named(tmp_path: Path) -> None:
    proxy = proxy_of(tmp_path)
    assert proxy.rules_file == str(tmp_path / "dynamic" / "rules.toml")
    assert proxy.state_file == str(tmp_path / "routes.json")
    assert proxy_of(tmp_path, rules_file="/x/r.toml").rules_file == "/x/r.toml"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000/", "127.0.0.1:8000"),
        ("http://:8000", ":8000"),
        ("http://*:8000/", ":8000"),
        ("http://[::1]:8000", "[::1]:8000"),
        ("https://hub.example.org/", "hub.example.org:443"),
    ],
)
def test_traefik_listens_where_the_hub_says(tmp_path: Path, url: str, expected: str) -> None:
    document = tomllib.loads(proxy_of(tmp_path, public_url=url)._static_text(9))
    assert document["entryPoints"]["http"]["address"] == expected
    assert document["entryPoints"]["internal"]["address"] == "127.0.0.1:9"


def test_own_options_are_laid_over(tmp_path: Path) -> None:
    proxy = proxy_of(tmp_path, extra_static_config={"log": {"level": "DEBUG"}, "accessLog": {}})
    document = tomllib.loads(proxy._static_text(9))
    assert document["log"] == {"level": "DEBUG", "format": "json"}
    assert document["accessLog"] == {}


def test_what_is_written_is_the_hub_s_own(tmp_path: Path) -> None:
    proxy = proxy_of(tmp_path / "new")
    proxy._write_base()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    for name in ("api-password", "api-users", "default.key"):
        assert stat.S_IMODE((tmp_path / "new" / name).stat().st_mode) == 0o600
    rules = tmp_path / "new" / "dynamic" / "base.toml"
    document = tomllib.loads(rules.read_text())
    assert document["http"]["services"]["hub"]["loadBalancer"]["servers"] == [
        {"url": "http://127.0.0.1:8081"}
    ]
    before = rules.stat().st_ino
    again = proxy_of(tmp_path / "new")
    again._write_base()
    assert again.api_password == proxy.api_password != ""
    assert rules.stat().st_ino == before, "Traefik would read it again for nothing"


def test_an_own_certificate_is_shown(tmp_path: Path) -> None:
    proxy = proxy_of(tmp_path, ssl_cert="/tls/crt", ssl_key="/tls/key")
    proxy._write_base()
    document = tomllib.loads((tmp_path / "dynamic" / "base.toml").read_text())
    assert document["tls"]["stores"]["default"]["defaultCertificate"] == {
        "certFile": "/tls/crt",
        "keyFile": "/tls/key",
    }
    assert tomllib.loads(proxy._static_text(9))["entryPoints"]["http"]["http"]["tls"] == {}


def test_a_hub_on_a_socket_is_refused_with_the_cure(tmp_path: Path) -> None:
    hub = SimpleNamespace(url="http+unix://%2Ftmp%2Fhub.sock/hub/")
    with pytest.raises(TraefikStartError, match="hub_bind_url"):
        proxy_of(tmp_path, hub=hub)._write_base()


async def test_a_proxy_that_was_never_used_can_be_stopped(tmp_path: Path) -> None:
    proxy = proxy_of(tmp_path / "new")
    await proxy.stop()
    assert not (tmp_path / "new").exists()
