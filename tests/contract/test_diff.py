"""What `proxy-gen diff` tells, of files and of a live release."""

import json
import subprocess

import yaml
from tests.support.chart import Rendered, api_server, render
from tests.support.commands import MINIMAL, run

from proxy_gen import chart, secrets, yaml_text
from proxy_gen.tools import find_tool


def test_diff_of_the_same_is_0(tmp_path, secrets_file):
    run("render", MINIMAL, "--secrets", secrets_file, "-o", tmp_path / "out", "-q")
    result = run("diff", tmp_path / "out", MINIMAL, "--secrets", secrets_file)
    assert result.stdout == ""
    assert "no difference" in result.stderr


def test_diff_names_object_and_field(tmp_path):
    (tmp_path / "more.yaml").write_text("proxy: {traefik: {replicas: 7}}\n")
    result = run("diff", MINIMAL, f"{MINIMAL},{tmp_path / 'more.yaml'}", code=1)
    assert "Deployment/proxy\n  ~ spec.replicas: 2 -> 7\n" in result.stdout


def test_diff_masks_every_secret(tmp_path, secrets_file):
    other = tmp_path / "other.yaml"
    other.write_text(yaml_text.dump(secrets.draw()))
    for form in ("text", "json"):
        result = run("diff", secrets_file, other, "--format", form, code=1)
        assert "Secret/hub" in result.stdout
        for tree in (secrets_file, other):
            for line in tree.read_text().split():
                assert len(line) < 20 or line not in result.output


def test_diff_as_json(tmp_path):
    (tmp_path / "more.yaml").write_text("proxy: {traefik: {replicas: 7}}\n")
    result = run("diff", MINIMAL, f"{MINIMAL},{tmp_path / 'more.yaml'}", "--format", "json", code=1)
    assert {
        "object": "Deployment/proxy",
        "path": "spec.replicas",
        "state": "changed",
        "old": "2",
        "new": "7",
        "lines": [],
    } in json.loads(result.stdout)


def test_diff_that_cannot_be_made_is_2(tmp_path):
    (tmp_path / "bad.yaml").write_text("hubb: {}\n")
    result = run("diff", MINIMAL, tmp_path / "bad.yaml", code=2)
    assert "did you mean hub?" in result.stderr


def test_diff_of_a_live_release_asks_helm(tmp_path, monkeypatch):
    """A helm that has a release, over a cluster that has its secrets: only the change shows."""
    real = find_tool("helm")
    program = tmp_path / "helm"
    program.write_text(
        "#!/bin/sh\n"
        f'[ "$1 $2 $3 $4 $5" = "get manifest hub --namespace jhub" ] || exec {real} "$@"\n'
        f"exec cat {tmp_path / 'stream.yaml'}\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PROXY_GEN_HELM", str(program))
    more = tmp_path / "more.yaml"
    more.write_text("proxy: {traefik: {replicas: 7}}\n")
    template = [real, "template", "hub", chart.find(), "-n", "jhub", "-f", MINIMAL, "--skip-tests"]
    text = subprocess.run(template, capture_output=True, text=True, check=True).stdout
    (tmp_path / "stream.yaml").write_text(text)  # with secrets that helm drew
    installed = Rendered(text)
    there = {name: installed.secret(name) for kind, name in installed.names() if kind == "Secret"}
    with api_server(there, namespace="jhub") as url:
        monkeypatch.setenv("HELM_KUBEAPISERVER", url)
        assert run("diff", "release:hub@jhub", MINIMAL).stdout == ""
        found = run("diff", "release:hub@jhub", f"{MINIMAL},{more}", code=1).stdout
    assert "~ spec.replicas: 2 -> 7" in found
    assert "Secret/proxy-etcd" not in found, "an upgrade keeps them"


def test_diff_of_a_live_release_tells_what_an_upgrade_refuses(tmp_path, monkeypatch):
    live = render(yaml.safe_load(MINIMAL.read_text()), "--namespace", "jhub")
    (tmp_path / "three.yaml").write_text(yaml_text.dump(live.get("StatefulSet", "proxy-etcd")))
    program = tmp_path / "helm"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = get ] || exec {find_tool("helm")} "$@"\n'
        f"exec cat {tmp_path / 'three.yaml'}\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PROXY_GEN_HELM", str(program))
    (tmp_path / "one.yaml").write_text("proxy: {etcd: {replicas: 1}}\n")
    objects = [live.get("StatefulSet", "proxy-etcd")]
    with api_server({}, namespace="jhub", objects=objects) as url:
        monkeypatch.setenv("HELM_KUBEAPISERVER", url)
        result = run("diff", "release:hub@jhub", f"{MINIMAL},{tmp_path}/one.yaml", code=2)
    assert "proxy.etcd.replicas: 1 of the 3 members" in result.stderr
    assert "kubectl -n jhub delete statefulset proxy-etcd" in result.stderr


def test_diff_of_an_unreachable_release_is_2(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    result = run("diff", "release:absent", MINIMAL, code=2)
    assert "release:NAME@NAMESPACE" in result.stderr
