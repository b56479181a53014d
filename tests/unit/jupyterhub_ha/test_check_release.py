"""What `helm test` makes of answers; that it asks for the right ones is tried on real parts."""

from __future__ import annotations

import json
import re

import pytest

from jupyterhub_ha.check_release import (
    Answer,
    Outcome,
    judge_login,
    judge_members,
    judge_replicas,
    lines,
    main,
)

LOGIN = "http://proxy-public/hub/login"
HUB = {"x-jupyterhub-version": "5.5.0"}
REFUSED = Answer(failure="no answer (Connection refused)")


def table(generation: int, store: str = "ab12") -> Answer:
    """What Traefik shows of its marker."""
    headers = {"generation": str(generation), "revision": "7"} | ({"store": store} if store else {})
    return Answer(200, body=json.dumps({"headers": {"customResponseHeaders": headers}}).encode())


def replicas(**answers: Answer) -> Outcome:
    return judge_replicas("http://proxy-replicas:8080", answers)


def the_problem(outcome: Outcome) -> str:
    (problem,) = outcome.problems
    return problem


def test_the_login_page_of_a_hub() -> None:
    outcome = judge_login(LOGIN, Answer(200, HUB))
    assert outcome.problems == ()
    assert "JupyterHub 5.5.0" in outcome.found


def test_another_page_of_a_hub() -> None:
    outcome = judge_login("http://proxy-public/hub/tmpnb/stats", Answer(200, HUB))
    assert outcome.found == "http://proxy-public/hub/tmpnb/stats is a page of JupyterHub 5.5.0"


def test_a_login_elsewhere_is_the_hubs_answer() -> None:
    answer = Answer(302, HUB | {"location": "https://login.example.org/authorize?x=y"})
    assert judge_login(LOGIN, answer) == Outcome(
        "JupyterHub 5.5.0 sends users to login.example.org to log in"
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (REFUSED, "Connection refused"),
        (Answer(200), "answers 200, and it is not JupyterHub"),
        (Answer(502), "answers 502, and it is not JupyterHub"),
        (Answer(302, {"location": "https://elsewhere.example.org"}), "it is not JupyterHub"),
        (Answer(500, HUB), "JupyterHub 5.5.0 answers 500"),
        (Answer(302, HUB | {"location": "/hub/again"}), "answers 302"),
        (Answer(302, HUB | {"location": "http://proxy-public/hub/again"}), "answers 302"),
    ],
)
def test_what_is_no_login_page(answer: Answer, words: str) -> None:
    problem = the_problem(judge_login(LOGIN, answer))
    assert words in problem
    assert problem.startswith(f"{LOGIN}: ")


def test_replicas_in_step() -> None:
    outcome = replicas(a=table(5), b=table(5))
    assert outcome == Outcome("2 in step, at generation 5 of store ab12")


@pytest.mark.parametrize(
    "late", [table(4), table(5, "cd34"), table(5, "")], ids=["late", "lost store", "no store"]
)
def test_replicas_out_of_step_are_named(late: Answer) -> None:
    problem = the_problem(replicas(a=table(5), b=late, c=table(5)))
    assert "a has generation 5 of store ab12" in problem
    assert re.search("b has generation [45] of store (ab12|cd34|[(]none[)]),", problem)


def test_a_table_that_no_hub_has_written_is_told() -> None:
    assert "without routes" in the_problem(replicas(a=table(5, ""), b=table(5, "")))


def test_without_an_address_there_is_no_replica() -> None:
    assert "has no address" in the_problem(replicas())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (REFUSED, "Connection refused"),
        (Answer(404, body=b"404 page not found"), "has not read the routing table"),
        (Answer(200, body=b"<html>"), "without a generation"),
        (Answer(200, body=b"[]"), "without a generation"),
        (Answer(200, body=b'{"headers": null}'), "without a generation"),
        (Answer(500), "answers 500"),
    ],
)
def test_a_replica_without_a_table_is_named_beside_the_others_state(
    answer: Answer, words: str
) -> None:
    outcome = replicas(good=table(5), bad=answer, late=table(4))
    named, compared = outcome.problems
    assert named.startswith("bad: ")
    assert words in named
    assert "good has generation 5" in compared


def test_healthy_members() -> None:
    healthy = Answer(200, body=b'{"health":"true","reason":""}')
    assert judge_members({"m0": healthy, "m1": healthy}) == Outcome("2 healthy")


def test_every_unhealthy_member_is_named() -> None:
    alarm = Answer(503, body=b'{"health":"false","reason":"ALARM NOSPACE"}')
    answers = {"m0": Answer(200), "m1": alarm, "m2": REFUSED, "m3": Answer(404, body=b"no")}
    first, second, third = judge_members(answers).problems
    assert first.startswith("m1: is not healthy (ALARM NOSPACE); ")
    assert second.startswith("m2: no answer (Connection refused); ")
    assert third.startswith("m3: is not healthy (status 404); ")


def test_one_line_for_a_check_or_for_each_of_its_problems() -> None:
    outcomes = {"login page": Outcome("a page"), "etcd": Outcome(problems=("m0: x; y", "m1: z; y"))}
    assert lines(outcomes) == [
        "ok: login page: a page",
        "FAILED: etcd: m0: x; y",
        "FAILED: etcd: m1: z; y",
    ]


def test_every_problem_has_place_reason_and_cure() -> None:
    outcomes = [
        judge_login(LOGIN, REFUSED),
        judge_login(LOGIN, Answer(502)),
        judge_login(LOGIN, Answer(500, HUB)),
        replicas(),
        replicas(a=REFUSED, b=Answer(404), c=Answer(500), d=table(1), e=table(2)),
        replicas(a=table(1, "")),
        judge_members({"m0": REFUSED, "m1": Answer(503)}),
    ]
    problems = [problem for outcome in outcomes for problem in outcome.problems]
    assert len(problems) == 11
    assert all(re.fullmatch(r"[^ ]+: [^;]+; [^;]+", problem) for problem in problems), problems


def test_wrong_usage_has_its_own_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main([])
    assert exited.value.code == 2
    assert "--login" in capsys.readouterr().err
