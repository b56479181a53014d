"""The three forms of a report."""

import xml.etree.ElementTree as ET

from proxy_gen import report
from proxy_gen.errors import Problem

FOUND = {
    "kubernetes": [],
    "traefik": [
        Problem("v.yaml", 3, "proxy.x", "bad <thing>\x1b", "do, this: 100%", "traefik"),
        Problem("traefik.toml", 0, "a", "no cure", "", "traefik"),
    ],
}


def test_text():
    assert report.write(FOUND, "text") == (
        "v.yaml:3: proxy.x: bad <thing>\x1b; do, this: 100% [traefik]\n"
        "traefik.toml: a: no cure [traefik]\n"
    )
    assert report.write({"kubernetes": []}, "text") == ""


def test_junit_is_xml_with_one_case_per_family():
    root = ET.fromstring(report.write(FOUND, "junit"))  # noqa: S314 - our own text
    assert root.attrib == {"tests": "2", "failures": "1"}
    cases = {case.get("name"): case.find("failure") for case in root.iter("testcase")}
    assert cases["kubernetes"] is None
    assert "bad <thing>" in cases["traefik"].text
    assert cases["traefik"].get("message") == "2 found"


def test_github_escapes_its_commands():
    first, second = report.write(FOUND, "github").splitlines()
    assert first == (
        "::error title=proxy-gen lint%3A traefik,file=v.yaml,line=3::"
        "proxy.x: bad <thing>\x1b; do, this: 100%25"
    )
    assert second.startswith("::error title=proxy-gen lint%3A traefik,file=traefik.toml::a: ")


def test_github_keeps_one_line():
    text = report.write({"x": [Problem(what="a\nb")]}, "github")
    assert text == "::error title=proxy-gen lint%3A values::a%0Ab\n"
