"""What is random: given, kept, or drawn; and the same everywhere in a render."""

import base64
import hashlib

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from tests.support.chart import render, render_upgrade

PEERS = ("server", "hub", "root", "traefik")


@pytest.fixture(scope="module")
def first():
    return render({"proxy": {"traefik": {"dashboard": {"enabled": True}}}})


def certificate(rendered, who):
    return x509.load_pem_x509_certificate(rendered.secret(f"proxy-etcd-{who}")["tls.crt"].encode())


def test_htpasswd_lines_are_what_htpasswd_writes(first):
    users = first.secret("proxy-api-users")
    for user, password, line in (
        ("hub", users["hub-password"], users["hub"]),
        ("admin", users["dashboard-password"], users["dashboard"]),
    ):
        digest = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()  # noqa: S324
        assert line == f"{user}:{{SHA}}{digest}"


@pytest.mark.parametrize("password", ["a-long-password", "ünïcödé-pässwörd", "x" * 100])
def test_htpasswd_line_of_any_password(password):
    rendered = render({"proxy": {"traefik": {"api": {"password": password}}}})
    digest = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()  # noqa: S324
    assert rendered.secret("proxy-api-users")["hub"] == f"hub:{{SHA}}{digest}"


def test_drawn_passwords_are_long_and_different(first):
    users = first.secret("proxy-api-users")
    drawn = [
        users["hub-password"],
        users["dashboard-password"],
        first.secret("proxy-etcd-hub")["password"],
        first.secret("proxy-etcd-root")["password"],
    ]
    assert len(set(drawn)) == 4
    assert all(len(password) == 48 for password in drawn)


def test_given_values_win():
    etcd = {
        "auth": {"rootPassword": "a-root-password", "hubPassword": "a-hub-password"},
        "tls": {who: {"crt": f"{who} crt\n", "key": f"{who} key\n"} for who in (*PEERS, "ca")},
    }
    rendered = render(
        {"proxy": {"etcd": etcd, "traefik": {"api": {"password": "an-api-password"}}}}
    )
    assert rendered.secret("proxy-api-users")["hub-password"] == "an-api-password"
    assert rendered.secret("proxy-etcd-ca") == {"ca.crt": "ca crt", "ca.key": "ca key"}
    for who in PEERS:
        secret = rendered.secret(f"proxy-etcd-{who}")
        assert (secret["ca.crt"], secret["tls.crt"]) == ("ca crt", f"{who} crt")
        assert secret["tls.key"] == f"{who} key"
    assert rendered.secret("proxy-etcd-root")["password"] == "a-root-password"
    assert rendered.secret("proxy-etcd-hub")["password"] == "a-hub-password"
    assert "password" not in rendered.secret("proxy-etcd-traefik")


def test_given_values_make_the_same_bytes_twice():
    tls = {who: {"crt": "PEM", "key": "PEM"} for who in (*PEERS, "ca")}
    auth = {"rootPassword": "a-root-password", "hubPassword": "a-hub-password"}
    values = {
        "hub": {"cookieSecret": "0" * 64, "config": {"CryptKeeper": {"keys": ["1" * 64]}}},
        "proxy": {
            "secretToken": "2" * 64,
            "etcd": {"tls": tls, "auth": auth},
            "traefik": {
                "api": {"password": "an-api-password"},
                "dashboard": {"enabled": True, "password": "a-dashboard-password"},
            },
        },
    }
    assert render(values).objects == render(values).objects


def test_an_upgrade_keeps_everything(first):
    names = [name for kind, name in first.names() if kind == "Secret"]
    secrets = {name: first.secret(name) for name in names}
    upgraded = render_upgrade({"proxy": {"traefik": {"dashboard": {"enabled": True}}}}, secrets)
    for name in names:
        if name != "hub":  # has the values, too, and tests of its own
            assert upgraded.secret(name) == secrets[name]

    def pods(rendered):
        found = [rendered.get("Deployment", "proxy"), rendered.get("StatefulSet", "proxy-etcd")]
        (job,) = [o for o in rendered.objects if o["kind"] == "Job"]
        return [*(o["spec"]["template"] for o in found), job]

    assert pods(upgraded) == pods(first)


def test_an_upgrade_replaces_what_was_deleted(first):
    names = [name for kind, name in first.names() if kind == "Secret"]
    secrets = {name: first.secret(name) for name in names if name != "proxy-etcd-hub"}
    upgraded = render_upgrade({}, secrets)
    assert upgraded.secret("proxy-etcd-ca") == secrets["proxy-etcd-ca"]
    assert upgraded.secret("proxy-etcd-server") == secrets["proxy-etcd-server"]
    new = upgraded.secret("proxy-etcd-hub")
    assert new["tls.crt"] != first.secret("proxy-etcd-hub")["tls.crt"]
    authority = x509.load_pem_x509_certificate(secrets["proxy-etcd-ca"]["ca.crt"].encode())
    certificate(upgraded, "hub").verify_directly_issued_by(authority)


def test_a_new_authority_signs_everything_anew(first):
    names = [name for kind, name in first.names() if kind == "Secret"]
    secrets = {name: first.secret(name) for name in names if name != "proxy-etcd-ca"}
    upgraded = render_upgrade({}, secrets)
    authority = x509.load_pem_x509_certificate(upgraded.secret("proxy-etcd-ca")["ca.crt"].encode())
    for who in PEERS:
        certificate(upgraded, who).verify_directly_issued_by(authority)


def test_only_traefik_has_a_common_name(first):
    """It is its user in etcd; the JSON gateway refuses the others' with one."""
    names = {}
    for who in PEERS:
        found = certificate(first, who).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names[who] = [attribute.value for attribute in found]
    assert names == {"server": [], "hub": [], "root": [], "traefik": ["traefik"]}


@pytest.mark.parametrize("prefix", ["", "x-"])
def test_the_members_certificate_names_each_of_them(prefix):
    rendered = render({"fullnameOverride": prefix.rstrip("-")})
    crt = rendered.secret(f"{prefix}proxy-etcd-server")["tls.crt"].encode()
    names = x509.load_pem_x509_certificate(crt).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    dns = names.value.get_values_for_type(x509.DNSName)
    etcd = f"{prefix}proxy-etcd"
    assert {f"{etcd}-{i}.{etcd}" for i in range(5)} | {etcd, "localhost"} <= set(dns)
    assert not [name for name in dns if "*" in name]
    addresses = [str(a) for a in names.value.get_values_for_type(x509.IPAddress)]
    assert addresses == ["127.0.0.1", "::1"]
