"""Every file in values-examples/ renders, is valid, and is what was committed."""

import json
import re
import subprocess
from importlib.resources import files

import pytest
import yaml
from kubernetes_validate import validate
from tests.chart.golden import (
    EXAMPLES,
    GOLDEN,
    HOST_EXAMPLES,
    SECRETS,
    committed,
    rendered,
    rendered_for_host,
)
from tests.support.chart import CHART, HELM, RenderError, render
from tests.support.processes import TOOLS_BIN

KUBERNETES = ("1.30", "1.33")
# Not Kubernetes' own; tests/monitoring/ has the Operator's own types read them.
OPERATORS = ("PodMonitor", "PrometheusRule")

KINDS = ("traefik-etcd", "chp")
REFUSED = {
    ("companion", "chp"): "proxy.kind",  # there is nothing to run beside another release's hub
    ("https", "chp"): "proxy.https.type",  # one CHP has no replicas to share a certificate
    ("tmpnb", "chp"): "proxy.https.type",
    # Nothing but Traefik leads single paths elsewhere.
    ("conference-demo", "chp"): "tmpnb.static.enabled",
}

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)


@each_example
def test_is_what_was_committed(example):
    now, before = rendered(example), committed(example)
    assert sorted(now) == sorted(before), "run: python -m tests.chart.golden"
    for name, text in before.items():
        assert now[name] == text, f"{name} differs; run: python -m tests.chart.golden"


@pytest.mark.parametrize("example", HOST_EXAMPLES, ids=lambda file: file.stem)
def test_for_one_host_is_what_was_committed(example):
    now, before = rendered_for_host(example), committed(example)
    assert sorted(now) == sorted(before), "run: python -m tests.chart.golden"
    for name, text in before.items():
        assert now[name] == text, f"{name} differs; run: python -m tests.chart.golden"


def test_no_render_is_left_of_an_example_that_is_gone():
    examples = [*EXAMPLES, *HOST_EXAMPLES]
    assert sorted(f.name for f in GOLDEN.iterdir()) == sorted(e.stem for e in examples)


@pytest.mark.parametrize("example", [*EXAMPLES, *HOST_EXAMPLES], ids=lambda file: file.stem)
def test_says_its_purpose_first(example):
    first, second = example.read_text().splitlines()[:2]
    assert first.startswith("# ")
    assert second.startswith("#")


@each_example
def test_is_linted_strictly(example):
    command = [HELM, "lint", "--strict", CHART, "--values", example]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def with_kind(example, kind):
    """The example, rendered with another kind of proxy."""
    values = yaml.safe_load(example.read_text())
    return render(values, "--values", str(SECRETS), "--set", f"proxy.kind={kind}")


@each_example
@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("kind", KINDS)
def test_objects_are_valid(example, version, kind):
    if path := REFUSED.get((example.stem, kind)):
        with pytest.raises(RenderError, match=f"{re.escape(path)}: "):
            with_kind(example, kind)
        return
    objects = with_kind(example, kind).objects
    assert len(objects) > 10
    for made in objects:
        if made["kind"] not in OPERATORS:
            validate(made, version, strict=True)


def write_schemas(folder):
    """The schemas of kubernetes-validate, where kubeconform finds them without a network."""
    version = f"kubernetes-json-schema/v{KUBERNETES[-1]}.0-local-strict"
    for file in (files("kubernetes_validate") / version).iterdir():
        if file.name == "_definitions.json" or file.name.endswith(("-v1.json", "-v2.json")):
            text = file.read_text().replace("/api/_definitions.json", "_definitions.json")
            schema = json.loads(text)
            schema.pop("$id", None)  # it would send the reader to another place
            (folder / file.name).write_text(json.dumps(schema))


def test_kubeconform_agrees(tmp_path):
    """Beside the schemas, it refuses a key that is given twice."""
    (tmp_path / "schemas").mkdir()
    write_schemas(tmp_path / "schemas")
    renders = []
    for example in EXAMPLES:
        command = [HELM, "template", "hub", CHART, "--values", example, "--values", SECRETS]
        made = subprocess.run(command, capture_output=True, check=True, timeout=60)
        renders.append(tmp_path / example.name)
        renders[-1].write_bytes(made.stdout)
    location = f"{tmp_path}/schemas/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    options = ("-strict", "-summary", "-n", "1", "-schema-location", location)
    options += ("-skip", ",".join(OPERATORS))
    done = subprocess.run(
        [TOOLS_BIN / "kubeconform", *options, *renders],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    skipped = sum(file.read_text().count(f"\nkind: {k}\n") for file in renders for k in OPERATORS)
    assert f"Invalid: 0, Errors: 0, Skipped: {skipped}" in done.stdout


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
        assert ("matchLabelKeys" in constraint) == (kind == "Deployment")
        (container,) = spec["template"]["spec"]["containers"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
