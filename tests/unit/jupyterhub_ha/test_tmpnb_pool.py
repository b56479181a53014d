"""What the pool starts and ends, in tables."""

import pytest

from jupyterhub_ha.tmpnb_pool import Backoff, Needs, Phase, Plan, Rush, Server, givable, plan

NEW, OLD = "new", "old"
# One letter for a server: Ready, Starting, Ending, sTopped and Dead of the pool; small ones are of
# an old spec; C is a visitor's, c a visitor's of an old spec, X a visitor's that stopped.
PHASES = {
    "R": Phase.READY,
    "S": Phase.STARTING,
    "E": Phase.ENDING,
    "T": Phase.STOPPED,
    "D": Phase.READY,
    "C": Phase.READY,
    "X": Phase.STOPPED,
}


def servers(letters):
    return [
        Server(
            f"{letter}{place}",
            PHASES[letter.upper()],
            OLD if letter.islower() else NEW,
            taken=1.0 if letter.upper() in "CX" else None,
            dead=letter.upper() == "D",
        )
        for place, letter in enumerate(letters)
    ]


@pytest.mark.parametrize(
    ("letters", "wanted", "limit", "at_once", "start", "end"),
    [
        # Filling, with so many at once.
        ("", 3, 10, 2, 2, ""),
        ("SS", 3, 10, 2, 0, ""),
        ("RS", 3, 10, 2, 1, ""),
        ("RRR", 3, 10, 2, 0, ""),
        # Nothing starts after failures, and nothing is ended for that.
        ("R", 3, 10, 0, 0, ""),
        # Sizing down; what starts is not stopped.
        ("RRR", 1, 10, 2, 0, "R0 R1"),
        ("RS", 0, 10, 2, 0, "R0"),
        # The limit counts visitors' servers and those that end.
        ("CCR", 3, 4, 5, 1, ""),
        ("CCCE", 3, 4, 5, 0, ""),
        ("CCCCC", 3, 4, 5, 0, ""),
        # What is of no use goes; visitors' servers are touched only when they have stopped.
        ("TDR", 1, 10, 5, 0, "T0 D1"),
        ("XC", 0, 10, 5, 0, "X0"),
        # A new spec: old ones stay until new ones have come, one for one.
        ("rrr", 3, 10, 2, 2, ""),
        ("rrrSS", 3, 10, 2, 0, ""),
        ("rrrRS", 3, 10, 2, 1, "r2"),
        ("rrrRRR", 3, 10, 2, 0, "r0 r1 r2"),
        ("rrss", 2, 10, 3, 1, "s2 s3"),
        ("rrss", 2, 10, 2, 0, "s2 s3"),
        ("ccr", 1, 10, 2, 1, ""),
        ("ccrR", 1, 10, 2, 0, "r2"),
        # At the limit old ones make room, but not while nothing may start.
        ("rrr", 3, 3, 2, 0, "r0 r1"),
        ("rrr", 3, 3, 0, 0, ""),
        ("rrrE", 3, 4, 2, 0, "r0"),
        ("rr", 3, 3, 2, 1, "r0"),
        # After a failure there is room for the next try already.
        ("rr", 3, 3, 1, 1, ""),
    ],
)
def test_plan(letters, wanted, limit, at_once, start, end):
    needs = Needs(wanted=wanted, limit=limit, at_once=at_once, spec=NEW)
    found = plan(servers(letters), needs)
    assert (found.start, sorted(found.end)) == (start, sorted(end.split()))


@pytest.mark.parametrize("letters", ["RRRSSCCXTDE", "rrrssccrRSE", "CCCCCCCC", "rrrrrrrr"])
@pytest.mark.parametrize("wanted", [0, 1, 5])
@pytest.mark.parametrize("limit", [1, 8, 20])
def test_no_plan_goes_beyond_limits_or_ends_what_is_used(letters, wanted, limit):
    now = servers(letters)
    found = plan(now, Needs(wanted=wanted, limit=limit, at_once=4, spec=NEW))
    assert found.start == 0 or len(now) + found.start <= limit
    assert len(set(found.end)) == len(found.end)
    by_name = {server.name: server for server in now}
    used = [n for n in found.end if by_name[n].taken and by_name[n].phase is not Phase.STOPPED]
    assert used == []


def test_a_pool_that_is_as_it_should_be_is_left_alone():
    assert plan(servers("RRCCE"), Needs(wanted=2, limit=10, at_once=4, spec=NEW)) == Plan()


@pytest.mark.parametrize(
    ("letters", "doubted", "expected"),
    [
        ("CSETDX", (), []),
        ("rR", (), ["R1", "r0"]),
        ("RR", ("R0",), ["R1"]),
    ],
)
def test_what_visitors_may_get(letters, doubted, expected):
    assert givable(servers(letters), NEW, doubted) == expected


def test_backoff_grows_tries_one_and_heals():
    backoff = Backoff(shortest=1, longest=60)
    now = 100.0
    assert backoff.at_once(8, now) == 8
    pauses = []
    for _ in range(10):
        backoff.failed(started=now, now=now)
        assert backoff.at_once(8, now) == 0
        end = next(t / 10 for t in range(10**6) if backoff.at_once(8, now + t / 10))
        pauses.append(end)
        now += end
        assert backoff.at_once(8, now) == 1, "one to try"
    assert pauses[0] <= 1
    assert all(30 <= pause <= 60.1 for pause in pauses[-3:]), "as long as it gets"
    backoff.succeeded()
    assert backoff.at_once(8, now) == 8


def test_servers_that_began_together_fail_once():
    backoff = Backoff()
    for _ in range(8):
        backoff.failed(started=10.0, now=20.0)
    assert backoff.failures == 1
    backoff.failed(started=21.0, now=30.0)
    assert backoff.failures == 2


def test_a_rush_lasts_while_visitors_come_and_is_over_when_they_do_not() -> None:
    rush = Rush(calm=1, longest=4)
    assert not rush.is_on(0, 100)
    assert rush.is_on(100, 100.5)
    assert rush.is_on(101, 101.9)
    assert not rush.is_on(101, 102.1)
    assert rush.is_on(103, 103), "another one"


def test_who_comes_all_the_time_is_no_rush_for_long() -> None:
    rush = Rush(calm=1, longest=4)
    seen = [rush.is_on(second, second) for second in range(100, 120)]
    assert seen == [True] * 5 + [False] * 15
