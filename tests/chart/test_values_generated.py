"""values.yaml is the only source: the schema and the reference page follow from it."""

import json
import subprocess
import sys

import pytest
import yaml
from jsonschema import Draft7Validator
from tests.support.chart import CHART, ROOT, RenderError, render
from tests.support.scripts import module_of

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())


@pytest.fixture(scope="module")
def comments():
    """The module beside the generator, which is a script and no package."""
    return module_of(ROOT / "tools/values/comments.py")


def test_committed_files_are_what_would_be_generated():
    command = [sys.executable, ROOT / "tools/values/generate.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_defaults_fit_their_schema():
    Draft7Validator.check_schema(SCHEMA)
    assert list(Draft7Validator(SCHEMA).iter_errors(VALUES)) == []


def nodes(schema, path=()):
    yield path, schema
    for key, inner in schema.get("properties", {}).items():
        yield from nodes(inner, (*path, key))


def test_every_option_has_a_type_and_nothing_unknown_is_accepted():
    for path, node in nodes(SCHEMA):
        assert "type" in node, path
        if "properties" in node and path[:1] != ("global",):
            assert node["additionalProperties"] is False, path


def test_other_charts_may_have_global_values():
    assert "additionalProperties" not in SCHEMA["properties"]["global"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"proxy": {"kind": "nginx"}}, "/proxy/kind"),
        ({"proxy": {"traefik": {"replicas": "two"}}}, "/proxy/traefik/replicas"),
        ({"proxy": {"traefik": {"replicas": 0}}}, "/proxy/traefik/replicas"),
        ({"proxy": {"traefik": {"providersThrottleDuration": 50}}}, "providersThrottleDuration"),
        ({"proxy": {"traefik": {"providersThrottleDuration": "soon"}}}, "does not match pattern"),
        ({"proxy": {"etcd": {"maxTxnOps": 64}}}, "/proxy/etcd/maxTxnOps"),
        ({"proxy": {"traefik": {"labels": {"a": 1}}}}, "/proxy/traefik/labels/a"),
        ({"proxy": {"traefik": {"tolerations": ["x"]}}}, "/proxy/traefik/tolerations/0"),
        ({"proxy": {"etcd": {"storage": {"type": "disk"}}}}, "/proxy/etcd/storage/type"),
    ],
)
def test_helm_refuses_what_the_schema_refuses(values, message):
    with pytest.raises(RenderError, match="values don't meet the specifications") as refusal:
        render(values)
    assert message in str(refusal.value)


def test_null_takes_a_list_or_map_away():
    values = {"proxy": {"traefik": {"extraStaticConfig": None, "tolerations": None}}}
    assert render(values).has("Deployment", "proxy")


def test_every_list_and_map_of_the_proxy_may_be_null():
    """One at a time; helm says where a template cannot do without."""
    tree = {}
    for path, node in nodes(SCHEMA["properties"]["proxy"], ("proxy",)):
        if "properties" not in node and node["type"] in ("array", "object"):
            level = tree
            for key in path[:-1]:
                level = level.setdefault(key, {})
            level[path[-1]] = None
    assert tree["proxy"]["traefik"]["forwardedHeaders"] == {"trustedIPs": None}
    everything = {
        "autoscaling": {"enabled": True, "behavior": None},
        "dashboard": {"enabled": True},
    }
    tree["proxy"]["traefik"] |= everything | {"resources": {"requests": {"cpu": 1}}}
    tree["proxy"]["etcd"] |= {"pdb": {"enabled": True}}
    assert render(tree).has("Deployment", "proxy")
    tree["proxy"]["kind"] = "chp"
    tree["proxy"]["chp"]["command"] = ["configurable-http-proxy"]
    assert render(tree).has("Deployment", "proxy")


@pytest.mark.parametrize("path", ["proxy.traefik.forwardedHeaders", "proxy.traefik.replicas"])
def test_null_of_what_is_needed_is_refused(path):
    tree = None
    for key in reversed(path.split(".")):
        tree = {key: tree}
    with pytest.raises(RenderError, match="missing property"):
        render(tree)


def test_reference_has_every_option():
    page = (ROOT / "docs/reference/values.md").read_text()
    for path, node in nodes(SCHEMA):
        if path and "properties" not in node:
            assert f"| `{'.'.join(path)}` |" in page
    assert "@" not in "".join(
        line for line in page.splitlines() if line.startswith("| `proxy.kind")
    )


def test_comments(comments):
    text, notes = comments.split(
        "A port.\n\nThe `@` in a line is text.\n@type: integer|null\n@min: 1"
    )
    assert text == "A port.\n\nThe `@` in a line is text."
    schema = {"default": None}
    comments.apply(schema, notes)
    assert schema == {"default": None, "type": ["integer", "null"], "minimum": 1}


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("@enum: a||null", {"enum": ["a", "", None]}),
        ("@pattern: ^a|b$", {"pattern": "^a|b$"}),
        ("@max: 5", {"maximum": 5}),
        ("@items: string|object", {"items": {"type": ["string", "object"]}}),
        ("@values: string", {"additionalProperties": {"type": "string"}}),
    ],
)
def test_annotation(comments, line, wanted):
    schema = {}
    comments.apply(schema, comments.split(line)[1])
    assert schema == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@type string", "is no annotation"),
        ("@type: text", "none of the types"),
        ("@kind: string", "@kind is none of"),
        ("@min: 1\n@min: 2", "given twice"),
    ],
)
def test_bad_annotations(comments, text, message):
    with pytest.raises(comments.AnnotationError, match=message):
        comments.apply({}, comments.split(text)[1])
