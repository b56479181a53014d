"""The proxy class before it talks to anybody."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from traitlets import TraitError
from traitlets.config import Config

import jupyterhub_ha
from jupyterhub_ha.errors import RouteError
from jupyterhub_ha.traefik_etcd import TraefikEtcdProxy


def proxy_of(**traits: object) -> TraefikEtcdProxy:
    return TraefikEtcdProxy(app=SimpleNamespace(subdomain_host=""), **traits)


def test_the_package_names_the_class() -> None:
    assert jupyterhub_ha.TraefikEtcdProxy is TraefikEtcdProxy
    with pytest.raises(AttributeError, match="nonsense"):
        _ = jupyterhub_ha.nonsense


def test_the_hub_starts_neither_traefik_nor_etcd() -> None:
    assert proxy_of().should_start is False


def test_passwords_come_from_the_environment_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_HA_ETCD_PASSWORD", "one")
    monkeypatch.setenv("JUPYTERHUB_HA_API_PASSWORD", "two")
    proxy = proxy_of()
    assert (proxy.password, proxy.api_password) == ("one", "two")
    assert proxy_of(password="three").password == "three"


def test_traits_are_set_by_configuration() -> None:
    config = Config({"TraefikEtcdProxy": {"endpoints": ["http://e:1"], "root_key": "/t/"}})
    proxy = proxy_of(config=config)
    assert (proxy.endpoints, proxy.root_key) == (["http://e:1"], "t")


def test_every_option_has_a_text() -> None:
    for name, trait in TraefikEtcdProxy.class_traits(config=True).items():
        assert len(trait.help) > 20, name


@pytest.mark.parametrize(
    "traits",
    [{"namespace": "A b"}, {"max_txn_ops": 1}, {"commit_timeout": 0}, {"start_timeout": 0}],
)
def test_bad_options_are_refused(traits: dict[str, object]) -> None:
    with pytest.raises(TraitError):
        proxy_of(**traits)


@pytest.mark.parametrize(
    ("routespec", "target", "data"),
    [
        ("/user/ada/", "unix:/x", {}),
        ("/user/ada/", "http://x:1", {"x": {1, 2}}),
        ("ada.example.com/", "http://x:1", {}),
    ],
)
async def test_bad_routes_are_refused_before_anything_is_asked(routespec, target, data) -> None:
    proxy = proxy_of(endpoints=["http://127.0.0.1:1"])
    with pytest.raises((RouteError, ValueError)):
        await proxy.add_route(routespec, target, data)


async def test_a_proxy_that_was_never_used_can_be_stopped() -> None:
    proxy = proxy_of()
    await proxy.stop()
    assert proxy.should_start is False
