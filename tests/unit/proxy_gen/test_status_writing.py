"""A report as text and as JSON."""

import datetime
import json
from dataclasses import replace

import pytest
from tests.support.status_reports import NOW, WELL, certificate, member_state, members, replicas

from proxy_gen.status import writing
from proxy_gen.status.facts import Etcd, Fault, Proxy, Replica, Table, Unknown

TEXT = """\
hub in namespace jhub: traefik-etcd, jupyterhub-ha-0.1.0, 2026-01-10 12:00:00 UTC

Hub: 1 of 1 ready, JupyterHub 5.5.0
  POD        NODE      READY  RESTARTS
  hub-66f-x  worker-1  yes    2

Proxy: 3 of 3 ready, all in step, routes: 45
  POD           NODE      READY  RESTARTS  GENERATION  STORE
  proxy-7c9d-a  worker-1  yes    0         128         3f2a1b09
  proxy-7c9d-b  worker-2  yes    0         128         3f2a1b09
  proxy-7c9d-c  worker-3  yes    0         128         3f2a1b09

etcd: 3 of 3 ready, proxy-etcd-1 leads
  MEMBER        NODE      READY  RESTARTS  ROLE      DATABASE  QUOTA    ALARMS  VERSION
  proxy-etcd-0  worker-1  yes    0         follower  12.2 MiB  512 MiB  none    3.6.5
  proxy-etcd-1  worker-2  yes    0         leader    12.2 MiB  512 MiB  none    3.6.5
  proxy-etcd-2  worker-3  yes    0         follower  12.2 MiB  512 MiB  none    3.6.5

Certificates
  OF   DAYS LEFT  UNTIL       SECRET
  ca   3649       2036-01-07  proxy-etcd-ca
  hub  100        2026-04-20  proxy-etcd-hub

Last fault: 3 hours ago (2026-01-10 09:00:00 UTC), 2 times: pod hub-66f-x: Unhealthy: no answer

all is well
"""


def last_lines(report, count):
    return writing.as_text(report).splitlines()[-count:]


def test_text_of_what_is_well():
    assert writing.as_text(WELL) == TEXT


def test_colours_only_where_asked():
    assert "\033" not in writing.as_text(WELL)
    coloured = writing.as_text(WELL, colour=True)
    assert "\033[32mall is well\033[0m" in coloured
    assert "\033[31m" not in coloured
    behind = replace(WELL, proxy=Proxy("proxy", 1, replicas(Table(1, "a")), 2))
    text = writing.as_text(behind, colour=True)
    assert "\033[31m  proxy-7c9d-a  worker-1  yes" in text
    assert "\033[31m1 problem found\033[0m" in text


def test_problems_are_the_last_lines():
    report = replace(WELL, proxy=Proxy("proxy", 2, replicas(Table(1, "a"), Table(2, "a")), 2))
    problem, count = last_lines(report, 2)
    assert problem.startswith("proxy-7c9d-a: it serves generation 1, others 2; kubectl -n jhub")
    assert count == "1 problem found"
    assert "not all serve generation 2" in writing.as_text(report)


def test_what_is_unknown_is_shown_with_its_reason_and_not_as_zero():
    one, two = replicas(Table(2, "a"), Table(2, "a"))
    report = replace(
        WELL,
        hub=replace(WELL.hub, version=Unknown("it is away")),
        proxy=Proxy("proxy", 2, (one, replace(two, table=Unknown("port-forward: forbidden"))), 2),
        etcd=Etcd("proxy-etcd", 1, (replace(WELL.etcd.members[0], state=Unknown("late")),)),
        certificates=Unknown("secrets: forbidden"),
        routes=Unknown("no password"),
        last_fault=Unknown("events: forbidden"),
    )
    text = writing.as_text(report)
    assert "JupyterHub unknown (it is away)" in text
    assert "Proxy: 2 of 2 ready, routes: unknown (no password)\n" in text
    assert "proxy-7c9d-b  worker-2  yes    0         unknown     unknown" in text
    assert "etcd: 1 of 1 ready, leader: unknown\n" in text
    assert "Certificates: unknown (secrets: forbidden)" in text
    assert "Last fault: unknown (events: forbidden)" in text
    assert last_lines(report, 4) == [
        "not seen: proxy-7c9d-b: port-forward: forbidden",
        "not seen: proxy-etcd-0: late",
        "not seen: certificates: secrets: forbidden",
        "nothing wrong was seen, but not all was seen",
    ]


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([member_state(sees_leader=False)], "no leader"),
        ([member_state(leads=True)] * 2, "proxy-etcd-0 and proxy-etcd-1 lead"),
    ],
)
def test_who_leads(states, said):
    report = replace(WELL, etcd=Etcd("proxy-etcd", len(states), members(*states)))
    assert f"ready, {said}\n" in writing.as_text(report)


def test_other_kinds_show_what_they_have():
    chp = replace(
        WELL,
        kind="chp",
        proxy=Proxy("proxy", 1, (Replica(WELL.proxy.replicas[0].pod),)),
        etcd=None,
        certificates=None,
    )
    text = writing.as_text(chp)
    assert "Proxy: 1 of 1 ready, routes: 45\n  POD           NODE      READY  RESTARTS\n" in text
    assert "etcd" not in text
    in_process = replace(
        chp, kind="in-process", proxy=None, routes=Unknown("in the hub"), last_fault=None
    )
    text = writing.as_text(in_process)
    assert "Proxy" not in text
    assert "Routes: unknown (in the hub)" in text
    assert "Last fault: none that Kubernetes remembers" in text
    assert text.endswith("all is well\n")


def test_parts_that_another_release_has_are_named():
    text = writing.as_text(replace(WELL, hub=None, etcd=None, certificates=None))
    assert "Hub: not of this release" in text
    assert "etcd: not of this release (proxy.etcd.endpoints), not asked" in text


def test_nothing_steers_the_terminal():
    fault = Fault("\033[2J\nfoo\x07 " + "x" * 400, "pod p", NOW)
    line = next(
        line
        for line in writing.as_text(replace(WELL, last_fault=fault)).splitlines()
        if line.startswith("Last fault")
    )
    assert "once: pod p: [2J foo xxx" in line
    assert line.isprintable()
    assert line.endswith("xxx...")
    assert len(line) < 330


def test_json_has_everything_and_the_verdict():
    found = json.loads(writing.as_json(WELL))
    assert found["well"] is True
    assert (found["problems"], found["unseen"]) == ([], [])
    assert found["at"] == "2026-01-10T12:00:00+00:00"
    assert found["routes"] == 45
    assert found["proxy"]["generation"] == 128
    assert found["proxy"]["replicas"][0]["table"] == {"generation": 128, "store": "3f2a1b09"}
    assert found["etcd"]["members"][1]["state"]["leads"] is True
    assert found["certificates"][0]["days_left"] == 3649
    assert found["last_fault"]["times"] == 2


def test_json_tells_what_is_unknown_and_what_is_wrong():
    report = replace(
        WELL, routes=Unknown("no password"), certificates=Unknown("forbidden"), etcd=None
    )
    found = json.loads(writing.as_json(report))
    assert found["routes"] == {"unknown": "no password"}
    assert found["etcd"] is None
    assert found["unseen"] == [{"where": "certificates", "what": "forbidden", "cure": ""}]
    assert found["well"] is False
    expired = json.loads(writing.as_json(replace(WELL, certificates=(certificate("hub", -1),))))
    assert [one["where"] for one in expired["problems"]] == ["proxy-etcd-hub"]
    assert expired["well"] is False


def test_json_in_one_line():
    text = writing.as_json(WELL, indent=None)
    assert "\n" not in text
    assert json.loads(text)["release"] == "hub"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (12_845_056, "12.2 MiB"),
        (536_870_912, "512 MiB"),
        (8 * 1024**3, "8.0 GiB"),
        (2000 * 1024**3, "2000 GiB"),
    ],
)
def test_size(number, text):
    assert writing.size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 seconds"),
        (1, "1 second"),
        (119, "1 minute"),
        (7200, "2 hours"),
        (86400 * 3 + 5, "3 days"),
    ],
)
def test_ago(seconds, text):
    assert writing.ago(datetime.timedelta(seconds=seconds)) == text
