"""The CA and its certificates."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from proxy_gen import certificates
from proxy_gen.certificates import Leaf, Pair
from proxy_gen.errors import UsageError

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def ca():
    return certificates.make_ca(now=NOW)


def load(pair):
    return x509.load_pem_x509_certificate(pair.crt.encode())


def names(certificate):
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return [one.value for one in found]


def test_ca_signs_certificates_only(ca):
    constraints = load(ca).extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


def test_keys_are_p256(ca):
    pair = certificates.sign(ca, Leaf(), now=NOW)
    for one in (ca, pair):
        key = load_pem_private_key(one.key.encode(), None)
        assert isinstance(key.curve, ec.SECP256R1)
        assert key.public_key() == load(one).public_key()


def test_common_name_only_where_it_is_asked_for(ca):
    assert names(load(certificates.sign(ca, Leaf()))) == []
    assert names(load(certificates.sign(ca, Leaf(common_name="traefik")))) == ["traefik"]


@pytest.mark.parametrize(
    ("server", "usages"),
    [
        (True, [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
        (False, [ExtendedKeyUsageOID.CLIENT_AUTH]),
    ],
)
def test_usages(ca, server, usages):
    certificate = load(certificates.sign(ca, Leaf(server=server)))
    assert (
        list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == usages
    )


def test_names_and_addresses(ca):
    sans = certificates.member_names("proxy-etcd", 3, ["etcd.example.org", "10.0.0.1"])
    facts = certificates.read(certificates.sign(ca, Leaf(sans=sans, server=True)).crt)
    assert set(facts.sans) == {
        "proxy-etcd-0.proxy-etcd",
        "proxy-etcd-1.proxy-etcd",
        "proxy-etcd-2.proxy-etcd",
        "proxy-etcd",
        "localhost",
        "127.0.0.1",
        "::1",
        "etcd.example.org",
        "10.0.0.1",
    }


def test_validity(ca):
    facts = certificates.read(certificates.sign(ca, Leaf(), days=10, now=NOW).crt)
    assert facts.not_before == NOW - datetime.timedelta(hours=1)
    assert facts.not_after == NOW + datetime.timedelta(days=10)


def test_is_signed_by(ca):
    other = certificates.make_ca()
    crt = certificates.sign(ca, Leaf()).crt
    assert certificates.is_signed_by(crt, ca.crt)
    assert not certificates.is_signed_by(crt, other.crt)


@pytest.mark.parametrize("san", ["has space", "a..b", "", "10.0.0.1/8", "ü.example"])
def test_bad_names(ca, san):
    with pytest.raises(UsageError, match="neither an IP address nor a DNS name"):
        certificates.sign(ca, Leaf(sans=(san,)))


def test_bad_ca(ca):
    other = certificates.make_ca()
    with pytest.raises(UsageError, match="does not belong"):
        certificates.sign(Pair(ca.crt, other.key), Leaf())
    with pytest.raises(UsageError, match="not a PEM certificate"):
        certificates.sign(Pair("x", ca.key), Leaf())
    with pytest.raises(UsageError, match="not an unencrypted PEM"):
        certificates.sign(Pair(ca.crt, "x"), Leaf())
