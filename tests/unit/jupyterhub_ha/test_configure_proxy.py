"""The proxy's class and its traits, by kind."""

import pytest
from jupyterhub.proxy import ConfigurableHTTPProxy
from traitlets.config import Config

from jupyterhub_ha.configure_proxy import configure_proxy
from jupyterhub_ha.values import BadValuesError, MissingMountError, Mounts, Values, merge


@pytest.fixture
def values(tmp_path):
    """Values with everything that the chart mounts for the etcd proxy."""
    files = {
        "config/proxy-etcd-endpoints": "https://e-0:2379\nhttps://e-1:2379\n",
        "config/proxy-replicas": "proxy-replicas",
        "config/proxy-api": "proxy-api",
        "etcd/ca.crt": "ca",
        "etcd/tls.crt": "crt",
        "etcd/tls.key": "key",
        "etcd/password": "of-etcd\n",
        "proxy-api/hub-password": "of-the-api",
    }
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    etcd = {"enabled": True, "maxTxnOps": 4096, "auth": {"hubUsername": "hub"}}
    return Values({"proxy": {"kind": "traefik-etcd", "etcd": etcd}}, Mounts(tmp_path))


def with_proxy(values, proxy):
    return Values(merge(values.data, {"proxy": proxy}), values.mounts)


@pytest.mark.parametrize(
    ("https", "entry_points"),
    [
        ({"enabled": True, "type": "letsencrypt"}, ["http", "https"]),
        ({"enabled": True, "type": "cert-manager"}, ["http", "https"]),
        ({"enabled": True, "type": "offload"}, ["http"]),
        ({"enabled": False, "type": "letsencrypt"}, ["http"]),
    ],
)
def test_users_come_by_https_where_the_replicas_end_it(values, https, entry_points):
    c = Config()
    configure_proxy(c, with_proxy(values, {"https": https}))
    assert c.TraefikEtcdProxy.entry_points == entry_points


def test_etcd(values):
    c = Config()
    configure_proxy(c, values)
    folder = values.mounts.etcd
    assert c.JupyterHub.proxy_class == "jupyterhub_ha.TraefikEtcdProxy"
    assert c.TraefikEtcdProxy == {
        "should_start": False,
        "endpoints": ["https://e-0:2379", "https://e-1:2379"],
        "replica_urls": ["http://proxy-replicas:8080"],
        "entry_points": ["http"],
        "max_txn_ops": 4096,
        "ca_file": str(folder / "ca.crt"),
        "cert_file": str(folder / "tls.crt"),
        "key_file": str(folder / "tls.key"),
        "username": "hub",
        "password": "of-etcd",
        "api_username": "hub",
        "api_password": "of-the-api",
    }


def test_etcd_without_certificates_or_password(values):
    for file in list(values.mounts.etcd.iterdir()):
        file.unlink()
    c = Config()
    configure_proxy(c, with_proxy(values, {"etcd": {"enabled": False}}))
    absent = {"ca_file", "cert_file", "key_file", "username", "password", "max_txn_ops"}
    assert not absent & set(c.TraefikEtcdProxy)


def test_the_apis_password_must_be_there(values):
    (values.mounts.proxy_api / "hub-password").unlink()
    with pytest.raises(MissingMountError, match="proxy-api/hub-password is missing"):
        configure_proxy(Config(), values)


def test_chp(values):
    c = Config()
    configure_proxy(c, with_proxy(values, {"kind": "chp"}))
    proxy = ConfigurableHTTPProxy(config=c, auth_token="x")
    assert proxy.api_url == "http://proxy-api:8001"
    assert proxy.should_start is False
    assert c.JupyterHub.proxy_class == "jupyterhub.proxy.ConfigurableHTTPProxy"


def test_file(values):
    c = Config()
    configure_proxy(c, with_proxy(values, {"kind": "traefik-file"}))
    assert c.JupyterHub.proxy_class == "jupyterhub_ha.TraefikFileProxy"
    assert c.TraefikFileProxy == {
        "should_start": False,
        "entry_points": ["http"],
        "api_username": "hub",
        "api_password": "of-the-api",
    }


def test_in_process(values):
    c = Config()
    configure_proxy(c, with_proxy(values, {"kind": "in-process"}))
    assert c.JupyterHub == {"proxy_class": "jupyterhub_ha.InProcessProxy"}
    assert list(c.InProcessProxy) == ["trusted_networks"]
    assert "10.0.0.0/8" in c.InProcessProxy.trusted_networks, "where an ingress controller is"


def test_an_external_proxy_is_said_by_hub_config(values):
    c = Config()
    configure_proxy(c, with_proxy(values, {"kind": "external"}))
    assert not c


def test_an_unknown_kind_is_refused(values):
    kinds = "chp, external, in-process, traefik-etcd, traefik-file"
    with pytest.raises(BadValuesError, match=rf"proxy\.kind: 'nginx' is none of {kinds}"):
        configure_proxy(Config(), with_proxy(values, {"kind": "nginx"}))
