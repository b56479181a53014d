"""What Kubernetes lets nobody change in what exists is refused before anything is changed."""

import copy
import re

import pytest
import yaml
from tests.chart.golden import EXAMPLES
from tests.chart.test_refusals import EXISTING
from tests.support.chart import RenderError, render, render_upgrade

KINDS = ("StatefulSet", "Deployment", "PersistentVolumeClaim", "PriorityClass")


def etcd(**values):
    return {"proxy": {"etcd": values}}


def storage(**values):
    return etcd(replicas=1, storage=values)


def claim(**values):
    return {"hub": {"db": {"pvc": values}}}


def priority(value):
    return {"scheduling": {"podPriority": {"enabled": True, "defaultPriority": value}}}


ANEW = r"kubectl -n default delete statefulset proxy-etcd && kubectl -n default delete pvc -l app="
ORPHAN = r"kubectl -n default delete statefulset proxy-etcd --cascade=orphan"
CLAIM = r"kubectl -n default delete pvc hub-db-dir"
# Values before and after, and the refusal: path, words of what is wrong, words of the cure.
REFUSED = {
    "three members to one": (
        etcd(replicas=3), etcd(replicas=1),
        "proxy.etcd.replicas", "1 of the 3 members that etcd has is no majority", ANEW,
    ),
    "five members to one": (
        etcd(replicas=5), etcd(replicas=1),
        "proxy.etcd.replicas", "1 of the 5 members that etcd has is no majority", ANEW,
    ),
    "volumes to memory": (
        storage(), storage(type="memory"),
        "proxy.etcd.storage.type", "has volumes", ANEW,
    ),
    "memory to volumes": (
        storage(type="memory"), storage(),
        "proxy.etcd.storage.type", "has memory", ANEW,
    ),
    "larger volumes": (
        storage(size="1Gi"), storage(size="1.5Gi"),
        "proxy.etcd.storage.size", "volumes of 1Gi", ANEW,
    ),
    "another class": (
        storage(storageClassName="slow"), storage(storageClassName="fast"),
        "proxy.etcd.storage.storageClassName", 'of class "slow"', ANEW,
    ),
    "a class instead of the default one": (
        storage(), storage(storageClassName="fast"),
        "proxy.etcd.storage.storageClassName", 'of class "(the default)"', ANEW,
    ),
    "the default class instead of none": (
        storage(storageClassName=""), storage(),
        "proxy.etcd.storage.storageClassName", 'of class ""', ANEW,
    ),
    "other annotations of volumes": (
        storage(annotations={"b": "2", "a": "1"}), storage(annotations={"a": "1"}),
        "proxy.etcd.storage.annotations", "have a=1,b=2", ORPHAN,
    ),
    "annotations of volumes": (
        storage(), storage(annotations={"a": "1"}),
        "proxy.etcd.storage.annotations", "have (none)", ORPHAN,
    ),
    "a smaller volume of the database": (
        claim(storage="1Gi"), claim(storage="1000Mi"),
        "hub.db.pvc.storage", "has 1Gi, and cannot become smaller", CLAIM,
    ),
    "another class of the database": (
        claim(), claim(storageClassName="fast"),
        "hub.db.pvc.storageClassName", 'is of class "standard"', CLAIM,
    ),
    "other access to the database": (
        claim(), claim(accessModes=["ReadWriteMany", "ReadWriteOnce"]),
        "hub.db.pvc.accessModes", "has ReadWriteOnce", CLAIM,
    ),
    "another choice of the database's volume": (
        claim(), claim(selector={"matchLabels": {"a": "b"}}),
        "hub.db.pvc.selector", "was chosen by another one", CLAIM,
    ),
    "another priority": (
        priority(1000000), priority(5),
        "scheduling.podPriority.defaultPriority", "has 1000000, which",
        "kubectl delete priorityclass hub-default-priority",
    ),
}  # fmt: skip
ACCEPTED = {
    "the same size in other words": (storage(size="1Gi"), storage(size="1024Mi")),
    "a larger database": (claim(storage="900M"), claim(storage="1Gi")),
    "the class that the cluster chose": (claim(), claim(storageClassName="standard")),
    "access in another order": (
        claim(accessModes=["ReadWriteMany", "ReadWriteOnce"]),
        claim(accessModes=["ReadWriteOnce", "ReadWriteMany"]),
    ),
    "more members": (etcd(replicas=1), etcd(replicas=3)),
    "fewer members, but a majority": (etcd(replicas=5), etcd(replicas=3)),
    "another kind of proxy": (etcd(replicas=3), {"proxy": {"kind": "chp"}}),
    "an etcd of one's own": (
        etcd(replicas=3), etcd(enabled=False, endpoints=["http://a.example.org:2379"]),
    ),
    "another database": (claim(storage="9Gi"), {"hub": {"db": {"type": "sqlite-memory"}}}),
    "no priority": (priority(7), {}),
    "what may change": (
        etcd(replicas=3, storage={"whenDeleted": "Delete"}),
        etcd(replicas=3, storage={"whenDeleted": "Retain"}, resources={}, image={"tag": "v3.8.0"}),
    ),
}  # fmt: skip


def stored(values, release="hub"):
    """The objects as Kubernetes keeps them, as JSON, with what it fills in itself."""
    objects = [copy.deepcopy(o) for o in render(values).objects if o["kind"] in KINDS]
    for made in objects:
        notes = made["metadata"].setdefault("annotations", {})
        notes |= {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": "default"}
        for template in made.get("spec", {}).get("volumeClaimTemplates", []):
            template |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
            template["metadata"]["creationTimestamp"] = None
            template["spec"]["volumeMode"] = "Filesystem"
            template["status"] = {"phase": "Pending"}
        if made["kind"] == "PersistentVolumeClaim":
            made["spec"] = {"storageClassName": "standard", "volumeName": "pv-1"} | made["spec"]
            made["status"] = {"phase": "Bound"}
    return objects


def refusals(values, objects):
    """The lines with which an upgrade is refused."""
    with pytest.raises(RenderError) as refusal:
        render_upgrade(values, {}, objects=objects)
    _, _, body = str(refusal.value).partition("these values do not fit together:\n")
    return body.partition("\n\n")[0].splitlines()


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_cure(name):
    before, after, path, what, cure = REFUSED[name]
    (line,) = refusals(after, stored(before))
    found = re.fullmatch(r"([\w.]+): ([^;]+); ([^;]+)", line)
    assert found, line
    assert found[1] == path
    assert what in found[2]
    assert cure in found[3]


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name):
    before, after = ACCEPTED[name]
    assert render_upgrade(after, {}, objects=stored(before)).has("Deployment", "hub")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_upgrades_to_itself(example):
    values = yaml.safe_load(example.read_text())
    assert render_upgrade(values, {}, objects=stored(values)).objects


@pytest.mark.parametrize("replicas", [1, 3, 5])
def test_the_documented_way_to_another_number_of_members(replicas):
    """Deleted first, the StatefulSet is not there to be compared with."""
    left = [o for o in stored(etcd(replicas=3)) if o["kind"] != "StatefulSet"]
    upgraded = render_upgrade(etcd(replicas=replicas), {}, objects=left)
    assert upgraded.get("StatefulSet", "proxy-etcd")["spec"]["replicas"] == replicas


def test_members_that_were_scaled_away_by_hand_come_back():
    objects = stored(etcd(replicas=3))
    for made in objects:
        if made["kind"] == "StatefulSet":
            made["spec"]["replicas"] = 0
    upgraded = render_upgrade(etcd(replicas=3), {}, objects=objects)
    assert upgraded.get("StatefulSet", "proxy-etcd")["spec"]["replicas"] == 3


def test_everything_at_once():
    before = {**etcd(replicas=3), **claim(storage="2Gi")}
    after = {**etcd(replicas=1, storage={"size": "2Gi"}), **claim(storage="1Gi")}
    assert [line.partition(":")[0] for line in refusals(after, stored(before))] == [
        "proxy.etcd.replicas",
        "proxy.etcd.storage.size",
        "hub.db.pvc.storage",
    ]


def test_selectors():
    lines = refusals({"nameOverride": "lab"}, stored({}))
    names = [re.match(r"nameOverride: (\w+ [\w-]+) selects", line)[1] for line in lines]
    assert names == ["Deployment hub", "Deployment proxy", "StatefulSet proxy-etcd"]
    assert "by app=jupyterhub,component=hub,release=hub, which cannot become app=lab," in lines[0]
    assert lines[2].endswith("kubectl -n default delete statefulset proxy-etcd")


def test_a_statefulset_of_another_chart():
    objects = stored({})
    for made in objects:
        if made["kind"] == "StatefulSet":
            made["spec"] |= {"podManagementPolicy": "OrderedReady", "serviceName": "etcd"}
    (line,) = refusals({}, objects)
    assert (
        "proxy.etcd.enabled: StatefulSet proxy-etcd is another chart's, with OrderedReady" in line
    )
    assert ORPHAN in line


def test_what_belongs_to_another_release_is_helms_to_refuse():
    objects = stored(etcd(replicas=3), release="other")
    assert render_upgrade(etcd(replicas=1), {}, objects=objects).has("Deployment", "hub")


def test_every_rule_is_tried():
    rules = re.findall(r"^[a-z][\w.]+: .*; ", EXISTING.read_text(), re.MULTILINE)
    paths = {rule.partition(":")[0] for rule in rules}
    tried = {case[2] for case in REFUSED.values()} | {"nameOverride", "proxy.etcd.enabled"}
    assert paths == tried
    assert len(rules) == len(paths)
