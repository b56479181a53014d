"""Names, texts and rules."""

from __future__ import annotations

import itertools
import re

import pytest

from jupyterhub_ha.errors import RouteError
from jupyterhub_ha.routes import (
    ENCODED_SLASH,
    Names,
    check_namespace,
    check_target,
    else_rule,
    enclosing_texts,
    low_priority,
    route_text,
    rule,
)


@pytest.mark.parametrize(
    ("routespec", "text"),
    [
        ("/", ""),
        ("/user/ada/", "/user/ada/"),
        ("/user/ada", "/user/ada/"),
        ("/user/a@b.com/", "/user/a@b.com/"),
        ("/user/a%40b.com/", "/user/a@b.com/"),
        ("/user/a%20b/", "/user/a b/"),
        ("/user/%C3%BCser/", "/user/\xc3\xbcser/"),
        ("/user/üser/", "/user/\xc3\xbcser/"),
        ("/user/x%25y/", "/user/x%y/"),
        ("/user/x%y/", "/user/x%y/"),
        ("/user/x%2Fy/", f"/user/x{ENCODED_SLASH}y/"),
        ("/user/x%2fy/", f"/user/x{ENCODED_SLASH}y/"),
        ("/user/x%252Fy/", "/user/x%2Fy/"),
        ("/user/%3F%23/", "/user/?#/"),
        ("/user/%FF%00/", "/user/\xff\x00/"),
        ("/user/trailing%/", "/user/trailing%/"),
        ("Ada.Example.COM/", "ada.example.com/"),
        ("ada.example.com/user/Ada", "ada.example.com/user/Ada/"),
    ],
)
def test_text_is_one_spelling_of_a_routespec(routespec: str, text: str) -> None:
    assert route_text(routespec) == text


@pytest.mark.parametrize(
    "routespec", ["", "host.example.com", "a b/x/", "a`b/", "höst/", "*/", ".x/", "h:80/"]
)
def test_impossible_routespecs_are_refused(routespec: str) -> None:
    with pytest.raises(RouteError, match="routespec"):
        route_text(routespec)


@pytest.mark.parametrize(
    ("text", "within", "expected"),
    [
        ("/user/ada/", "", "PathPrefix(`/user/ada/`) || Path(`/user/ada`)"),
        ("/user/a", "", "PathPrefix(`/user/a`)"),
        ("/user/a b/", "", "PathPrefix(`/user/a b/`) || Path(`/user/a b`)"),
        (
            "/a@b/",
            "",
            "PathPrefix(`/a@b/`) || Path(`/a@b`) || PathPrefix(`/a%40b/`) || Path(`/a%40b`)",
        ),
        ("/a@", "", "PathPrefix(`/a@`) || PathPrefix(`/a%40`)"),
        ("/x%y", "", "PathPrefix(`/x%25y`)"),
        (f"/x{ENCODED_SLASH}y", "", "PathPrefix(`/x%2Fy`)"),
        ("/?#", "", "PathPrefix(`/%3F%23`)"),
        ("/\xc3\xbc", "", "PathPrefix(`/ü`)"),
        ("/\xc3", "", 'PathPrefix("/\\xc3")'),
        ("/`) || Path(`", "", None),
        ('/"\\`', "", 'PathPrefix("/\\x22\\x5c`")'),
        ("/\r\n", "", 'PathPrefix("/\\x0d\\x0a")'),
        ("ad", "", "HostRegexp(`^ad`)"),
        ("ada.ex", "", r"HostRegexp(`^ada\.ex`)"),
        ("ada.example.com/", "", "Host(`ada.example.com`) && PathPrefix(`/`)"),
        (
            "ada.example.com/x/",
            "ad",
            "Host(`ada.example.com`) && (PathPrefix(`/x/`) || Path(`/x`))",
        ),
        ("ada.example.com/x/", "ada.example.com/", "PathPrefix(`/x/`) || Path(`/x`)"),
    ],
)
def test_rule(text: str, within: str, expected: str | None) -> None:
    if expected is None:
        # What looks like the rule language stays inside one quoted string.
        assert re.sub(r'"(\\.|[^"\\])*"|`[^`]*`', "_", rule(text)).count("(") == rule(text).count(
            "Prefix("
        )
    else:
        assert rule(text, within) == expected


NASTY = [
    "a",
    "@",
    "!",
    "%",
    "`",
    "\xc3",
    "\xc3\xbc",
    '"',
    "(",
    "+",
    " ",
    ENCODED_SLASH,
    "'",
    "\x00",
]


def test_the_more_specific_rule_is_longer() -> None:
    for name in map("".join, itertools.product(NASTY, repeat=3)):
        outer, inner = f"/{name[0]}/", f"/{name[0]}/{name[1:]}/"
        assert len(else_rule()) < len(rule(f"/{name}").encode()), name
        assert len(else_rule()) < len(rule(outer).encode()) < len(rule(inner).encode()), name
        assert len(else_rule()) < low_priority(outer) < len(rule(inner[:-1]).encode()), name


def test_the_more_specific_host_rule_is_longer() -> None:
    texts = ["h.x/", "h.x/a/", "h.x/a/b/"]
    for outer, inner in itertools.pairwise(texts):
        assert len(else_rule()) < len(rule(outer)) < len(rule(inner))
        assert len(else_rule()) < low_priority(outer) < len(rule(inner[:-1]))
    assert len(else_rule()) < low_priority("h.x/a/", "h.x/") < len(rule("h.x/a/b", "h.x/"))


def test_enclosing_texts_are_listed_longest_first() -> None:
    assert enclosing_texts("/user/ada/lab/") == ["/user/ada/", "/user/", ""]
    assert enclosing_texts("/user/ad") == ["/user/", ""]
    assert enclosing_texts("ada.example.com/x") == ["ada.example.com/", ""]
    assert enclosing_texts("ad") == [""]
    assert enclosing_texts("") == []


@pytest.mark.parametrize("namespace", ["", "b", "team-1"])
def test_names_are_safe_keys_and_recognised(namespace: str) -> None:
    names, others = Names(namespace), [Names(n) for n in ("", "b", "team-1") if n != namespace]
    texts = ["", "/user/ada/", "/user/A@b.COM/", "/user/\xc3\xbc`/", "h.x/", "/" + "9" * 300 + "/"]
    made = [f(t) for f in (names.route, names.node, names.fallback) for t in texts]
    assert len(set(made)) == len(made)
    for name in made:
        assert re.fullmatch(r"[a-z2-7]{12}_[a-z0-9_-]+", name)
        assert len(name) < 75
        assert names.is_own(name)
        assert not any(other.is_own(name) for other in others)
    assert "user-ada" in names.route("/user/ada/")


def test_names_of_routes_that_differ_only_in_case_differ() -> None:
    assert Names().route("/user/Ada/") != Names().route("/user/ada/")


@pytest.mark.parametrize("name", ["dashboard", "api@internal", "abcdefghijkl", "ABCDEFGHIJKL_x"])
def test_foreign_names_are_not_own(name: str) -> None:
    assert not Names().is_own(name)


@pytest.mark.parametrize("namespace", ["A", "a b", "a/b", "-a", "a_b", "x" * 21, "routes", "nodes"])
def test_bad_namespaces_are_refused(namespace: str) -> None:
    with pytest.raises(RouteError, match="namespace"):
        check_namespace(namespace)


@pytest.mark.parametrize("target", ["", "10.0.0.1:80", "http://", "ftp://x", "http+unix://x"])
def test_bad_targets_are_refused(target: str) -> None:
    with pytest.raises(RouteError, match="target"):
        check_target(target)


def test_good_targets_are_returned_as_given() -> None:
    assert check_target("http://[::1]:8888") == "http://[::1]:8888"
