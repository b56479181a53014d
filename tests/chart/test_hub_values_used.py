"""Whatever the chart accepts has an effect: each option of hub, users' servers and so on.

An option counts when the hub's configuration reads it, or when another value of it changes the
rendered objects, or is refused. That the hub's Secret hands on all values does not count.
"""

import functools
import json
from dataclasses import dataclass, field

import pytest
import yaml
from tests.support.chart import CHART, RenderError, render
from traitlets.config import Config

from jupyterhub_ha.configure_hub import configure_hub, pass_through
from jupyterhub_ha.configure_proxy import configure_proxy
from jupyterhub_ha.configure_spawner import configure_spawner
from jupyterhub_ha.snippets import run_snippets
from jupyterhub_ha.values import Mounts, Values, merge

SECTIONS = (
    "cull",
    "custom",
    "debug",
    "global",
    "hub",
    "imagePullSecret",
    "imagePullSecrets",
    "ingress",
    "prePuller",
    "rbac",
    "scheduling",
    "singleuser",
)

EXCEPTIONS = {
    "custom": "for hub.extraConfig, which reads it with get_config",
    "global.safeToShowValues": "of Z2JH: messages of this chart never show values",
    "hub.existingSecret": "of the pod's mounts; its values are read from there",
}

# With these, every option has something to act on.
BASE = {
    "proxy": {"kind": "chp", "secretToken": "a" * 64},
    "hub": {
        "cookieSecret": "b" * 64,
        "config": {"CryptKeeper": {"keys": ["c" * 64]}},
        "pdb": {"enabled": True},
    },
    "imagePullSecret": {"create": True, "registry": "r", "username": "u", "password": "p"},
    "ingress": {"enabled": True},
    "scheduling": {"podPriority": {"enabled": True}},
}

# Where any value of the right type would not do.
SAMPLES = {
    "hub.baseUrl": "/sample/",
    "hub.cookieSecret": "d" * 64,
    "hub.db.upgrade": False,
    "hub.extraFiles": {"f": {"mountPath": "/f", "stringData": "x"}},
    "hub.pdb.enabled": False,
    "hub.pdb.maxUnavailable": 3,
    "hub.pdb.minAvailable": 3,
    "hub.services": {"sample": {"apiToken": "x"}},
    "imagePullSecret.create": False,
    "ingress.enabled": False,
    "scheduling.podPriority.enabled": False,
    "singleuser.extraFiles": {"f": {"mountPath": "/f", "stringData": "x"}},
}


def leaves(schema, path=""):
    """Every option below a schema: its path and its own schema."""
    properties = schema.get("properties")
    if not properties:
        return {path: schema}
    found = {}
    for key, below in properties.items():
        found |= leaves(below, f"{path}.{key}" if path else key)
    return found


SCHEMA = json.loads((CHART / "values.schema.json").read_text())
OPTIONS = {
    path: schema
    for section in SECTIONS
    for path, schema in leaves(SCHEMA["properties"][section], section).items()
}


@dataclass(frozen=True)
class RecordingValues(Values):
    """Values that remember which paths were asked for."""

    read: set = field(default_factory=set)

    def get(self, path, default=None):
        self.read.add(path)
        return super().get(path, default)

    def secret(self, key, default="ab"):
        return default

    def name(self, short):
        return short


@functools.cache
def read_by_python():
    """The paths that the hub's configuration asks for, over values that take every branch."""
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    branches = [
        {"imagePullSecret": {"create": True}, "hub": {"db": {"type": "other", "url": "x"}}},
        {"singleuser": {"storage": {"type": "static", "static": {"pvcName": "x"}}}},
    ]
    read = set()
    for branch in branches:
        values = RecordingValues(merge(defaults, branch), Mounts(CHART / "none"), read)
        c = Config()
        for configure in (configure_hub, configure_spawner, pass_through):
            configure(c, values)
        configure_proxy(c, RecordingValues(merge(values.data, {"proxy": {"kind": "chp"}})))
        run_snippets(values, {})
    return read


def another(path, schema, default):
    """Another value than the default, that the schema allows."""
    if path in SAMPLES:
        return SAMPLES[path]
    if "enum" in schema:
        return next(value for value in schema["enum"] if value and value != default)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    item = schema.get("items", {}).get("type", "object")
    item_is_text = "string" in ([item] if isinstance(item, str) else item)
    samples = {
        "boolean": not default,
        "integer": 7,
        "number": 7,
        "array": ["sample"] if item_is_text else [{"name": "sample"}],
        "object": {"sample": "sample"},
        "string": "sample",
    }
    return next(samples[kind] for kind in samples if kind in kinds)


def visible(values):
    """The rendered objects without what shows every change anyway; or the refusal."""
    try:
        rendered = render(values)
    except RenderError as error:
        return f"refused: {error}"
    hub = rendered.get("Deployment", "hub")["spec"]["template"]["metadata"]
    del hub["annotations"]["checksum/secret"]
    del rendered.get("Secret", "hub")["data"]["values.yaml"]
    return rendered.objects


@functools.cache
def visible_by_default():
    return visible(BASE)


def nested(path, value):
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


@pytest.mark.parametrize("path", sorted(set(OPTIONS) - set(EXCEPTIONS)))
def test_an_option_has_an_effect(path):
    parents = {path.rsplit(".", depth)[0] for depth in range(path.count("."))}
    if parents & read_by_python():
        return
    schema = OPTIONS[path]
    values = merge(BASE, nested(path, another(path, schema, schema.get("default"))))
    assert visible(values) != visible_by_default()


def test_the_exceptions_are_options():
    assert set(EXCEPTIONS) <= set(OPTIONS)
    assert len(OPTIONS) > 150
