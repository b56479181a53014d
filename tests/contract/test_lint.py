"""What `proxy-gen lint` finds, with the real kube-score, Traefik and Kubernetes schemas."""

import re
import sys
import xml.etree.ElementTree as ET

import pytest
from tests.chart.golden import EXAMPLES, HOST_EXAMPLES
from tests.support.commands import MINIMAL, run
from tests.support.processes import ROOT

from proxy_gen import traefik_options
from proxy_gen.tools import find_tool


@pytest.mark.parametrize("example", [*EXAMPLES, *HOST_EXAMPLES], ids=lambda path: path.stem)
def test_examples_are_clean(example):
    result = run("lint", example, *(["--target=host"] if example in HOST_EXAMPLES else []))
    assert result.stdout == ""
    assert "no problems" in result.stderr


BAD_LINT = [
    (
        "proxy: {traefik: {extraStaticConfig: {acess: {}}}}",
        "proxy.traefik.extraStaticConfig.acess: .* did you mean accessLog",
    ),
    (
        "proxy: {traefik: {extraDynamicConfig: {http: {routr: {}}}}}",
        "extraDynamicConfig.http.routr: .* did you mean http.routers",
    ),
    (
        "hub: {config: {JupyterHub: {admin_acces: true}}}",
        "hub.config.JupyterHub.admin_acces: .* did you mean hub.config.JupyterHub.admin_access",
    ),
    ("hub: {extraConfig: {x: 'def ('}}", "hub.extraConfig.x: not Python"),
    (
        "hub: {extraConfig: {x: 'c.KubeSpawner.imag = 1'}}",
        "hub.extraConfig.x: .* did you mean c.KubeSpawner.image",
    ),
    (
        "hub: {extraVolumeMounts: [{name: absent, mountPath: /x}]}",
        "there is no volume 'absent'",
    ),
    ("proxy: {traefik: {extraPodSpec: {hostNetwrk: true}}}", "unknown field hostNetwrk"),
]


@pytest.mark.parametrize(("text", "words"), BAD_LINT)
def test_lint_finds(text, words, tmp_path):

    (tmp_path / "v.yaml").write_text(text)
    result = run("lint", tmp_path / "v.yaml", "--no-kube-score", "-q", code=1)
    assert re.search(words, result.stdout), result.stdout


def test_lint_reports_junit_and_github(tmp_path):
    (tmp_path / "v.yaml").write_text("proxy:\n  traefik:\n    extraStaticConfig: {acess: {}}\n")
    arguments = ("lint", tmp_path / "v.yaml", "--no-kube-score", "-q", "--format")
    root = ET.fromstring(run(*arguments, "junit", code=1).stdout)  # noqa: S314 - our own text
    assert root.get("failures") == "1"
    text = run(*arguments, "github", code=1).stdout
    assert text.startswith(f"::error title=proxy-gen lint%3A traefik,file={tmp_path}/v.yaml,line=3")


@pytest.mark.parametrize("text", ["hubb: {}\n", "a: [\n"])
def test_lint_reports_values_that_are_wrong(text, tmp_path):
    (tmp_path / "v.yaml").write_text(text)
    arguments = ("lint", tmp_path / "v.yaml", "--no-kube-score", "-q", "--format")
    root = ET.fromstring(run(*arguments, "junit", code=1).stdout)  # noqa: S314 - our own text
    (case,) = root.iter("testcase")
    assert case.get("name") == "values"
    assert "v.yaml:" in case.findtext("failure")
    assert run(*arguments, "github", code=1).stdout.startswith("::error title=proxy-gen lint")
    result = run(*arguments, "text", code=1)
    assert result.stdout.startswith(f"{tmp_path}/v.yaml:")
    assert result.stderr == ""


def test_missing_kube_score_hides_no_other_finding(monkeypatch, tmp_path):
    monkeypatch.setenv("PROXY_GEN_KUBE_SCORE", str(tmp_path / "nothing"))
    (tmp_path / "v.yaml").write_text("hub: {extraConfig: {x: 'def ('}}\n")
    result = run("lint", tmp_path / "v.yaml", code=2)
    assert "--no-kube-score" in result.stderr
    assert "hub.extraConfig.x: not Python" in result.stdout
    run("lint", MINIMAL, "--no-kube-score", "-q")


def test_failing_kube_score_hides_no_other_finding(tmp_path):
    (tmp_path / "v.yaml").write_text(
        "hub: {extraConfig: {x: 'def ('}, resources: {requests: {memory: 1 GB}}}\n"
    )
    result = run("lint", tmp_path / "v.yaml", "-q", code=1)
    assert "quantities must match" in result.stdout
    assert "hub.extraConfig.x: not Python" in result.stdout


def test_unknown_kubernetes_version_lists_the_known_ones():
    result = run("lint", MINIMAL, "--kubernetes-version", "1.99", "--no-kube-score", code=2)
    assert "known are" in result.stderr


def test_option_lists_are_those_of_the_real_traefik():
    """tools/traefik_options.py writes them anew when Traefik's version changes."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        from traefik_options import static_names, version
    finally:
        sys.path.remove(str(ROOT / "tools"))
    binary = str(find_tool("traefik"))
    assert traefik_options.version("static") == version(binary)
    text = (ROOT / "generator/proxy_gen/data/traefik_static.txt").read_text()
    listed = {line.lower() for line in text.splitlines() if not line.startswith("#")}
    assert listed == set(static_names(binary))
