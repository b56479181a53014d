"""Reading what replicas, members, APIs and Secrets say."""

import base64
import datetime
import json

import pytest
from tests.support.cluster_objects import etcd_metrics, marker

from proxy_gen import certificates
from proxy_gen.status import answers
from proxy_gen.status.facts import MemberState, Table, Unknown

HEALTHY = b'{"health":"true","reason":""}'


class TestTable:
    def test_generation_and_store(self):
        body = json.dumps(marker(128, "ab")).encode()
        assert answers.table(200, body) == Table(128, "ab")

    def test_before_the_hubs_first_change_there_is_no_store(self):
        shown = marker(7)
        del shown["headers"]["customResponseHeaders"]["store"]
        assert answers.table(200, json.dumps(shown).encode()) == Table(7, "")

    def test_404_is_no_table_and_not_unknown(self):
        assert answers.table(404, b"404 page not found") == Table(None)

    @pytest.mark.parametrize(
        ("status", "body", "text"),
        [
            (503, b"", "answers 503"),
            (200, b"<html>", "does not show the table's generation"),
            (200, b"[]", "does not show the table's generation"),
            (200, b'{"headers": {"customResponseHeaders": {}}}', "does not show"),
            (200, b'{"headers": null}', "does not show"),
        ],
    )
    def test_what_is_no_answer(self, status, body, text):
        with pytest.raises(ValueError, match=text):
            answers.table(status, body)


class TestMember:
    def test_a_leader(self):
        assert answers.member(etcd_metrics(leads=True), HEALTHY) == MemberState(
            leads=True,
            sees_leader=True,
            learner=False,
            database=12845056,
            quota=536870912,
            alarms=(),
            version="3.6.5",
        )

    def test_a_learner_without_a_leader(self):
        found = answers.member(etcd_metrics(has_leader=False, learner=True), HEALTHY)
        assert (found.leads, found.sees_leader, found.learner) == (False, False, True)

    def test_alarms(self):
        health = b'{"health":"false","reason":"ALARM NOSPACE"}'
        assert answers.member(etcd_metrics(), health).alarms == ("NOSPACE",)
        other = b'{"health":"false","reason":"RANGE ERROR:timeout"}'
        assert answers.member(etcd_metrics(), other).alarms == ()

    @pytest.mark.parametrize(
        ("metrics", "health", "text"),
        [
            ("", HEALTHY, "no etcd_server_is_leader"),
            (etcd_metrics(), b"", "no JSON object"),
            (etcd_metrics(), b"[]", "no JSON object"),
        ],
    )
    def test_what_is_no_answer(self, metrics, health, text):
        with pytest.raises(ValueError, match=text):
            answers.member(metrics, health)


def test_routes_are_counted_and_nothing_else():
    assert answers.count_services(b'[{"name": "a@etcd"}, {"name": "b@etcd"}]') == 2
    assert answers.count_services(b"[]") == 0
    assert answers.count_chp_routes(b'{"/": {"target": "x"}, "/user/a": {}}') == 2
    with pytest.raises(ValueError, match="lists no services"):
        answers.count_services(b"{}")
    with pytest.raises(ValueError, match="lists no routes"):
        answers.count_chp_routes(b"[]")


def test_certificates_by_whose_they_are():
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    ca = certificates.make_ca(days=3650, now=now)
    hub = certificates.sign(ca, certificates.Leaf(), days=730, now=now)
    ca64, hub64 = (base64.b64encode(one.crt.encode()).decode() for one in (ca, hub))
    lines = (
        f"x-proxy-etcd-ca\t{ca64}\t\n"
        f"x-proxy-etcd-hub\t{ca64}\t{hub64}\n"
        f"x-proxy-etcd-root\t{ca64}\tbm90IGE=\n"
        "unrelated\t\t\n"
    )
    found = answers.certificates_of(lines)
    assert [(one.name, one.secret) for one in found] == [
        ("ca", "x-proxy-etcd-ca"),
        ("hub", "x-proxy-etcd-hub"),
        ("root", "x-proxy-etcd-root"),
    ]
    assert found[0].expires == now + datetime.timedelta(days=3650)
    assert found[1].expires == now + datetime.timedelta(days=730)
    assert isinstance(found[2].expires, Unknown)
    assert "not a PEM certificate" in found[2].expires.reason
