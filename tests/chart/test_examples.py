"""Every file in values-examples/ renders, is valid, and is what was committed."""

import subprocess

import pytest
import yaml
from kubernetes_validate import validate
from tests.chart.golden import EXAMPLES, GOLDEN, SECRETS, committed, rendered
from tests.support.chart import CHART, HELM, render

KUBERNETES = ("1.30", "1.33")

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)


@each_example
def test_is_what_was_committed(example):
    now, before = rendered(example), committed(example)
    assert sorted(now) == sorted(before), "run: python -m tests.chart.golden"
    for name, text in before.items():
        assert now[name] == text, f"{name} differs; run: python -m tests.chart.golden"


def test_no_render_is_left_of_an_example_that_is_gone():
    assert sorted(f.name for f in GOLDEN.iterdir()) == sorted(e.stem for e in EXAMPLES)


@each_example
def test_says_its_purpose_first(example):
    first, second = example.read_text().splitlines()[:2]
    assert first.startswith("# ")
    assert second.startswith("#")


@each_example
def test_is_linted_strictly(example):
    command = [HELM, "lint", "--strict", CHART, "--values", example]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@each_example
@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("kind", ["traefik-etcd", "chp"])
def test_objects_are_valid(example, version, kind):
    objects = render(
        yaml.safe_load(example.read_text()), "--values", str(SECRETS), "--set", f"proxy.kind={kind}"
    ).objects
    assert len(objects) > 10
    for made in objects:
        validate(made, version, strict=True)


def test_everything_optional_at_once_is_valid():
    values = {
        "proxy": {
            "https": {"enabled": True, "type": "offload"},
            "traefik": {
                "autoscaling": {"enabled": True, "behavior": {"scaleDown": {"policies": []}}},
                "resources": {"requests": {"cpu": "1"}},
                "dashboard": {"enabled": True},
                "metrics": {"allowFrom": [{"namespaceSelector": {}}]},
                "networkPolicy": {"interNamespaceAccessLabels": "accept"},
            },
            "etcd": {"networkPolicy": {"interNamespaceAccessLabels": "accept"}},
        },
        "scheduling": {"podPriority": {"enabled": True}},
        "imagePullSecret": {"create": True, "registry": "r", "username": "u", "password": "p"},
        "ingress": {"enabled": True},
        "hub": {"pdb": {"enabled": True}},
    }
    objects = render(values).objects
    assert {"HorizontalPodAutoscaler", "PriorityClass", "Ingress"} <= {o["kind"] for o in objects}
    for made in objects:
        validate(made, KUBERNETES[-1], strict=True)


def test_local_is_for_one_host():
    made = render(yaml.safe_load((EXAMPLES[0].parent / "local.yaml").read_text()))
    assert made.get("Deployment", "proxy")["spec"]["replicas"] == 2
    assert made.get("StatefulSet", "proxy-etcd")["spec"]["replicas"] == 1


def test_production_survives_a_node():
    made = render(yaml.safe_load((EXAMPLES[0].parent / "production.yaml").read_text()))
    for kind, name in (("Deployment", "proxy"), ("StatefulSet", "proxy-etcd")):
        spec = made.get(kind, name)["spec"]
        assert spec["replicas"] == 3
        (constraint,) = spec["template"]["spec"]["topologySpreadConstraints"]
        assert constraint["whenUnsatisfiable"] == "DoNotSchedule"
        (container,) = spec["template"]["spec"]["containers"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
