"""What is secret is known by its path or by its text."""

import pytest

from proxy_gen import masking
from proxy_gen.secrets import PLACEHOLDER


@pytest.mark.parametrize(
    "path",
    [
        ("hub", "cookieSecret"),
        ("hub", "config", "CryptKeeper", "keys", 0),
        ("proxy", "etcd", "tls", "server", "crt"),
        ("hub", "db", "password"),
        ("hub", "config", "GitHubOAuthenticator", "client_secret"),
        ("hub", "services", "x", "apiToken"),
        ("hub", "extraEnv", "AWS_SECRET_ACCESS_KEY"),
        ("spec", "containers", "hub", "env", "DB_PASSWORD", "value"),
        ("imagePullSecret", "password"),
        ("proxy", "https", "letsencrypt", "externalAccountBinding", "hmacKey"),
    ],
)
def test_secret(path):
    assert masking.is_secret(path, "text")
    assert masking.is_secret(path, 1234)


@pytest.mark.parametrize(
    "path",
    [
        ("hub", "existingSecret"),
        ("ingress", "tls", 0, "secretName"),
        ("imagePullSecrets", 0),
        ("spec", "automountServiceAccountToken"),
        ("metadata", "annotations", "checksum/secret"),
        ("proxy", "traefik", "replicas"),
    ],
)
def test_not_secret(path):
    assert not masking.is_secret(path, "text")


@pytest.mark.parametrize("value", [None, "", True, {}, [], PLACEHOLDER])
def test_what_has_nothing_to_hide(value):
    assert not masking.is_secret(("hub", "cookieSecret"), value)


def test_private_key_is_secret_anywhere():
    assert masking.is_secret(("data", "x"), "-----BEGIN PRIVATE KEY-----\nabc")
