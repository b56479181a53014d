"""proxy-gen on the real chart, helm, kube-score and Traefik: what its commands promise."""

import itertools
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from tests.chart.golden import EXAMPLES, HOST_EXAMPLES
from tests.support.chart import Rendered, api_server, render

from proxy_gen import chart, secrets, starter, stream, traefik_options, values, yaml_text
from proxy_gen.cli import main
from proxy_gen.starter import Answers
from proxy_gen.tools import find_tool
from proxy_gen.values import Overrides

ROOT = Path(__file__).parents[2]
MINIMAL = ROOT / "values-examples" / "minimal.yaml"


def run(*arguments, code=0, **options):
    result = CliRunner().invoke(main, [str(one) for one in arguments], **options)
    assert result.exit_code == code, result.output
    return result


def files_in(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def secrets_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("secrets") / "secrets.yaml"
    file.write_text(yaml_text.dump(secrets.draw()))
    return file


# --- values: as helm itself -------------------------------------------------------------------


@pytest.fixture(scope="module")
def echo_chart(tmp_path_factory):
    """A chart that prints its values."""
    folder = tmp_path_factory.mktemp("echo")
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: echo\nversion: 0.1.0\n")
    (folder / "values.yaml").write_text("deep: {a: 1, b: {c: 2}}\nlist: [1]\n")
    (folder / "templates").mkdir()
    (folder / "templates" / "v.yaml").write_text("v: {{ .Values | toJson }}\n")
    return folder


def helm_sees(echo, *arguments, stdin=None):
    done = subprocess.run(
        [find_tool("helm"), "template", "x", echo, *arguments],
        capture_output=True,
        text=True,
        input=stdin,
        check=True,
    )
    return json.loads(done.stdout.split("v: ", 1)[1])


FILES = [
    ["deep: {a: null}\n"],
    ["deep: {b: {d: 3}}\n", "deep: {b: {c: null}}\n"],
    ["deep: null\n"],
    ["list: [2, 3]\n", "list: [4]\n"],
    ["x: {a: 1}\n", "x: null\n", "x: {b: 2}\n"],
    ["x: y\n", "z: {on: 1, 5: 2}\n"],
    ["a: &a {x: 1}\nb: {<<: *a, y1: 2}\n"],
    ["a: [0644, 0o17, 08, 1e3, 1.0, 1:30, 2026-01-01, =, ~, no, 1_000, 0x1f, .5]\n"],
]


@pytest.mark.parametrize("texts", FILES)
def test_files_merge_as_in_helm(echo_chart, tmp_path, texts):
    names = []
    for number, text in enumerate(texts):
        names.append(tmp_path / f"{number}.yaml")
        names[-1].write_text(text)
    merged = values.read(names)
    wanted = helm_sees(echo_chart, *(part for name in names for part in ("-f", name)))
    assert helm_sees(echo_chart, "-f", "-", stdin=merged.to_json()) == wanted
    defaults = yaml_text.load((echo_chart / "values.yaml").read_text())
    assert values.coalesce(merged.data, defaults) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "a=b", "a.b=c,d=e", r"a\.b=c", r"a=x\,y", "a[0].b=1", "a[2]=x", "a[0][1]=2", "a={x,y}",
        "a={1,true},b=2", "a={}", "a=", "a=1", "a=01", "a=-5", "a=+5", "a=1.5", "a=TRUE", "a=Null",
        "a=b=c", "a=9223372036854775808", "deep.b=null", "list[1]=5", "deep.b.c=9",
    ],
)  # fmt: skip
def test_set_as_in_helm(echo_chart, text):
    given = values.read([], Overrides(set=[text])).to_json()
    assert helm_sees(echo_chart, "-f", "-", stdin=given) == helm_sees(echo_chart, "--set", text)
    given = values.read([], Overrides(set_string=[text])).to_json()
    wanted = helm_sees(echo_chart, "--set-string", text)
    assert helm_sees(echo_chart, "-f", "-", stdin=given) == wanted


# --- render -----------------------------------------------------------------------------------


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
    assert "12 secrets are placeholders that no cluster takes" in result.stderr
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


# --- validate, init ---------------------------------------------------------------------------


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


# --- lint -------------------------------------------------------------------------------------


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
    import re

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


# --- diff -------------------------------------------------------------------------------------


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


# --- the page of commands ---------------------------------------------------------------------


def test_command_reference_is_in_step():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "cli_reference.py", "--check"],
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
