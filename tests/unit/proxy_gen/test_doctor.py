"""The doctor without a hub: URLs, order of checks, the report, options and exit codes."""

import base64
import datetime
import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from proxy_gen.cli import main
from proxy_gen.doctor import catalogue, examine, hub, parts, writing
from proxy_gen.doctor.facts import (
    OK,
    PROBLEM,
    UNCHECKED,
    WARNING,
    Asked,
    FaultError,
    Finding,
    Line,
    NotCheckedError,
)
from proxy_gen.doctor.visit import Visit
from proxy_gen.doctor.web import Answer, NoAnswerError, Site, parse
from proxy_gen.errors import UsageError
from proxy_gen.status.facts import Pod, Replica, Table, Unknown

NOW = datetime.datetime(2026, 1, 10, 12, 0, tzinfo=datetime.UTC)
LINES = [
    Line("reach", "Reached?", OK, "https://hub.example.com at 192.0.2.7"),
    Line("slash", "The slash?", PROBLEM, "/jupyter answers 404", "redirect it in front"),
    Line("latency", "Quick?", WARNING, "1200 ms", "look at the load"),
    Line("idle", "Idle?", UNCHECKED, "it takes as long as it says", option="--idle SECONDS"),
]
TEXT = """\
https://hub.example.com/

ok           reach    https://hub.example.com at 192.0.2.7
problem      slash    /jupyter answers 404
                      redirect it in front
warning      latency  1200 ms
                      look at the load
not checked  idle     it takes as long as it says (--idle SECONDS)

1 problem found, 1 warning, 1 not checked
"""


def run(*arguments, **options):
    return CliRunner().invoke(main, ["doctor", *map(str, arguments)], **options)


def answer(status=200, headers=(), body=b"", url="https://h/"):
    return Answer(status, tuple(headers), body, url, 0.0)


# -- the report


def test_text():
    assert writing.as_text("https://hub.example.com/", LINES) == TEXT


@pytest.mark.parametrize(
    ("lines", "verdict", "code"),
    [
        (LINES[:1], "all is well", 0),
        ([LINES[0], LINES[3]], "what was checked is well, 1 not checked", 0),
        ([LINES[0], LINES[2]], "no problem found, 1 warning", 0),
        (LINES[:2], "1 problem found", 1),
    ],
)
def test_verdict_and_exit_code(lines, verdict, code):
    assert writing.as_text("u", lines).splitlines()[-1] == verdict
    assert writing.exit_code(lines) == code


def test_colours_only_when_asked():
    assert "\033[31mproblem" in writing.as_text("u", LINES, colour=True)
    assert "\033" not in writing.as_text("u", LINES)


def test_what_a_server_says_does_not_steer_a_terminal():
    bad = replace(LINES[1], said="\033[2J\nforged line", cure="x" * 1000)
    text = writing.as_text("u", [bad])
    assert "\033" not in text
    assert "[2J forged line" in text
    assert max(map(len, text.splitlines())) < 450


def test_json():
    found = json.loads(writing.as_json("https://hub.example.com/", LINES, NOW))
    assert {key: found[key] for key in ("url", "at", "well", "counts")} == {
        "url": "https://hub.example.com/",
        "at": "2026-01-10T12:00:00+00:00",
        "well": False,
        "counts": {"ok": 1, "warning": 1, "problem": 1, "not checked": 1},
    }
    assert found["checks"][3] == {
        "check": "idle",
        "question": "Idle?",
        "state": "not checked",
        "said": "it takes as long as it says",
        "cure": "",
        "option": "--idle SECONDS",
    }


# -- the table


def test_every_check_has_a_name_of_its_own_a_question_and_a_cure():
    assert len(set(catalogue.NAMES)) == len(catalogue.NAMES)
    for number, check in enumerate(catalogue.CHECKS):
        assert check.question.endswith("?")
        assert check.cure
        assert not check.after or check.after in catalogue.NAMES[:number]


def checks(monkeypatch, *runs):
    """Let the table have these checks, each after the one before it."""
    made = []
    for number, one in enumerate(runs):
        after = made[-1].name if made else ""
        made.append(catalogue.Check(f"check-{number}", "Well?", "the cure", one, after))
    monkeypatch.setattr(examine, "CHECKS", tuple(made))


def raising(error):
    def run_it(_visit):
        raise error

    return run_it


@pytest.mark.parametrize(
    ("run_it", "state", "said", "cure"),
    [
        (lambda _: Finding(OK, "yes"), OK, "yes", ""),
        (lambda _: Finding(WARNING, "so so"), WARNING, "so so", "the cure"),
        (raising(FaultError("no", "its own cure")), PROBLEM, "no", "its own cure"),
        (raising(FaultError("no")), PROBLEM, "no", "the cure"),
        (raising(NoAnswerError("silent")), PROBLEM, "silent", "the cure"),
        (raising(NotCheckedError("why", "--how")), UNCHECKED, "why", ""),
    ],
)
def test_what_a_check_may_do(monkeypatch, run_it, state, said, cure):
    checks(monkeypatch, run_it)
    (line,) = examine.examine(Asked("https://h/"))
    assert (line.state, line.said, line.cure) == (state, said, cure)


def test_what_comes_after_a_problem_points_to_it(monkeypatch):
    checks(monkeypatch, raising(FaultError("no")), *[lambda _: Finding(OK, "yes")] * 2)
    lines = examine.examine(Asked("https://h/"))
    assert [line.said for line in lines] == ["no", "first see check-0", "first see check-0"]


def test_what_comes_after_something_unchecked_is_checked(monkeypatch):
    checks(monkeypatch, raising(NotCheckedError("why")), lambda _: Finding(OK, "yes"))
    assert [line.state for line in examine.examine(Asked("https://h/"))] == [UNCHECKED, OK]


# -- URLs


@pytest.mark.parametrize(
    ("url", "site", "origin", "path"),
    [
        ("https://h.example", Site("https", "h.example", 443), "https://h.example", ""),
        ("http://h:8000/j/", Site("http", "h", 8000), "http://h:8000", "/j/"),
        ("https://[::1]:443/", Site("https", "::1", 443), "https://[::1]", "/"),
    ],
)
def test_parse(url, site, origin, path):
    found, at = parse(url)
    assert (found, found.origin, at) == (site, origin, path)


@pytest.mark.parametrize(
    "url", ["hub.example.com", "ftp://h/", "https://", "http://h:x/", "https://a:secret@h/"]
)
def test_what_is_no_url_of_a_hub(url):
    with pytest.raises(UsageError) as caught:
        parse(url)
    assert "write it like https://hub.example.com/" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "values", "base"),
    [
        ("https://h", None, "/"),
        ("https://h/jupyter", None, "/jupyter/"),
        ("https://h", {"hub": {"baseUrl": "/jupyter"}}, "/jupyter/"),
        ("https://h/", {"hub": {"baseUrl": "/jupyter"}}, "/"),
    ],
)
def test_the_base(url, values, base):
    visit = Visit.of(Asked(url, values=values))
    assert (visit.base, visit.hub("api")) == (base, f"{base}hub/api")


def test_a_redirect_is_seen_from_where_it_was():
    moved = answer(302, [("location", "../b?c")], url="https://h:8/a/x/")
    assert moved.location == "https://h:8/a/b?c"
    assert answer(200, [("Location", "/b")]).location == ""


def test_the_token_goes_only_where_the_certificate_is_trusted():
    visit = Visit.of(Asked("https://h/", token="secret"))
    with pytest.raises(NotCheckedError, match="not trusted"):
        _ = visit.token
    visit.context = visit.strict
    assert visit.token == {"Authorization": "token secret"}
    assert "secret" not in repr(visit)


def test_the_names_of_users_are_quoted():
    visit = Visit.of(Asked("https://h/j/", user="zoë/x"))
    assert visit.of_server("api") == "/j/user/zo%C3%AB%2Fx/api"


# -- single answers


def test_whom_a_cookie_is_made_out_to():
    signed = b"2|1:0|10:1700000000|5:_xsrf|8:bm9ib2R5|0123"
    token = base64.urlsafe_b64encode(signed).decode().rstrip("=")
    assert hub._client(token) == "8:bm9ib2R5"
    assert hub._client("something") == ""


def framed(*headers):
    return hub._framed(answer(headers=headers), "the hub")


POLICY = ("Content-Security-Policy", "default-src *; frame-ancestors 'self'; report-uri /x")


def test_frames():
    assert framed(POLICY) == "the hub may be framed by 'self'"
    assert framed(POLICY, ("X-Frame-Options", "sameorigin")) == "the hub may be framed by 'self'"
    for headers in ([POLICY, ("x-frame-options", "DENY")], [POLICY, POLICY], []):
        with pytest.raises(FaultError, match="somebody in front of the hub"):
            framed(*headers)


def replica(table):
    return Replica(Pod("p", "proxy"), table)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (Table(4, "s"), "b serves 4, others 5"),
        (Table(None), "b serves no table, others 5"),
        (Table(5, "t"), "different stores"),
        (Unknown("refused"), "no answer from b"),
    ],
)
def test_replicas_that_differ(second, words):
    with pytest.raises(FaultError, match=words):
        parts._compared({"a": replica(Table(5, "s")), "b": replica(second)})


METRICS = """\
# HELP jupyterhub_ha_generation Generation
jupyterhub_ha_generation 1.795688323e+09
jupyterhub_ha_replicas{{state="live"}} 2.0
jupyterhub_ha_replicas{{state="skipped"}} {skipped}
jupyterhub_ha_etcd_unauthenticated {open}
jupyterhub_ha_etcd_certificate_expiry_timestamp_seconds{{certificate="hub"}} {ends}
"""


def metrics(monkeypatch, **numbers):
    text = METRICS.format(**{"skipped": 0, "open": 0, "ends": "9e+09", **numbers})

    class Web:
        def ask(self, path, headers):
            assert (path, headers) == ("/hub/metrics", {"Authorization": "token t"})
            return answer(body=text.encode())

    monkeypatch.setattr(Visit, "web", Web())
    return parts.etcd(Visit.of(Asked("http://127.0.0.1/", token="t")))


def test_the_hubs_metrics(monkeypatch):
    assert metrics(monkeypatch).state == OK
    assert "generation 1795688323" in metrics(monkeypatch).said
    assert metrics(monkeypatch, ends="1e+09").state == WARNING
    with pytest.raises(FaultError, match="1 skipped"):
        metrics(monkeypatch, skipped="1.0")
    with pytest.raises(FaultError, match="without a password"):
        metrics(monkeypatch, open="1.0")


# -- the command


@pytest.fixture
def seen(monkeypatch):
    """What the command asks for; it gets LINES."""
    from proxy_gen.commands import doctor

    asked = []
    monkeypatch.setattr(doctor, "examine", lambda one: asked.append(one) or LINES)
    return asked


def test_options(seen, tmp_path):
    token, values = tmp_path / "token", tmp_path / "values.yaml"
    token.write_text("a-token\n")
    values.write_text("hub: {baseUrl: /j/}\n")
    done = run(
        *("https://h/", "--token-file", token, "--values", values, "--user", "ada", "--spawn"),
        *("--body", "2G", "--idle", "1.5", "--kernel", "python3", "--kernel", "ir"),
        *("--replica", "http://r:8080", "--http-port", "8080"),
        env={"TRAEFIK_API_USER": "me", "TRAEFIK_API_PASSWORD": "p", "JUPYTERHUB_API_TOKEN": "no"},
    )
    (asked,) = seen
    assert done.exit_code == 1
    assert (asked.token, asked.user, asked.spawn) == ("a-token", "ada", True)
    assert (asked.body, asked.idle, asked.kernels) == (2 << 30, 1.5, ("python3", "ir"))
    assert (asked.replicas, asked.http_port) == (("http://r:8080",), 8080)
    assert (asked.api_user, asked.api_password) == ("me", "p")
    assert asked.values["hub"]["baseUrl"] == "/j/"
    assert "proxy" in asked.values, "with the chart's defaults"
    assert "a-token" not in repr(asked)


def test_defaults_and_the_environment(seen):
    env = {"JUPYTERHUB_API_TOKEN": "t", "TRAEFIK_API_USER": None, "TRAEFIK_API_PASSWORD": None}
    done = run("https://h/", "--json", env=env)
    assert json.loads(done.stdout)["counts"]["problem"] == 1
    assert seen == [Asked("https://h/", token="t")]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "is no URL of a hub"),
        (["http://h/?token=sekret"], "has more than a path, behind ? or #"),
        (["https://h/", "--spawn"], "give --user NAME"),
        (["https://h/", "--body", "much"], "write it like 500M"),
        (["https://h/", "--ca-file", __file__], "no file of certificates"),
        (["https://h/", "--token-file", __file__], "holds no token"),
    ],
)
def test_it_could_not_be_done(arguments, words):
    done = run(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert "sekret" not in done.output


def test_an_empty_file_holds_no_token(tmp_path):
    (tmp_path / "token").write_text("\n")
    done = run("https://h/", "--token-file", tmp_path / "token")
    assert done.exit_code == 2
    assert "is empty; write a token into it, or leave --token-file out" in done.stderr


class OffersPython3:
    """A user's server with one kernel."""

    def __init__(self, **options):
        self.token = {}
        self.asked = Asked(url="https://h/", **options)
        self.web = self

    def needs_server(self):
        """It runs."""

    def of_server(self, path):
        return path

    def ask(self, _url, **_options):
        spec = {"kernelspecs": {"python3": {"spec": {"argv": ["python"]}}}}
        return answer(body=json.dumps(spec).encode())


def test_the_kernels_of_the_values_are_promised_too():
    kernels = [
        {"name": "python3", "prebuilt": True},
        {"name": "octave", "package": "octave_kernel"},
    ]
    values = {"singleuser": {"kernels": kernels}}
    with pytest.raises(FaultError, match=r"^not there: ir, octave; offered: python3$"):
        parts.kernels(OffersPython3(kernels=("ir", "octave"), values=values))
    for fine in ({"singleuser": {"kernels": kernels[:1]}}, {"singleuser": {}}, {}, None):
        found = parts.kernels(OffersPython3(values=fine))
        assert (found.state, found.said) == ("ok", "offered: python3")
