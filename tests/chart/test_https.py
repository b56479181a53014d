"""The objects of each type of proxy.https."""

import base64
import tomllib

import pytest
import yaml
from tests.support.chart import ROOT, RenderError, render

from jupyterhub_ha.certificate_issuer_options import HMAC_KEY

PEM = "-----BEGIN X-----\nx\n-----END X-----\n"
HOSTS = ["hub.example.org", "www.example.org"]
TYPES = {
    "letsencrypt": {"letsencrypt": {"contactEmail": "admin@example.org"}, "hosts": HOSTS},
    "manual": {"manual": {"key": PEM, "cert": PEM}},
    "secret": {"secret": {"name": "own-tls", "crt": "chain.pem", "key": "private.pem"}},
    "cert-manager": {
        "hosts": HOSTS,
        "certManager": {
            "issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"},
            "extraSpec": {"duration": "160h", "privateKey": {"size": 384}},
        },
    },
}


def values(kind, **proxy):
    return {"proxy": {"https": {"enabled": True, "type": kind, **TYPES.get(kind, {})}, **proxy}}


@pytest.fixture(scope="module")
def rendered():
    return {kind: render(values(kind)) for kind in (*TYPES, "offload")}


def issuer(made):
    (container,) = made.pod("Deployment", "proxy-certificates")["containers"]
    return container


def documents(made):
    data = made.get("ConfigMap", "proxy")["data"]
    return tomllib.loads(data["traefik.toml"]), tomllib.loads(data["dynamic.toml"])


@pytest.mark.parametrize("kind", TYPES)
def test_the_replicas_end_tls(rendered, kind):
    made = rendered[kind]
    static, dynamic = documents(made)
    https = static["entryPoints"]["https"]
    assert https["address"] == ":8443"
    assert https["http"]["tls"] == {}
    assert https["http"]["middlewares"] == ["hsts@file"]
    assert static["entryPoints"]["http"]["http"]["redirections"]["entryPoint"]["to"] == ":443"
    hsts = dynamic["http"]["middlewares"]["hsts"]["headers"]
    assert hsts == {
        "stsSeconds": 15724800,
        "stsIncludeSubdomains": False,
        "stsPreload": False,
    }
    assert dynamic["tls"]["options"]["default"] == {"minVersion": "VersionTLS12"}
    # Of two providers with a default certificate Traefik would take neither.
    assert "stores" not in dynamic["tls"]
    assert dynamic["http"]["routers"]["fallback"]["entryPoints"] == ["http", "https"]
    (port,) = (p for p in made.get("Service", "proxy-public")["spec"]["ports"] if p["port"] == 443)
    assert port["targetPort"] == "https"
    (traefik,) = made.pod("Deployment", "proxy")["containers"]
    assert {"name": "https", "containerPort": 8443} in traefik["ports"]


def test_without_hsts_and_with_own_options():
    made = render(
        values(
            "secret",
            traefik={
                "hsts": {"maxAge": 0},
                "tls": {"minVersion": "VersionTLS13", "cipherSuites": ["A", "B"]},
            },
        )
    )
    static, dynamic = documents(made)
    assert "middlewares" not in static["entryPoints"]["https"]["http"]
    assert "hsts" not in dynamic["http"]["middlewares"]
    assert dynamic["tls"]["options"]["default"] == {
        "minVersion": "VersionTLS13",
        "cipherSuites": ["A", "B"],
    }


def test_offload_is_as_without(rendered):
    made = rendered["offload"]
    static, dynamic = documents(made)
    assert "https" not in static["entryPoints"]
    assert "redirections" not in static["entryPoints"]["http"]["http"]
    assert "stores" in dynamic["tls"]
    assert not made.has("Deployment", "proxy-certificates")
    assert not made.has("Secret", "proxy-etcd-certificates")
    without = render()
    assert documents(without) == (static, dynamic)


def test_an_authority_is_asked_from_outside_the_users_way(rendered):
    made = rendered["letsencrypt"]
    pod = made.pod("Deployment", "proxy-certificates")
    args = issuer(made)["args"]
    for word in (
        "--host=hub.example.org",
        "--host=www.example.org",
        "--email=admin@example.org",
        "--acme-server=https://acme-v02.api.letsencrypt.org/directory",
        "--state-secret=proxy-certificates",
        "--challenge-address=:8089",
        "--lego=/opt/lego/lego",
    ):
        assert word in args
    (lego,) = pod["initContainers"]
    assert lego["image"] == "goacme/lego:v4.30.1"
    assert pod["automountServiceAccountToken"] is True
    assert pod["serviceAccountName"] == "proxy-certificates"
    _, dynamic = documents(made)
    challenge = dynamic["http"]["routers"]["acme-challenge"]
    assert challenge["rule"] == "PathPrefix(`/.well-known/acme-challenge/`)"
    assert challenge["entryPoints"] == ["http", "https"]
    (server,) = dynamic["http"]["services"]["certificates"]["loadBalancer"]["servers"]
    (port,) = made.get("Service", "proxy-certificates")["spec"]["ports"]
    assert server["url"] == f"http://proxy-certificates:{port['port']}"


def test_the_challenge_comes_before_the_redirect(rendered):
    static, dynamic = documents(rendered["letsencrypt"])
    redirect = static["entryPoints"]["http"]["http"]["redirections"]["entryPoint"]["priority"]
    assert dynamic["http"]["routers"]["acme-challenge"]["priority"] > redirect


def test_the_account_may_read_and_change_one_secret(rendered):
    made = rendered["letsencrypt"]
    (rule,) = made.get("Role", "proxy-certificates")["rules"]
    assert rule == {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": ["proxy-certificates"],
        "verbs": ["get", "patch"],
    }
    secret = made.get("Secret", "proxy-certificates")
    # What is not named here, an upgrade leaves alone.
    assert not {"data", "stringData"} & secret.keys()
    assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


@pytest.mark.parametrize("kind", ["manual", "secret", "cert-manager"])
def test_a_certificate_that_others_keep_needs_no_rights(rendered, kind):
    made = rendered[kind]
    pod = made.pod("Deployment", "proxy-certificates")
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == "default"
    assert "initContainers" not in pod
    names = [name for _, name in made.names()]
    assert ("Role", "proxy-certificates") not in made.names()
    assert ("Service", "proxy-certificates") not in made.names()
    assert names.count("proxy-certificates") == 2  # Deployment and network policy
    (mount,) = (m for m in issuer(made)["volumeMounts"] if m["name"] == "certificate")
    # A mounted single file would stay as it was.
    assert "subPath" not in mount
    assert "--tls-crt=/etc/certificates/tls.crt" in issuer(made)["args"]


def mounted(made):
    volumes = made.pod("Deployment", "proxy-certificates")["volumes"]
    (volume,) = (v["secret"] for v in volumes if v["name"] == "certificate")
    return volume


def test_the_certificate_of_the_values_is_in_a_secret(rendered):
    made = rendered["manual"]
    assert made.secret("proxy-public-manual-tls") == {"tls.crt": PEM, "tls.key": PEM}
    assert mounted(made)["secretName"] == "proxy-public-manual-tls"
    # The hub has nothing to do with it.
    assert PEM not in made.secret("hub")["values.yaml"]


def test_another_certificate_in_the_values_restarts_nothing():
    other = {"manual": {"key": PEM, "cert": PEM.replace("x", "y")}}
    fixed = ("--values", str(ROOT / "tests/chart/secrets.yaml"))
    before, after = (
        render({"proxy": {"https": {"enabled": True, "type": "manual", **each}}}, *fixed)
        for each in (TYPES["manual"], other)
    )
    for name in ("proxy", "proxy-certificates", "hub"):
        assert before.get("Deployment", name) == after.get("Deployment", name)


def test_a_secret_of_ones_own_is_mounted(rendered):
    volume = mounted(rendered["secret"])
    assert volume["secretName"] == "own-tls"
    assert volume["items"] == [
        {"key": "chain.pem", "path": "tls.crt"},
        {"key": "private.pem", "path": "tls.key"},
    ]
    assert volume["optional"] is False


def test_cert_manager_is_told(rendered):
    made = rendered["cert-manager"]
    certificate = made.get("Certificate", "proxy-public-tls")
    assert certificate["apiVersion"] == "cert-manager.io/v1"
    spec = certificate["spec"]
    assert spec["dnsNames"] == HOSTS
    assert spec["issuerRef"] == {"name": "letsencrypt", "kind": "ClusterIssuer"}
    assert spec["duration"] == "160h"
    assert spec["privateKey"] == {"algorithm": "ECDSA", "size": 384, "rotationPolicy": "Always"}
    assert mounted(made)["secretName"] == spec["secretName"]
    assert mounted(made)["optional"] is True


@pytest.mark.parametrize("kind", TYPES)
def test_the_pod_has_an_identity_of_its_own_in_etcd(rendered, kind):
    made = rendered[kind]
    secret = made.secret("proxy-etcd-certificates")
    assert set(secret) == {"ca.crt", "tls.crt", "tls.key", "password"}
    volumes = made.pod("Deployment", "proxy-certificates")["volumes"]
    (volume,) = (v["secret"] for v in volumes if v["name"] == "etcd")
    assert volume["secretName"] == "proxy-etcd-certificates"
    args = issuer(made)["args"]
    assert "--username=certificates" in args
    assert "--password-file=/etc/etcd/password" in args
    (job,) = (o for o in made.objects if o["kind"] == "Job")
    (setup,) = job["spec"]["template"]["spec"]["containers"]
    names = {entry["name"] for entry in setup["env"]}
    assert "JUPYTERHUB_HA_ETCD_CERTIFICATES_PASSWORD" in names


def test_an_etcd_of_ones_own():
    etcd = {
        "enabled": False,
        "endpoints": ["https://etcd.example.org:2379"],
        "existingSecret": {"hub": "a", "traefik": "b", "certificates": "c"},
        "auth": {"certificatesUsername": "tls"},
    }
    made = render(values("secret", etcd=etcd))
    assert "--username=tls" in issuer(made)["args"]
    plain = {"enabled": False, "endpoints": ["http://etcd.example.org:2379"]}
    args = issuer(render(values("secret", etcd=plain)))["args"]
    assert "--username=" in args
    assert not [word for word in args if word.startswith(("--ca-file", "--password-file"))]


def test_an_authority_that_systems_do_not_trust():
    more = {"contactEmail": "a@example.org", "caCertificates": PEM, "profile": "shortlived"}
    made = render(
        {"proxy": {"https": {"enabled": True, "hosts": HOSTS, "letsencrypt": more}}},
    )
    assert made.get("ConfigMap", "proxy-certificates")["data"]["ca.crt"] == PEM
    args = issuer(made)["args"]
    assert "--acme-ca-file=/etc/certificates/ca.crt" in args
    assert "--profile=shortlived" in args


def test_the_hub_is_told_of_the_entry_points_and_of_no_key(rendered):
    told = yaml.safe_load(rendered["letsencrypt"].secret("hub")["values.yaml"])["proxy"]
    assert told["https"] == {"enabled": True, "type": "letsencrypt", "hosts": HOSTS}
    assert "certificates" not in told
    assert "certificates" not in str(told["etcd"])


def test_another_releases_hub_is_told_of_the_entry_points():
    made = render({"fullnameOverride": "companion", "hub": {"enabled": False}, **values("secret")})
    told = yaml.safe_load(made.get("ConfigMap", "companion-z2jh-values")["data"]["values.yaml"])
    config = told["hub"]["extraConfig"]["jupyterhub-ha"]
    assert 'c.TraefikEtcdProxy.entry_points = ["http","https"]' in config


def test_the_test_asks_by_https(rendered):
    (container,) = rendered["manual"].get("Pod", "hub-test")["spec"]["containers"]
    assert "--login=https://proxy-public/" in container["args"]
    assert "--any-certificate" in container["args"]


def test_a_port_that_is_taken():
    with pytest.raises(RenderError, match="8443 is taken by another port"):
        render({"proxy": {"traefik": {"dashboard": {"enabled": True, "port": 8443}}}})


def test_the_key_of_an_external_account_is_in_one_secret_alone():
    key = "c2VjcmV0LWtleS1vZi1hbi1hY2NvdW50"
    binding = {"keyId": "kid 1", "hmacKey": key}
    acme = TYPES["letsencrypt"]["letsencrypt"] | {"externalAccountBinding": binding}
    https = {"enabled": True, "hosts": HOSTS, "letsencrypt": acme}
    made = render({"proxy": {"https": https}})
    encoded = base64.b64encode(key.encode()).decode()
    holding = [o for o in made.objects if key in str(o) or encoded in str(o)]
    assert [(o["kind"], o["metadata"]["name"]) for o in holding] == [
        ("Secret", "proxy-certificates-eab")
    ]
    assert holding[0]["data"] == {"hmac-key": encoded}
    # The hub's values are a text within a text.
    assert key not in base64.b64decode(made.get("Secret", "hub")["data"]["values.yaml"]).decode()
    container = issuer(made)
    assert "--eab-key-id=kid 1" in container["args"]
    (variable,) = (e for e in container["env"] if e["name"] == HMAC_KEY)
    assert variable["valueFrom"]["secretKeyRef"] == {
        "name": "proxy-certificates-eab",
        "key": "hmac-key",
    }
