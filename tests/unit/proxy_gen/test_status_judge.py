"""Every judgement of `proxy-gen status`: what is found, where, and that a cure is named."""

from dataclasses import replace

import pytest
from tests.support.processes import ROOT
from tests.support.status_reports import (
    NOW,
    WELL,
    certificate,
    member_state,
    members,
    replicas,
)

from proxy_gen.status import judge
from proxy_gen.status.facts import Certificate, Etcd, Pod, Proxy, Replica, Table, Unknown

ILL = Pod("p", "proxy", ready=False, trouble="its readiness probe fails")


def found(report):
    problems = judge.problems(report)
    assert all(one.cure for one in problems), "every problem has a cure"
    return {(one.path, one.what) for one in problems}


def proxy(*tables, **options):
    return replace(WELL, proxy=Proxy("proxy", len(tables), replicas(*tables), **options))


def etcd(*states, wanted=None):
    return replace(WELL, etcd=Etcd("proxy-etcd", wanted or len(states), members(*states)))


def with_hub(*pods, wanted=1):
    return replace(WELL, hub=replace(WELL.hub, pods=pods, wanted=wanted))


def test_nothing_is_wrong_with_what_is_well():
    assert found(WELL) == set()
    assert judge.unseen(WELL) == []


def test_parts_that_a_kind_has_not_are_not_missed():
    bare = replace(WELL, hub=None, proxy=None, etcd=None, certificates=None, routes=Unknown("x"))
    assert found(bare) == set()
    assert judge.unseen(bare) == []


class TestPods:
    def test_a_hub_that_is_not_ready(self):
        pod = Pod("hub-1", "hub", ready=False, trouble="container hub: CrashLoopBackOff")
        assert found(with_hub(pod)) == {
            ("hub-1", "not ready: container hub: CrashLoopBackOff"),
            ("hub", "no hub is ready: nobody can log in or start a server; running servers go on"),
        }

    def test_a_hub_that_is_scaled_away(self):
        assert ("hub", "it is scaled to 0") in found(with_hub(wanted=0))

    def test_a_hub_that_ends_is_no_problem_beside_its_successor(self):
        old = replace(ILL, name="hub-0", ending=True)
        assert found(with_hub(old, Pod("hub-1", "hub"))) == set()

    def test_pods_that_do_not_exist(self):
        few = replace(WELL, proxy=replace(WELL.proxy, replicas=WELL.proxy.replicas[:1]))
        assert found(few) == {("proxy", "1 of 3 pods exist")}

    def test_one_replica_of_two_that_is_not_ready(self):
        pods = (Replica(ILL, Unknown("x")), *replicas(Table(1, "a")))
        report = replace(WELL, proxy=Proxy("proxy", 2, pods, 1))
        assert found(report) == {("p", "not ready: its readiness probe fails")}

    def test_no_replica_that_is_ready(self):
        report = replace(WELL, proxy=Proxy("proxy", 1, (Replica(ILL, Unknown("x")),)))
        assert ("proxy", "no proxy is ready: users reach nothing") in found(report)


class TestTables:
    def test_a_replica_without_a_table(self):
        report = proxy(Table(None), Table(7, "a"), generation=7)
        what = "it has read no table: its users see the hub instead of their servers"
        assert found(report) == {("proxy-7c9d-a", what)}

    def test_a_replica_that_is_behind(self):
        report = proxy(Table(5, "a"), Table(7, "a"), generation=7)
        assert found(report) == {("proxy-7c9d-a", "it serves generation 5, others 7")}

    def test_one_that_is_ahead_was_asked_later(self):
        assert found(proxy(Table(9, "a"), Table(7, "a"), generation=7)) == set()

    def test_tables_of_two_stores_are_one_problem(self):
        report = proxy(Table(5, "a"), Table(1768000000, "b"), generation=1768000000)
        what = "the replicas have tables of different stores: etcd lost its data"
        assert found(report) == {("proxy", what)}

    def test_a_table_from_before_the_first_change_is_old_but_of_no_other_store(self):
        report = proxy(Table(5, ""), Table(7, "b"), generation=7)
        assert found(report) == {("proxy-7c9d-a", "it serves generation 5, others 7")}

    def test_what_a_replica_that_ends_serves_does_not_matter(self):
        ending, other = replicas(Table(5, "a"), Table(7, "b"))
        ending = replace(ending, pod=replace(ending.pod, ending=True))
        report = replace(WELL, proxy=Proxy("proxy", 1, (ending, other), 7))
        assert found(report) == set()


class TestEtcd:
    def test_no_majority(self):
        states = [member_state(leads=True)] * 3
        one, two, three = members(*states)
        down = [
            replace(member, pod=replace(ILL, name=member.pod.name), state=Unknown("x"))
            for member in (two, three)
        ]
        report = replace(WELL, etcd=Etcd("proxy-etcd", 3, (one, *down)))
        what = (
            "1 of 3 members are ready, no majority: routes cannot be changed, "
            "running servers keep theirs"
        )
        assert ("proxy-etcd", what) in found(report)

    def test_one_member_of_three_that_is_away_leaves_a_majority(self):
        one, two, three = members(member_state(leads=True), member_state(), member_state())
        three = replace(three, pod=replace(ILL, name="proxy-etcd-2"), state=Unknown("x"))
        report = replace(WELL, etcd=Etcd("proxy-etcd", 3, (one, two, three)))
        assert found(report) == {("proxy-etcd-2", "not ready: its readiness probe fails")}

    def test_no_leader(self):
        report = etcd(*[member_state(sees_leader=False)] * 3)
        assert {what for _, what in found(report)} == {
            "no member leads: routes cannot be changed",
            "it sees no leader: it is cut off, or there is no majority",
        }

    def test_an_unknown_leader_is_not_none(self):
        one, two, three = members(*[member_state()] * 3)
        three = replace(three, state=Unknown("x"))
        assert found(replace(WELL, etcd=Etcd("proxy-etcd", 3, (one, two, three)))) == set()

    def test_two_leaders(self):
        report = etcd(member_state(leads=True), member_state(leads=True), member_state())
        assert found(report) == {("proxy-etcd", "2 members say that they lead")}

    def test_a_learner(self):
        report = etcd(member_state(leads=True), member_state(learner=True), member_state())
        assert found(report) == {("proxy-etcd-1", "it is a learner, which has no vote")}

    @pytest.mark.parametrize(("part", "wrong"), [(0.79, False), (0.81, True)])
    def test_a_database_near_its_quota(self, part, wrong):
        report = etcd(member_state(leads=True, database=int(536_870_912 * part)))
        expected = {("proxy-etcd-0", "its database fills 81% of the quota")} if wrong else set()
        assert found(report) == expected

    def test_an_alarm_that_every_member_tells_is_one_problem(self):
        states = [member_state(leads=n == 0, alarms=("NOSPACE",)) for n in range(3)]
        assert found(etcd(*states)) == {("proxy-etcd", "alarm NOSPACE: routes cannot be changed")}


class TestCertificates:
    @pytest.mark.parametrize(
        ("days", "what"),
        [
            (30, None),
            (29, "its certificate expires in 29 days"),
            (0, "its certificate expired on 2026-01-10"),
            (-3, "its certificate expired on 2026-01-07"),
        ],
    )
    def test_days(self, days, what):
        report = replace(WELL, certificates=(certificate("root", days),))
        assert found(report) == ({("proxy-etcd-root", what)} if what else set())

    def test_one_that_cannot_be_read(self):
        broken = Certificate("hub", "proxy-etcd-hub", Unknown("not a PEM certificate"))
        assert found(replace(WELL, certificates=(broken,))) == {
            ("proxy-etcd-hub", "its certificate cannot be read: not a PEM certificate")
        }

    def test_the_cure_leads_to_the_page_that_keeps_the_passwords(self):
        (problem,) = judge.problems(replace(WELL, certificates=(certificate("hub", 1),)))
        page, heading = problem.cure.removeprefix("draw it anew as ").split(" says, under ")
        assert f"## {heading}\n" in (ROOT / page).read_text()

    def test_those_of_anothers_etcd_are_not_ours_to_draw(self):
        report = replace(WELL, etcd=None, certificates=(certificate("hub", 1),))
        (problem,) = judge.problems(report)
        assert problem.cure.startswith("renew it where your etcd's certificates come from")


class TestUnseen:
    def test_what_a_ready_pod_does_not_say(self):
        one, two = replicas(Table(1, "a"), Table(1, "a"))
        report = replace(
            WELL,
            proxy=Proxy("proxy", 2, (one, replace(two, table=Unknown("forbidden"))), 1),
            etcd=Etcd("proxy-etcd", 1, (replace(WELL.etcd.members[0], state=Unknown("late")),)),
            certificates=Unknown("no rights"),
        )
        assert judge.problems(report) == []
        assert [str(one) for one in judge.unseen(report)] == [
            "proxy-7c9d-b: forbidden",
            "proxy-etcd-0: late",
            "certificates: no rights",
        ]

    def test_what_is_not_ready_anyway_or_not_needed_is_not_missed(self):
        report = replace(
            WELL,
            proxy=Proxy("proxy", 1, (Replica(ILL, Unknown("x")),)),
            routes=Unknown("x"),
            last_fault=Unknown("x"),
        )
        assert judge.unseen(report) == []


def test_days_are_whole_ones():
    assert judge.days_left(NOW.replace(day=12, hour=11), NOW) == 1
