"""proxy-gen on the real chart and helm: what render and init promise."""

import itertools
import os
import re
import subprocess
import sys

import pytest
import yaml
from tests.chart.golden import EXAMPLES
from tests.support.commands import MINIMAL, run
from tests.support.processes import ROOT

from proxy_gen import chart, starter, stream
from proxy_gen.starter import Answers
from proxy_gen.tools import find_tool


def files_in(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_twice_the_same_bytes(example, tmp_path):
    for folder in ("1", "2"):
        run("render", example, "-o", tmp_path / folder, "-q")
    first = files_in(tmp_path / "1")
    assert first == files_in(tmp_path / "2")
    # Companion mode has no hub: it is another release's.
    has_hub = example.stem != "companion"
    documents = {"hub/jupyterhub_config.py"} if has_hub else set()
    if not re.search("kind: (chp|in-process)", example.read_text()):
        documents |= {"traefik.toml"}
    assert documents <= first.keys()
    assert any(path.startswith("hub/jupyterhub_ha/") for path in first) == has_hub


def test_what_is_rendered_is_what_helm_deploys(secrets_file):
    ours = run("render", MINIMAL, "--secrets", secrets_file, "-o", "-", "-q").stdout
    done = subprocess.run(
        [
            *(find_tool("helm"), "template", "hub", chart.find(), "--skip-tests"),
            *("-f", MINIMAL, "-f", secrets_file),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert [(str(one), one.text) for one in stream.split(ours)] == [
        (str(one), one.text) for one in stream.split(done.stdout)
    ]


def test_tree_of_a_render(tmp_path, secrets_file):
    result = run("render", MINIMAL, "--secrets", secrets_file, "-o", tmp_path / "out")
    assert result.stdout == ""
    assert "placeholders" not in result.stderr
    assert "out holds secrets now: keep it out of git" in result.stderr
    for path in ("traefik.toml", "etcd-statefulset.yaml", "manifests/statefulset-proxy-etcd.yaml"):
        assert f"{path} " in result.stderr
    found = files_in(tmp_path / "out")
    assert found["etcd-statefulset.yaml"] == found["manifests/statefulset-proxy-etcd.yaml"]
    for path in tmp_path.rglob("secret-*.yaml"):
        assert path.stat().st_mode & 0o777 == 0o600


def test_stale_files_go_and_foreign_ones_stay(tmp_path):
    run("render", MINIMAL, "-o", tmp_path, "-q")
    (tmp_path / "manifests" / "mine.yaml").write_text("mine")
    assert (tmp_path / "etcd-statefulset.yaml").exists()
    run("render", MINIMAL, "-o", tmp_path, "-q", "--set", "proxy.kind=chp")
    assert not (tmp_path / "etcd-statefulset.yaml").exists()
    assert not (tmp_path / "traefik.toml").exists()
    assert (tmp_path / "manifests" / "mine.yaml").read_text() == "mine"


def test_placeholders_are_told_and_are_no_secrets(tmp_path):
    result = run("render", MINIMAL, "-o", tmp_path)
    assert "14 secrets are placeholders that no cluster takes" in result.stderr
    assert "holds secrets" not in result.stderr
    hub = yaml.safe_load((tmp_path / "manifests" / "secret-proxy-etcd-server.yaml").read_text())
    assert "PLACEHOLDER" in str(hub) or "UExBQ0VIT0xERVI" in str(hub)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("traefik.toml", "[entryPoints"),
        ("dynamic.toml", "[http"),
        ("etcd", "kind: StatefulSet"),
        ("hub", "get_config()"),
    ],
)
def test_only_prints_one_document(name, words, tmp_path):
    result = run("render", MINIMAL, "--only", name, "-q", "-o", tmp_path / "out")
    assert words in result.stdout
    assert result.stderr == ""
    assert not (tmp_path / "out").exists()


def test_names_can_have_a_prefix(tmp_path):
    run("render", MINIMAL, "--set", "fullnameOverride=x", "-o", tmp_path, "-q")
    assert (tmp_path / "etcd-statefulset.yaml").exists()
    assert (tmp_path / "hub" / "jupyterhub_config.py").exists()


def test_values_from_stdin():
    result = run("render", "-", "--only", "etcd", "-q", input="proxy: {etcd: {replicas: 5}}")
    assert yaml.safe_load(result.stdout)["spec"]["replicas"] == 5


def test_no_secret_in_the_process_list(tmp_path, secrets_file, monkeypatch):
    """What helm is called with is recorded by a helm that passes it on."""
    log = tmp_path / "log"
    program = tmp_path / "helm"
    program.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {find_tool("helm")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PROXY_GEN_HELM", str(program))
    run("render", MINIMAL, "--secrets", secrets_file, "-o", tmp_path / "out", "-q")
    token = yaml.safe_load(secrets_file.read_text())["proxy"]["secretToken"]
    assert "template hub" in log.read_text()
    assert token not in log.read_text()


def test_missing_helm_is_told_with_the_cure(monkeypatch, tmp_path):
    monkeypatch.setenv("PROXY_GEN_HELM", str(tmp_path / "nothing"))
    result = run("render", MINIMAL, "-o", tmp_path / "out", code=2)
    assert "PROXY_GEN_HELM" in result.stderr


@pytest.mark.parametrize(
    ("login", "host", "storage", "dashboard"),
    list(itertools.product(starter.LOGINS, ("", "hub.example.org"), starter.STORAGES, (0, 1)))[::3],
)
def test_what_init_writes_is_valid_and_clean(tmp_path, login, host, storage, dashboard):
    answers = Answers(login, host, storage, dashboard=bool(dashboard), password="-0: a")
    file = tmp_path / "values.yaml"
    file.write_text(starter.write(answers))
    run("validate", file)
    run("lint", file, "-q", "--no-kube-score")


def test_command_reference_is_in_step():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "cli_reference.py", "--check"],
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
