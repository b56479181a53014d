"""Traefik's option names: known ones pass, typos are found and suggested."""

import tomllib

import pytest

from proxy_gen import traefik_options


def unknown(text, kind):
    return [
        (".".join(map(str, one.path)), one.suggestion)
        for one in traefik_options.unknown(tomllib.loads(text), kind)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[accessLog]\nformat = 'json'",
        "[ACCESSLOG]\nFORMAT = 'json'",
        "[entryPoints.any-name.transport.respondingTimeouts]\nreadTimeout = 0",
        "[[entryPoints.web.http.tls.domains]]\nmain = 'x'\nsans = ['y']",
        "[providers.etcd]\nrootKey = 'x'\n[providers.etcd.tls]\nca = 'x'",
        "[experimental.plugins.p]\nmoduleName = 'x'",
        "[metrics.prometheus]\nbuckets = [1.0]",
        "[api]\n[ping]\nentryPoint = 'x'",
    ],
)
def test_static_options_are_known(text):
    assert unknown(text, "static") == []


@pytest.mark.parametrize(
    "text",
    [
        "[http.routers.r]\nrule = 'x'\nparentRefs = ['y']\npriority = 1",
        "[[http.services.s.loadBalancer.servers]]\nurl = 'x'",
        "[http.middlewares.m.basicAuth]\nusers = ['x']",
        "[http.middlewares.m.plugin.any.thing]\nat = 'all'",
        "[http.middlewares.m.headers.customResponseHeaders]\nX-Any = 'x'",
        "[tls.stores.default.defaultCertificate]\ncertFile = 'x'",
    ],
)
def test_dynamic_options_are_known(text):
    assert unknown(text, "dynamic") == []


@pytest.mark.parametrize(
    ("text", "kind", "path", "suggestion"),
    [
        ("[acess]", "static", "acess", "accessLog"),
        ("[acessLog]", "static", "acessLog", "accessLog"),
        ("[accessLog]\nfomat = 1", "static", "accessLog.fomat", "accessLog.format"),
        ("[entrypoint.web]", "static", "entrypoint", "entryPoints"),
        (
            "[entryPoints.web]\nadress = ':1'",
            "static",
            "entryPoints.web.adress",
            "entryPoints.web.address",
        ),
        ("[xyzzy]", "static", "xyzzy", ""),
        (
            "[[http.services.s.loadBalancer.servers]]\nurll = 'x'",
            "dynamic",
            "http.services.s.loadBalancer.servers.0.urll",
            "http.services.s.loadBalancer.servers.0.url",
        ),
        ("[http.router.r]", "dynamic", "http.router", "http.routers"),
    ],
)
def test_typos(text, kind, path, suggestion):
    assert unknown(text, kind) == [(path, suggestion)]


def test_version_is_that_of_the_list():
    assert traefik_options.version("static").startswith("3.")
