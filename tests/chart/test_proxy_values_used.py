"""Whatever the chart accepts below `proxy` changes the rendered objects, or is refused."""

import functools
import json
import re

import pytest
from tests.chart.test_hub_values_used import SCHEMA, another, leaves, nested
from tests.support.chart import RenderError, render

from jupyterhub_ha.values import Values, merge

OPTIONS = leaves(SCHEMA["properties"]["proxy"], "proxy")

EXCEPTIONS = {
    "proxy.contentSecurityPolicy.hub": "the hub's own to read: test_content_security.py",
    "proxy.contentSecurityPolicy.singleuser": "the hub's own to read: test_content_security.py",
    "proxy.etcd.tls.validDays": "of certificates that are drawn; here they are given",
}

# With these, every option has something to act on, and nothing is drawn.
PEM = {"crt": "x", "key": "y"}
BASE = {
    "hub": {"cookieSecret": "b" * 64, "config": {"CryptKeeper": {"keys": ["c" * 64]}}},
    "proxy": {
        "secretToken": "a" * 64,
        "https": {"enabled": True, "type": "offload"},
        "traefik": {
            "api": {"password": "p" * 12},
            "dashboard": {"enabled": True, "password": "q" * 12},
            "autoscaling": {"enabled": True},
            "resources": {"requests": {"cpu": 1}},
            "serviceAccount": {"create": True},
        },
        "etcd": {
            "auth": {"rootPassword": "r" * 12, "hubPassword": "s" * 12},
            "tls": dict.fromkeys(("ca", "server", "hub", "root", "traefik"), PEM),
        },
        "chp": {"pdb": {"enabled": True}},
    },
}

# By the options that act only where the replicas end TLS: what they need beside BASE.
PUBLISHED = {
    "auth": {"certificatesPassword": "t" * 12},
    "tls": {"certificates": PEM},
}
MANUAL = {"cert": "-----BEGIN x", "key": "-----BEGIN y"}
LETSENCRYPT = {
    "type": "letsencrypt",
    "letsencrypt": {"contactEmail": "a@example.org", "caCertificates": "z"},
}
BOUND = {"keyId": "k", "hmacKey": "b3RoZXIw"}
TLS_BASES = {
    r"https\.certManager\.": {"type": "cert-manager", "certManager": {"issuerRef": {"name": "i"}}},
    r"https\.manual\.": {"type": "manual", "manual": MANUAL},
    r"https\.secret\.": {"type": "secret", "secret": {"name": "s"}},
    r"https\.letsencrypt\.externalAccountBinding\.": {
        **LETSENCRYPT,
        "letsencrypt": {**LETSENCRYPT["letsencrypt"], "externalAccountBinding": BOUND},
    },
    r"https\.(hosts$|letsencrypt\.)": LETSENCRYPT,
    r"certificates\.|etcd\.(auth|tls)\.certificates|traefik\.(hsts|tls)\.": LETSENCRYPT,
}

# Where any value of the right type would not do.
SAMPLES = {
    "proxy.deploymentStrategy.type": "Recreate",
    "proxy.etcd.maxTxnOps": 500,
    "proxy.etcd.quotaBackendBytes": 1073741824,
    "proxy.etcd.replicas": 5,
    "proxy.etcd.setup.activeDeadlineSeconds": 60,
    "proxy.etcd.snapshotCount": 5000,
    "proxy.https.hosts": ["other.example.org"],
    "proxy.https.letsencrypt.acmeServer": "https://acme.example.org/directory",
    "proxy.https.letsencrypt.contactEmail": "b@example.org",
    "proxy.https.letsencrypt.externalAccountBinding.hmacKey": "b3RoZXIx",
    "proxy.https.manual.cert": "-----BEGIN v",
    "proxy.https.manual.key": "-----BEGIN w",
    "proxy.traefik.dashboard.port": 9999,
    "proxy.traefik.providersThrottleDuration": "1s",
}


def base_for(path):
    """Values with which the option has something to act on."""
    for pattern, https in TLS_BASES.items():
        if re.match(rf"proxy\.({pattern})", path):
            names = {"hosts": ["hub.example.org"]}
            return merge(BASE, {"proxy": {"https": {**https, **names}, "etcd": PUBLISHED}})
    return BASE


def visible(values, kind):
    """The rendered objects without what shows every change anyway; or the refusal."""
    try:
        rendered = render(merge({"proxy": {"kind": kind}}, values))
    except RenderError as error:
        if "these values do not fit together" not in str(error):
            raise
        return f"refused: {error}"
    del rendered.get("Deployment", "hub")["spec"]["template"]["metadata"]["annotations"]
    del rendered.get("Secret", "hub")["data"]["values.yaml"]
    return rendered.objects


@functools.cache
def visible_before(base, kind):
    """What is visible with these values, which are JSON."""
    return visible(json.loads(base), kind)


@pytest.mark.parametrize("path", sorted(set(OPTIONS) - set(EXCEPTIONS)))
def test_an_option_has_an_effect(path):
    kind = "chp" if path.startswith(("proxy.chp.", "proxy.secretToken")) else "traefik-etcd"
    schema = OPTIONS[path]
    base = base_for(path)
    present = Values(base).get(path, schema.get("default"))
    value = SAMPLES.get(path) or another(path, schema, present)
    if path == "proxy.traefik.replicas":
        values = merge(BASE, {"proxy": {"traefik": {"autoscaling": {"enabled": False}}}})
        assert visible(merge(values, nested(path, 7)), kind) != visible(values, kind)
        return
    before = visible_before(json.dumps(base), kind)
    assert not isinstance(before, str), before
    assert visible(merge(base, nested(path, value)), kind) != before


def test_the_exceptions_are_options():
    assert set(EXCEPTIONS) <= set(OPTIONS)
    assert len(OPTIONS) > 150
