"""HTTPS on one host: what Traefik is told, and what is refused."""

from pathlib import Path

import pytest

from proxy_gen.errors import UsageError
from proxy_gen.host_https import HostHttps, check

SETTINGS = {
    "enabled": True,
    "type": "letsencrypt",
    "hosts": ["hub.example.org", "www.example.org"],
    "letsencrypt": {
        "contactEmail": "admin@example.org",
        "acmeServer": "https://acme.example.org/dir",
        "profile": None,
        "caCertificates": None,
        "externalAccountBinding": {"keyId": None, "hmacKey": None},
    },
    "manual": {"key": None, "cert": None},
    "secret": {"name": None, "key": "tls.key", "crt": "tls.crt"},
}
STATIC = {"entryPoints": {"https": {"address": ":8443", "http": {"tls": {}}}}}
DYNAMIC = {
    "http": {
        "routers": {"acme-challenge": {}, "fallback": {}},
        "services": {"certificates": {}, "hub": {}},
    },
    "tls": {"options": {"default": {"minVersion": "VersionTLS12"}}},
}


def https(*, by_etcd=False, **changed):
    return HostHttps(SETTINGS | changed, Path("/etc/t/tls"), Path("/var/lib/acme"), by_etcd)


def test_traefik_asks_the_authority_itself():
    found = https().static(STATIC)
    acme = found["certificatesResolvers"]["letsencrypt"]["acme"]
    assert acme == {
        "email": "admin@example.org",
        "caServer": "https://acme.example.org/dir",
        "storage": "/var/lib/acme/acme.json",
        "httpChallenge": {"entryPoint": "http"},
    }
    assert found["entryPoints"]["https"]["http"]["tls"] == {
        "certResolver": "letsencrypt",
        "domains": [{"main": "hub.example.org", "sans": ["www.example.org"]}],
    }
    assert STATIC["entryPoints"]["https"]["http"]["tls"] == {}


def test_an_authority_of_ones_own():
    acme = SETTINGS["letsencrypt"] | {"profile": "short", "caCertificates": "PEM"}
    own = https(letsencrypt=acme)
    assert own.texts == {Path("/etc/t/tls/authority.crt"): "PEM"}
    told = own.static(STATIC)["certificatesResolvers"]["letsencrypt"]["acme"]
    assert told["profile"] == "short"
    assert told["caCertificates"] == ["/etc/t/tls/authority.crt"]


def test_an_external_account():
    binding = {"keyId": "kid-1", "hmacKey": "c2VjcmV0"}
    settings = {"letsencrypt": SETTINGS["letsencrypt"] | {"externalAccountBinding": binding}}
    bound = https(**settings)
    told = bound.static(STATIC)["certificatesResolvers"]["letsencrypt"]["acme"]
    assert told["eab"] == {"kid": "kid-1", "hmacEncoded": "c2VjcmV0"}
    assert bound.has_secret
    # Of the issuer's Traefik knows nothing.
    assert not https(by_etcd=True, **settings).has_secret


def test_what_the_charts_issuer_would_need_is_not_there():
    found = https().dynamic(DYNAMIC)
    assert found["http"] == {"routers": {"fallback": {}}, "services": {"hub": {}}}
    assert found["tls"]["options"] == DYNAMIC["tls"]["options"]
    generated = found["tls"]["stores"]["default"]["defaultGeneratedCert"]
    assert generated["resolver"] == "letsencrypt"


def test_the_certificate_of_the_values():
    manual = https(type="manual", manual={"key": "K", "cert": "C"})
    assert manual.texts == {Path("/etc/t/tls/tls.crt"): "C", Path("/etc/t/tls/tls.key"): "K"}
    shown = manual.dynamic(DYNAMIC)["tls"]["stores"]["default"]["defaultCertificate"]
    assert shown == {"certFile": "/etc/t/tls/tls.crt", "keyFile": "/etc/t/tls/tls.key"}
    assert manual.static(STATIC) == STATIC


def test_a_certificate_that_another_program_keeps():
    secret = {"name": "/etc/live/hub", "crt": "fullchain.pem", "key": "privkey.pem"}
    kept = https(type="secret", secret=secret)
    assert kept.texts == {}
    shown = kept.dynamic(DYNAMIC)["tls"]["stores"]["default"]["defaultCertificate"]
    assert shown["certFile"] == "/etc/live/hub/fullchain.pem"
    check(kept, replicas=3)


@pytest.mark.parametrize("changed", [{"enabled": False}, {"type": "offload"}])
def test_without(changed):
    without = https(**changed)
    assert without.static(STATIC) == STATIC
    assert without.dynamic(DYNAMIC) == DYNAMIC
    check(without, replicas=2)
    assert not https(by_etcd=True, **changed).has_issuer


@pytest.mark.parametrize(
    ("changed", "replicas", "words"),
    [
        (
            {},
            2,
            "proxy.traefik.replicas: 2 instances .* set it to 1, or proxy.kind to traefik-etcd",
        ),
        ({"type": "cert-manager"}, 1, "proxy.https.type: .*use letsencrypt"),
        ({"type": "cert-manager", "by_etcd": True}, 1, "proxy.https.type: .*use letsencrypt"),
        (
            {"type": "secret", "secret": {"name": "tls", "key": "k", "crt": "c"}},
            1,
            "proxy.https.secret.name: .*write the folder",
        ),
    ],
)
def test_refused(changed, replicas, words):
    with pytest.raises(UsageError, match=words):
        check(https(**changed), replicas=replicas)


def test_with_etcd_the_issuer_publishes_and_traefik_asks_nobody():
    published = https(by_etcd=True)
    assert published.has_issuer
    assert not published.is_traefiks
    assert published.static(STATIC) == STATIC
    assert published.dynamic(DYNAMIC) == DYNAMIC
    check(published, replicas=3)
