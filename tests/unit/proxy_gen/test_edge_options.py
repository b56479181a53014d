"""What `proxy-gen edge` takes and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_gen.edge import Edge, Upstream
from proxy_gen.edge_options import Asked, check
from proxy_gen.errors import Problem, ProblemsError
from proxy_gen.values import Values, parse

DEFAULTS = {
    "hub": {"baseUrl": "/"},
    "proxy": {"kind": "traefik-etcd", "https": {"hosts": []}},
    "ingress": {"hosts": []},
}


def edge(values: dict[str, Any] | None = None, **options: Any) -> Edge:
    asked = {"server": "nginx", "names": ["hub.example.com"], **options}
    return check(Asked(**asked), Values(values or {}), DEFAULTS)


def problems(values: str = "", **options: Any) -> list[str]:
    source = parse(values, "values.yaml")
    asked = {"server": "nginx", "names": ["hub.example.com"], **options}
    with pytest.raises(ProblemsError) as caught:
        check(Asked(**asked), Values(source.data, (source,)), DEFAULTS)
    return [str(problem) for problem in caught.value.problems]


def test_what_is_not_said_is_for_a_proxy_on_the_same_host() -> None:
    one = edge()
    assert one.upstreams == (Upstream("127.0.0.1", 8000),)
    assert [str(source) for source in one.sources] == ["127.0.0.1/32", "::1/128"]
    assert (one.certificate, one.key) == (
        "/etc/ssl/certs/hub.example.com.crt",
        "/etc/ssl/private/hub.example.com.key",
    )
    assert (one.base, one.prefix, one.url) == ("/", "", "https://hub.example.com/")
    assert (one.ports, one.max_body, one.addresses) == ((80, 443), 0, ())


@pytest.mark.parametrize(
    ("https", "ingress", "names"),
    [
        (["a.example.com"], ["b.example.com"], ("a.example.com",)),
        ([], ["b.example.com", "C.example.com"], ("b.example.com", "c.example.com")),
    ],
)
def test_names_are_those_of_the_values(
    https: list[str], ingress: list[str], names: tuple[str, ...]
) -> None:
    values = {"proxy": {"https": {"hosts": https}}, "ingress": {"hosts": ingress}}
    assert edge(values, names=[]).names == names
    assert edge(values, names=["d.example.com"]).names == ("d.example.com",)


def test_without_a_name_the_cure_is_told() -> None:
    (problem,) = problems(names=[])
    assert problem.startswith("--name: no host name; give --name")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a b",
        "a;b",
        "a{b",
        'a"b',
        "a'b",
        "a\nb",
        "a#b",
        "$host",
        "*.example.com",
        "https://a",
        "a:1",
        "-a",
        "a..b",
        "a`b",
        "ü.de",
        "a.",
        "a" * 64,
        ".".join(["a" * 60] * 5),
    ],
)
def test_names_that_break_a_configuration_are_refused(name: str) -> None:
    (problem,) = problems(names=[name])
    assert "is no host name; write it like hub.example.com" in problem


def test_a_bad_name_in_the_values_has_its_place() -> None:
    text = "ingress:\n  hosts:\n    - good.example.com\n    - bad name\n"
    (problem,) = problems(text, names=[])
    assert problem.startswith("values.yaml:4: ingress.hosts[1]: 'bad name' is no host name;")


@pytest.mark.parametrize(
    ("base", "corrected"),
    [("/", "/"), ("/a", "/a/"), ("/a/", "/a/"), ("/a/b-c_d.e~", "/a/b-c_d.e~/")],
)
def test_a_base_url_gets_its_slash(base: str, corrected: str) -> None:
    one = edge({"hub": {"baseUrl": base}})
    assert (one.base, one.given_base) == (corrected, base)


def test_a_base_url_without_its_first_slash_is_refused_with_the_cure() -> None:
    (problem,) = problems("hub: {baseUrl: jupyter/}\n")
    assert problem == (
        "values.yaml:1: hub.baseUrl: 'jupyter/' does not begin with a slash; write /jupyter/"
    )


@pytest.mark.parametrize(
    "base",
    [
        "/a b/",
        "/a;b/",
        "/a{b}/",
        "/a//b/",
        "//",
        "/../",
        "/a/./b/",
        '/"/',
        "/a\n/",
        "/%2F/",
        "/$x/",
    ],
)
def test_a_base_url_that_breaks_a_configuration_is_refused(base: str) -> None:
    with pytest.raises(ProblemsError, match="cannot stand in a web server's configuration"):
        edge({"hub": {"baseUrl": base}})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.0.0.5:80", "10.0.0.5:80"),
        ("[fd00::5]:8000", "[fd00::5]:8000"),
        ("Proxy.example.com:80", "proxy.example.com:80"),
    ],
)
def test_upstreams(text: str, found: str) -> None:
    (upstream,) = edge(upstreams=[text, text], sources=["10.0.0.7/32"]).upstreams
    assert str(upstream) == found


@pytest.mark.parametrize(
    "text",
    ["10.0.0.5", ":80", "a:", "a:0", "a:65536", "a:x", "a b:80", "a;b:80", "300.1.1.1:80", "a:1\n",
     "http://a:80", "fe80::1%eth0:80", "a:٣"],
)  # fmt: skip
def test_upstreams_that_are_none(text: str) -> None:
    found = problems(upstreams=[text], sources=["10.0.0.7/32"])
    assert found == [
        f"--upstream: {text!r} is no HOST:PORT; "
        "write it like 10.0.0.5:8000, [fd00::5]:8000 or proxy.example.com:80"
    ]


@pytest.mark.parametrize("loopback", ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"])
def test_from_is_known_on_loopback(loopback: str) -> None:
    assert len(edge(upstreams=[loopback]).sources) == 2


def test_from_must_be_told_elsewhere() -> None:
    (problem,) = problems(upstreams=["127.0.0.1:8000", "10.0.0.5:80"])
    assert problem.startswith("--from: the proxy at 10.0.0.5:80 must know from which addresses")
    assert "believes X-Forwarded-* from nobody else" in problem


@pytest.mark.parametrize("text", ["10.0.0.7/8", "x", "10.0.0.0/33", "0.0.0.0/0", "::/0"])
def test_networks_that_are_refused(text: str) -> None:
    (problem,) = problems(sources=[text])
    assert problem.startswith("--from: ")


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 0), ("1000", 1000), ("100M", 100 << 20), ("2g", 2 << 30), ("1KiB", 1024)],
)
def test_sizes(text: str, size: int) -> None:
    assert edge(max_body=text).max_body == size


@pytest.mark.parametrize("text", ["0", "-1", "1.5G", "M", "5 M", "1;", "many"])
def test_sizes_that_are_none(text: str) -> None:
    assert problems(max_body=text) == [f"--max-body: {text!r} is no size; write it like 500M or 2G"]


@pytest.mark.parametrize("path", ["relative.crt", "/a b", "/a;b", "/a\n", "/a{", '/a"', "/$x"])
@pytest.mark.parametrize("option", ["certificate", "key"])
def test_paths_that_break_a_configuration_are_refused(option: str, path: str) -> None:
    (problem,) = problems(**{option: path})
    assert problem.startswith(f"--{option}: {path!r} cannot stand")


def test_haproxy_has_certificate_and_key_in_one_file() -> None:
    assert edge(server="haproxy").pem == "/etc/haproxy/hub.example.com.pem"
    assert edge(server="haproxy", certificate="/c.pem").pem == "/c.pem"
    both = edge(server="haproxy", certificate="/c.pem", key="/k.pem")
    assert both.pem == "/etc/haproxy/hub.example.com.pem"


def test_what_traefik_cannot_do_is_refused() -> None:
    found = problems(server="traefik", max_body="1G", addresses=["127.0.0.1", "::1"])
    assert [problem.partition(":")[0] for problem in found] == ["--address", "--max-body"]


def test_without_tls_there_is_no_certificate() -> None:
    one = edge(tls=False)
    assert (one.certificate, one.ports, one.url) == ("", (80,), "http://hub.example.com/")
    assert len(problems(tls=False, certificate="/c", key="/k")) == 2


def test_tls_ends_in_one_place() -> None:
    one = edge(tls=False, tls_in_front=True, http_port=8080)
    assert (one.scheme, one.port, one.url) == ("http", 8080, "https://hub.example.com/")
    assert problems(tls_in_front=True) == [
        "--tls-in-front: TLS ends here, too; give --no-tls with it"
    ]


def test_everything_is_told_at_once() -> None:
    found = problems(
        "hub: {baseUrl: /a b/}\n",
        names=["a b", "c d"],
        upstreams=["x", "10.0.0.5:80"],
        certificate="x",
        key="y",
        max_body="z",
        http_port=80,
        https_port=80,
        addresses=["nowhere"],
    )
    places = [problem.partition(": ")[0] for problem in found]
    assert sorted(places) == sorted(
        ["--address", "--certificate", "--from", "--https-port", "--key", "--max-body", "--name",
         "--name", "--upstream", "values.yaml:1"]
    )  # fmt: skip


def test_what_the_schema_found_comes_with_it() -> None:
    before = Problem("values.yaml", 1, "hub.baseUrl", "7 is no text", "write a text")
    with pytest.raises(ProblemsError) as caught:
        check(Asked("nginx", names=["a b"]), Values({"hub": {"baseUrl": 7}}), DEFAULTS, [before])
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("port", [80, 443])
def test_the_web_server_is_not_its_own_upstream(port: int) -> None:
    (said,) = problems(upstreams=[f"127.0.0.1:{port}"])
    assert "where this web server listens itself; let the proxy listen at another port" in said
    assert edge(upstreams=[f"127.0.0.1:{port}"], addresses=["192.0.2.7"]).upstreams


@pytest.mark.parametrize(
    ("https", "ends"),
    [
        ({"enabled": True}, True),
        ({"enabled": True, "type": "secret"}, True),
        ({"enabled": True, "type": "offload"}, False),
        ({}, False),
    ],
)
def test_our_proxy_ends_no_tls_behind_it(https: dict[str, Any], ends: bool) -> None:
    assert edge({"proxy": {"https": https}}).ends_https is ends
