"""Secrets: drawn once, kept, rotated by name; placeholders are stable and useless."""

import copy
import re

import pytest

from proxy_gen import certificates, secrets, values
from proxy_gen.errors import UsageError


@pytest.fixture(scope="module")
def drawn():
    return secrets.draw()


def changed(old, new):
    return {
        secret.name
        for secret in secrets.SECRETS
        if secrets.get(old, secret) != secrets.get(new, secret)
    }


def test_draw_makes_all(drawn):
    assert secrets.missing({}) == [secret.name for secret in secrets.SECRETS]
    assert secrets.missing(drawn) == []


def test_forms(drawn):
    hex64 = re.compile(r"[0-9a-f]{64}")
    assert hex64.fullmatch(drawn["hub"]["cookieSecret"])
    assert hex64.fullmatch(drawn["proxy"]["secretToken"])
    (key,) = drawn["hub"]["config"]["CryptKeeper"]["keys"]
    assert hex64.fullmatch(key)
    for path in ("proxy.etcd.auth.rootPassword", "proxy.traefik.api.password"):
        assert re.fullmatch(r"[A-Za-z0-9]{32}", values.get(drawn, path.split(".")))


def test_all_certificates_are_the_cas(drawn):
    tls = drawn["proxy"]["etcd"]["tls"]
    for name in ("server", "hub", "root", "traefik"):
        assert certificates.is_signed_by(tls[name]["crt"], tls["ca"]["crt"])


def test_draw_keeps_everything_that_is_there(drawn):
    before = copy.deepcopy(drawn)
    assert secrets.draw(drawn) == before
    assert drawn == before


def test_draw_adds_only_what_is_missing(drawn):
    part = copy.deepcopy(drawn)
    part["hub"]["cookieSecret"] = ""
    del part["proxy"]["etcd"]["tls"]["hub"]
    part["other"] = {"kept": True}
    full = secrets.draw(part)
    assert changed(drawn, full) == {"hub.cookieSecret", "proxy.etcd.tls.hub"}
    assert full["other"] == {"kept": True}


def test_half_a_pair_is_refused(drawn):
    part = copy.deepcopy(drawn)
    del part["proxy"]["etcd"]["tls"]["hub"]["key"]
    with pytest.raises(UsageError, match=r"proxy\.etcd\.tls\.hub: crt or key is missing"):
        secrets.draw(part)


def test_certificates_without_their_ca_are_refused(drawn):
    part = copy.deepcopy(drawn)
    del part["proxy"]["etcd"]["tls"]["ca"]
    with pytest.raises(UsageError, match="not the CA that signed them"):
        secrets.draw(part)


def test_ca_without_key_signs_nothing(drawn):
    part = copy.deepcopy(drawn)
    del part["proxy"]["etcd"]["tls"]["ca"]["key"]
    assert secrets.draw(part) == part
    with pytest.raises(UsageError, match=r"its key is needed|crt or key is missing"):
        secrets.rotate(part, "proxy.etcd.tls.hub")


@pytest.mark.parametrize("name", [s.name for s in secrets.SECRETS if s.name[-2:] != "ca"])
def test_rotate_changes_one(drawn, name):
    new, what = secrets.rotate(drawn, name)
    assert changed(drawn, new) == {name}
    assert [secret.name for secret in what] == [name]


def test_rotated_ca_signs_all_anew(drawn):
    new, what = secrets.rotate(drawn, "proxy.etcd.tls.ca")
    tls = new["proxy"]["etcd"]["tls"]
    assert changed(drawn, new) == {f"proxy.etcd.tls.{name}" for name in tls}
    assert len(what) == 6
    assert certificates.is_signed_by(tls["hub"]["crt"], tls["ca"]["crt"])


def test_rotated_key_is_first_and_the_former_stays(drawn):
    new, _ = secrets.rotate(drawn, "hub.config.CryptKeeper.keys")
    first, second = new["hub"]["config"]["CryptKeeper"]["keys"]
    assert [second] == drawn["hub"]["config"]["CryptKeeper"]["keys"]
    assert first != second


def test_unknown_name_is_suggested():
    with pytest.raises(UsageError, match=r"did you mean hub\.cookieSecret\?"):
        secrets.find("hub.cokieSecret")


def test_placeholders_are_stable_and_no_reader_takes_them():
    tree = secrets.placeholders()
    assert tree == secrets.placeholders()
    assert secrets.missing(tree) == []
    with pytest.raises(ValueError, match="hexadecimal"):
        bytes.fromhex(tree["hub"]["cookieSecret"])
    with pytest.raises(UsageError, match="not a PEM certificate"):
        certificates.read(tree["proxy"]["etcd"]["tls"]["server"]["crt"])


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "proxy-etcd"),
        ({"fullnameOverride": "x"}, "x-proxy-etcd"),
        ({"fullnameOverride": None}, "hub-jupyterhub-proxy-etcd"),
        ({"fullnameOverride": None, "nameOverride": "hub"}, "hub-proxy-etcd"),
    ],
)
def test_etcd_name(given, name):
    assert secrets.etcd_name(given) == name


def test_server_certificate_names_the_members():
    tree = secrets.draw(etcd_name="x-proxy-etcd", san=["etcd.example.org"])
    sans = certificates.read(tree["proxy"]["etcd"]["tls"]["server"]["crt"]).sans
    assert {"x-proxy-etcd-4.x-proxy-etcd", "etcd.example.org"} <= set(sans)
