"""What `proxy-gen status` says of the certificate for browsers, and of who publishes it."""

import base64
import datetime
import json
from dataclasses import replace

import pytest
from tests.support.status_reports import NOW, WELL

from proxy_gen import certificates
from proxy_gen.status import answers, judge, writing
from proxy_gen.status.facts import Https, Pod, PublicCertificate, Unknown

POD = Pod("proxy-certificates-5d-x", "proxy-certificates", "worker-1")
DAY = datetime.timedelta(days=1)
SERVED = PublicCertificate(
    "proxy-certificates",
    ("hub.example.org", "www.hub.example.org"),
    "CN=R12,O=Let's Encrypt,C=US",
    NOW - 30 * DAY,
    NOW + 60 * DAY,
)
LIMITED = {"failures": 3, "error": "urn:ietf:params:acme:error:rateLimited: too many"}


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def report(certificate=SERVED, pods=(POD,)):
    return replace(WELL, https=Https("proxy-certificates", 1, pods, certificate))


def problems(certificate):
    return [(one.path, one.what, one.cure) for one in judge.problems(report(certificate))]


class TestReading:
    def test_names_issuer_and_times(self):
        ca = certificates.make_ca(days=90, now=NOW)
        found = answers.public_certificate("s", encoded(ca.crt) + "\t")
        assert found.secret == "s"
        assert "jupyterhub-ha" in found.issuer
        assert found.expires == NOW + 90 * DAY
        assert (found.failures, found.error, found.next_attempt) == (0, "", None)

    @pytest.mark.parametrize("line", ["", "\t"])
    def test_nothing_there_yet(self, line):
        assert answers.public_certificate("s", line) == PublicCertificate("s")

    def test_attempts_that_failed(self):
        noted = encoded(json.dumps({**LIMITED, "next": NOW.timestamp(), "order": "x"}))
        found = answers.public_certificate("s", f"\t{noted}")
        assert found == PublicCertificate("s", **LIMITED, next_attempt=NOW)

    @pytest.mark.parametrize("line", ["bm90IGE=\t", f"\t{encoded('[]')}", f"\t{encoded('{')}"])
    def test_what_cannot_be_read(self, line):
        with pytest.raises(ValueError, match=r"PEM certificate|no JSON object|double quotes"):
            answers.public_certificate("s", line)


class TestJudging:
    def test_one_that_is_renewed_in_time_is_well(self):
        assert problems(SERVED) == []

    def test_an_attempt_that_failed_says_why_and_when_next(self):
        ((where, what, cure),) = problems(replace(SERVED, **LIMITED, next_attempt=NOW + DAY))
        assert where == "proxy-certificates"
        assert "3 times in a row: urn:ietf:params:acme:error:rateLimited" in what
        assert cure.endswith("it is asked again at 2026-01-11 12:00 UTC")

    def test_there_is_none_yet(self):
        ((_, what, cure),) = problems(PublicCertificate("mine"))
        assert "no certificate in the Secret mine" in what
        assert "kubectl -n jhub logs deployment/proxy-certificates" in cure

    @pytest.mark.parametrize(
        ("lifetime", "left", "said"),
        [
            (90 * DAY, 20 * DAY, ""),
            (90 * DAY, 10 * DAY, "expires in 10 days"),
            (6 * DAY, 2 * DAY, ""),
            (365 * DAY, 40 * DAY, ""),
            (365 * DAY, 29 * DAY, "expires in 29 days"),
            (90 * DAY, -DAY, "expired on 2026-01-09"),
        ],
    )
    def test_one_that_nobody_renewed(self, lifetime, left, said):
        expires = NOW + left
        found = problems(replace(SERVED, begins=expires - lifetime, expires=expires))
        assert bool(found) == bool(said)
        assert not found or said in found[0][1]

    def test_what_is_unknown_is_not_wrong_but_not_seen(self):
        unknown = report(Unknown("secrets: forbidden"))
        assert judge.problems(unknown) == []
        assert [str(one) for one in judge.unseen(unknown)] == [
            "proxy-certificates: secrets: forbidden"
        ]

    def test_a_pod_that_is_not_ready(self):
        ill = replace(POD, ready=False, trouble="container lego: ErrImagePull")
        found = judge.problems(report(pods=(ill,)))
        assert found[0].what == "not ready: container lego: ErrImagePull"


class TestWriting:
    def test_text(self):
        text = writing.as_text(report())
        assert (
            "HTTPS: 1 of 1 ready\n"
            "  POD                      NODE      READY  RESTARTS\n"
            "  proxy-certificates-5d-x  worker-1  yes    0\n"
        ) in text
        row = next(line for line in text.splitlines() if "www.hub" in line)
        assert "hub.example.org, www.hub.example.org  CN=R12,O=Let's Encrypt,C=US  60" in row
        assert "2026-03-11" in row

    def test_without_https_nothing_is_said(self):
        assert "HTTPS" not in writing.as_text(WELL)
        assert json.loads(writing.as_json(WELL))["https"] is None

    def test_json(self):
        found = json.loads(writing.as_json(report(replace(SERVED, **LIMITED))))["https"]
        assert found["certificate"]["hosts"] == list(SERVED.hosts)
        assert found["certificate"]["failures"] == 3

    def test_unknown_and_none_yet(self):
        assert "certificate: unknown (forbidden)" in writing.as_text(report(Unknown("forbidden")))
        assert "none yet" in writing.as_text(report(PublicCertificate("s")))
