import base64
from ipaddress import IPv4Address

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from tests.e2e.cluster import pki
from tests.e2e.cluster.settings import Cluster


@pytest.fixture(scope="module")
def authority() -> pki.Authority:
    return pki.Authority("a test")


def test_a_certificate_is_signed_and_fits_its_key(authority: pki.Authority) -> None:
    pem, key_pem = authority.issue(pki.Wanted("x", "system:node:a", "system:nodes"))
    certificate = x509.load_pem_x509_certificate(pem)
    key = serialization.load_pem_private_key(key_pem, None)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.pem))
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.rfc4514_string() == "CN=system:node:a,O=system:nodes"


def test_a_server_has_its_names_and_a_client_has_none(authority: pki.Authority) -> None:
    address = IPv4Address("10.0.0.1")
    server, _ = authority.issue(pki.Wanted("x", "a", names=("a.test",), addresses=(address,)))
    names = x509.load_pem_x509_certificate(server).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["a.test"]
    assert names.value.get_values_for_type(x509.IPAddress) == [address]
    client, _ = authority.issue(pki.Wanted("x", "a"))
    with pytest.raises(x509.ExtensionNotFound):
        x509.load_pem_x509_certificate(client).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )


def test_every_node_has_an_identity_of_its_own() -> None:
    files = [want.file for want in pki.wanted(Cluster(workers=3))]
    assert len(files) == len(set(files))
    assert {f"worker-{number}-kubelet" for number in (1, 2, 3)} <= set(files)


def test_a_kubeconfig_carries_everything_inside() -> None:
    text = pki.kubeconfig("https://10.0.0.1:6443", b"authority", "admin", b"certificate", b"key")
    document = yaml.safe_load(text)
    user = document["users"][0]["user"]
    assert base64.b64decode(user["client-key-data"]) == b"key"
    assert document["clusters"][0]["cluster"]["server"] == "https://10.0.0.1:6443"
