"""Reading a release's objects: which release, which kind, what is wrong with a pod, what failed."""

import datetime

import pytest
from tests.support.cluster_objects import ended, event, listed, pod, workload

from proxy_gen.errors import UsageError
from proxy_gen.status import objects
from proxy_gen.status.facts import Fault

PROXY = workload("Deployment", "proxy", "proxy", replicas=3, containers=["traefik"])
HUB = workload("Deployment", "hub", "hub")
ETCD = workload("StatefulSet", "proxy-etcd", "proxy-etcd", replicas=3)


def at(text):
    return datetime.datetime.fromisoformat(text)


def workloads(*items):
    return objects.read(listed(*items))[0]


def one_pod(*arguments, **options):
    return objects.read(listed(pod(*arguments, **options)))[1][0][1]


def test_a_list_is_read_by_what_it_holds():
    found, pods = objects.read(
        listed(PROXY, HUB, pod("proxy-b", "proxy"), pod("proxy-a", "proxy", release="other"))
    )
    assert [(one.kind, one.name, one.wanted) for one in found] == [
        ("Deployment", "proxy", 3),
        ("Deployment", "hub", 1),
    ]
    assert found[0].namespace == "jhub"
    assert found[0].chart == "jupyterhub-ha-0.1.0"
    assert [(release, one.name) for release, one in pods] == [
        ("other", "proxy-a"),
        ("hub", "proxy-b"),
    ]


def test_replicas_that_are_not_given_are_one_and_none_are_none():
    found = workloads(
        workload("Deployment", "a", "hub", replicas=None),
        workload("Deployment", "b", "hub", replicas=0),
    )
    assert [one.wanted for one in found] == [1, 0]


@pytest.mark.parametrize(
    ("items", "kind"),
    [
        ([PROXY, HUB, ETCD], "traefik-etcd"),
        ([workload("Deployment", "proxy", "proxy", containers=["chp"]), HUB], "chp"),
        ([HUB], "in-process"),
    ],
)
def test_kind(items, kind):
    assert objects.kind_of(workloads(*items)) == kind


class TestRelease:
    def test_the_only_one(self):
        assert objects.choose_release(workloads(PROXY, HUB), None) == "hub"

    def test_of_two_the_one_of_this_chart(self):
        other = workload("Deployment", "hub", "hub", release="z2jh", chart="jupyterhub-4.3.0")
        found = workloads(other, PROXY)
        assert objects.choose_release(found, None) == "hub"
        assert objects.choose_release(found, "z2jh") == "z2jh"

    def test_two_of_this_chart_must_be_told_apart(self):
        other = workload("Deployment", "b-hub", "hub", release="b")
        with pytest.raises(UsageError, match=r"b, hub; name one with --release"):
            objects.choose_release(workloads(other, HUB), None)

    def test_one_of_another_chart_alone_is_taken(self):
        other = workload("Deployment", "hub", "hub", release="z2jh", chart="jupyterhub-4.3.0")
        assert objects.choose_release(workloads(other), None) == "z2jh"

    def test_one_that_is_not_there(self):
        with pytest.raises(UsageError, match=r"no release 'x' here; .*: hub; name one"):
            objects.choose_release(workloads(HUB), "x")

    def test_none(self):
        with pytest.raises(UsageError, match="name another one with --namespace"):
            objects.choose_release([], None)


class TestPod:
    def test_ready(self):
        found = one_pod("hub-1", "hub", restarts=2, health="/base/hub/health")
        assert (found.name, found.component, found.node) == ("hub-1", "hub", "worker-1")
        assert (found.ready, found.restarts, found.trouble) == (True, 2, "")
        assert found.health_path == "/base/hub/health"

    @pytest.mark.parametrize(
        ("options", "trouble"),
        [
            (
                {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}},
                "container main: CrashLoopBackOff: back-off 10s",
            ),
            (
                {
                    "phase": "Pending",
                    "conditions": [
                        {
                            "type": "PodScheduled",
                            "status": "False",
                            "reason": "Unschedulable",
                            "message": "0/3 nodes are available",
                        }
                    ],
                },
                "no node takes it: Unschedulable: 0/3 nodes are available",
            ),
            (
                {"state": ended("OOMKilled", 137, "2026-01-01T00:00:00Z")},
                "container main: OOMKilled (exit code 137)",
            ),
            (
                {"phase": "Pending", "state": {"waiting": {"reason": "ContainerCreating"}}},
                "it is still pending",
            ),
            ({"started": False}, "it has not started yet (its startup probe fails)"),
            ({}, "its readiness probe fails"),
            ({"container_ready": True}, "its node does not answer"),
        ],
    )
    def test_why_it_is_not_ready(self, options, trouble):
        assert one_pod("p", "proxy", ready=False, **options).trouble == trouble

    def test_one_that_ends_is_ending(self):
        item = pod("p", "proxy")
        item["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        assert objects.pod(item).ending

    def test_one_that_is_done_serves_nobody(self):
        assert one_pod("setup-1", "proxy-etcd-setup", phase="Succeeded").component == ""
        evicted = pod("proxy-1", "proxy", phase="Failed", ready=False)
        evicted["status"] |= {"reason": "Evicted", "message": "low on memory"}
        found = objects.pod(evicted)
        assert found.component == ""
        assert [one.what for one in found.faults] == ["Evicted: low on memory"]


class TestFaults:
    def test_a_container_that_ended_is_one_without_its_log(self):
        found = one_pod(
            "p", "proxy", restarts=4, last_state=ended("Error", 2, "2026-01-02T03:04:05Z")
        )
        expected = Fault(
            "Error (exit code 2)", "pod p, container main", at("2026-01-02T03:04:05+00:00"), 4
        )
        assert found.faults == (expected,)

    def test_one_that_ended_well_is_none(self):
        found = one_pod("p", "proxy", last_state=ended("Completed", 0, "2026-01-02T03:04:05Z"))
        assert found.faults == ()

    @pytest.mark.parametrize(
        ("kind", "name", "ours"),
        [
            ("Pod", "proxy-77-aaaaa", True),  # it runs
            ("Pod", "proxy-5d4f7c9b8-x2k4p", True),  # it is gone
            ("Pod", "proxy-etcd-2", True),
            ("ReplicaSet", "proxy-5d4f7c9b8", True),
            ("Deployment", "proxy", True),
            ("StatefulSet", "proxy-etcd", True),
            ("Pod", "jupyter-alice", False),
            ("Pod", "proxy-public-test", False),
            ("Deployment", "proxy-exporter", False),
            ("StatefulSet", "proxy", False),
        ],
    )
    def test_which_warnings_are_of_the_release(self, kind, name, ours):
        warning = event(kind, name, "R", "m", "2026-01-01T00:00:00Z")
        pods = [one_pod("proxy-77-aaaaa", "proxy")]
        found = objects.last_event([warning], pods, workloads(PROXY, ETCD))
        assert (found is not None) is ours

    def test_the_latest_warning_with_its_count(self):
        events = [
            event("Deployment", "hub", "Old", "a", "2026-01-01T00:00:00Z"),
            event("Deployment", "hub", "New", "b", "2026-01-03T00:00:00Z", 7),
            event("Deployment", "hub", "Middle", "c", "2026-01-02T00:00:00Z"),
            {**event("Deployment", "hub", "X", "d", "2026-01-04T00:00:00Z"), "type": "Normal"},
        ]
        found = objects.last_event(events, [], workloads(HUB))
        assert found == Fault("New: b", "deployment hub", at("2026-01-03T00:00:00+00:00"), 7)

    def test_a_series_has_its_own_time_and_count(self):
        series = {
            **event("Deployment", "hub", "R", "m", "2026-01-01T00:00:00Z"),
            "series": {"count": 12, "lastObservedTime": "2026-01-05T00:00:00.123456Z"},
        }
        found = objects.last_event([series], [], workloads(HUB))
        assert (found.times, found.when.day) == (12, 5)
