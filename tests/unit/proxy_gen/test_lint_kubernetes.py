"""Kubernetes schemas, and kube-score's answers as they were recorded."""

import json
import subprocess

import pytest

from proxy_gen import stream, yaml_text
from proxy_gen.errors import UsageError
from proxy_gen.lint import Subject
from proxy_gen.lint_rules import kube_score, kubernetes
from proxy_gen.values import Values

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s"},
    "spec": {"ports": [{"port": 80}]},
}


def subject(*objects, version="1.33"):
    documents = stream.split("---\n".join(yaml_text.dump(one) for one in objects))
    return Subject(documents, Values({}), version)


def check(*objects):
    return [(one.path, one.what, one.cure) for one in kubernetes.check(subject(*objects))]


def test_good_object():
    assert check(SERVICE) == []


@pytest.mark.parametrize(
    ("change", "path", "what", "cure"),
    [
        ({"spec": {"prots": []}}, "spec", "unknown field prots", "did you mean ports?"),
        ({"spec": {"ports": [{"port": "x"}]}}, "spec.ports[0].port", "wrong type", "integer"),
        ({"spec": {"ports": [{}]}}, "spec.ports[0]", "'port' is a required property", ""),
        ({"apiVersion": "v9"}, "apiVersion", "has no Service in v9", "use a version"),
    ],
)
def test_bad_objects(change, path, what, cure):
    ((seen, why, how),) = check({**SERVICE, **change})
    assert seen == path
    assert what in why
    assert cure in how


def test_groups_are_found():
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}}
    assert check(role) == []


def test_a_custom_resource_is_named_and_not_checked():
    monitor = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": "p"},
    }
    seen = subject(SERVICE, monitor)
    assert list(kubernetes.check(seen)) == []
    (note,) = seen.notes
    assert "PodMonitor/p" in note


@pytest.mark.parametrize(("wanted", "start"), [("1.33", "1.33."), ("v1.33.4", "1.33."), ("", "1.")])
def test_versions(wanted, start):
    assert kubernetes.schema_version(wanted).startswith(start)


def test_unknown_version():
    with pytest.raises(UsageError, match=r"no schemas; known are .*1\.33"):
        kubernetes.schema_version("1.2")


def score(name, check_id, grade, component=""):
    comment = {"path": "c", "summary": "bad", "description": "do it"}
    return {
        "type_meta": {"kind": "Service"},
        "object_meta": {"name": name},
        "checks": [{"check": {"id": check_id}, "grade": grade, "comments": [comment]}],
    }


def scored(monkeypatch, answer, code=1, stderr=""):
    done = subprocess.CompletedProcess([], code, answer, stderr)
    monkeypatch.setattr(kube_score, "find_tool", lambda name: name)
    monkeypatch.setattr(kube_score.subprocess, "run", lambda *_, **__: done)
    return list(kube_score.check(subject(SERVICE)))


def test_critical_answers_are_problems(monkeypatch):
    answer = json.dumps([score("s", "service-x", 1), score("s", "service-y", 5)])
    (found,) = scored(monkeypatch, answer)
    assert (found.file, found.path, found.what, found.cure) == (
        "manifests/service-s.yaml",
        "c",
        "service-x: bad",
        "do it",
    )


def test_no_answers(monkeypatch):
    assert scored(monkeypatch, "[]", code=0) == []
    assert scored(monkeypatch, "null", code=0) == []


@pytest.mark.parametrize("answer", ["", "no json"])
def test_failure_is_one_finding(monkeypatch, answer):
    (found,) = scored(monkeypatch, answer, stderr="broken\n")
    assert "it failed, so it checked nothing: broken" in str(found)
    assert "--no-kube-score" in found.cure


def test_program_that_cannot_be_run_is_one_finding(monkeypatch, tmp_path):
    (tmp_path / "kube-score").write_bytes(b"\x00")
    (tmp_path / "kube-score").chmod(0o755)
    monkeypatch.setenv("PROXY_GEN_KUBE_SCORE", str(tmp_path / "kube-score"))
    (found,) = kube_score.check(subject(SERVICE))
    assert "it failed" in found.what


@pytest.mark.parametrize("component", ["proxy", "hub", "etcd"])
def test_checks_are_excused_for_their_component_only(monkeypatch, component):
    source = f"# Source: jupyterhub-ha/templates/{component}/x.yaml\n"
    given = Subject(stream.split("---\n" + source + yaml_text.dump(SERVICE)), Values({}), "1.33")
    answer = json.dumps([score("s", "pod-probes-identical", 1)])
    done = subprocess.CompletedProcess([], 1, answer, "")
    monkeypatch.setattr(kube_score, "find_tool", lambda name: name)
    monkeypatch.setattr(kube_score.subprocess, "run", lambda *_, **__: done)
    assert len(list(kube_score.check(given))) == (1 if component == "etcd" else 0)


def test_every_ignored_check_has_a_reason():
    for reason in [*kube_score.IGNORED.values(), *kube_score.EXCUSED.values()]:
        assert len(reason) > 20
