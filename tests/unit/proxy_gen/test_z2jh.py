"""The values for a release of Zero to JupyterHub: found, checked, and made to keep its lists."""

import pytest
import yaml

from proxy_gen import stream, values, z2jh
from proxy_gen.errors import UsageError
from proxy_gen.values import Values

TEXT = """\
# For that release.
hub:
  extraEnv: {A: a}
  extraVolumes:
    - name: ours
      configMap: {name: package}
  extraVolumeMounts:
    - {name: ours, mountPath: /package}
  networkPolicy:
    egress:
      - ports: [{port: 2379}]
"""


def document(source):
    return stream.split(
        f"# Source: jupyterhub-ha/templates/{source}\nkind: ConfigMap\nmetadata:\n  name: x\n"
        "data:\n  hub-service: hub\n  values.yaml: |\n    hub: {}\n"
    )


def completed(theirs):
    return yaml.safe_load(z2jh.complete(TEXT, theirs))["hub"]


def test_the_charts_values_are_found():
    assert z2jh.find(document("companion/configmap.yaml")) == z2jh.Rendered("hub: {}\n", "hub")


def test_a_release_with_a_hub_has_none():
    with pytest.raises(UsageError, match=r"^hub.enabled: is true, .*; set it to false"):
        z2jh.find(document("hub/configmap.yaml"))


@pytest.mark.parametrize(
    "theirs",
    [{}, {"hub": None}, {"hub": {"extraEnv": {"B": "b"}, "extraVolumes": []}}],
)
def test_with_nothing_to_keep_it_is_the_charts_text(theirs):
    assert z2jh.complete(TEXT, theirs) == TEXT


def test_entries_of_their_lists_stand_before_ours():
    volume = {"name": "templates", "configMap": {"name": "templates"}}
    rule = {"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}
    theirs = {
        "hub": {"extraVolumes": [volume], "networkPolicy": {"egress": [rule]}, "db": {"x": 1}}
    }
    hub = completed(theirs)
    assert hub["extraVolumes"] == [volume, {"name": "ours", "configMap": {"name": "package"}}]
    assert hub["networkPolicy"]["egress"] == [rule, {"ports": [{"port": 2379}]}]
    # What has no list here is theirs alone.
    assert "db" not in hub
    assert z2jh.complete(TEXT, theirs).startswith("# For that release.\nhub:\n")


def test_values_that_have_ours_already_do_not_get_them_twice():
    old = {"name": "ours", "configMap": {"name": "an-older-one"}}
    theirs = {"hub": {"extraVolumes": [old], "networkPolicy": {"egress": [{"ports": []}]}}}
    once = yaml.safe_load(z2jh.complete(TEXT, theirs))
    assert once["hub"]["extraVolumes"] == yaml.safe_load(TEXT)["hub"]["extraVolumes"]
    assert completed(once) == once["hub"]


def test_one_volume_may_be_mounted_twice():
    elsewhere = {"name": "ours", "mountPath": "/elsewhere"}
    mounts = completed({"hub": {"extraVolumeMounts": [elsewhere]}})["extraVolumeMounts"]
    assert mounts == [elsewhere, {"name": "ours", "mountPath": "/package"}]


def test_lists_are_named_by_their_paths():
    assert z2jh.lists(TEXT) == [
        "hub.extraVolumeMounts",
        "hub.extraVolumes",
        "hub.networkPolicy.egress",
    ]


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        ("hub:\n  config:\n    JupyterHub:\n      internal_ssl: true\n", "no client certificate"),
        ("hub:\n  extraEnv: [{name: A, value: a}]\n", "does not merge a list"),
        ("fullnameOverride: x\n", "set hub.external.service to x-hub"),
    ],
)
def test_what_does_not_go_with_the_proxy_is_named_with_its_place(theirs, words):
    source = values.parse(theirs, "config.yaml")
    (problem,) = z2jh.problems(Values(source.data, (source,)), "hub")
    assert words in str(problem)
    assert str(problem).startswith(f"config.yaml:{theirs.count(chr(10))}: ")
    assert problem.cure


@pytest.mark.parametrize(
    ("prefix", "service"), [("", "hub"), ("x", "x-hub"), (None, "whatever-the-release-is-hub")]
)
def test_a_prefix_that_fits_is_no_problem(prefix, service):
    assert z2jh.problems(Values({"fullnameOverride": prefix}), service) == []
