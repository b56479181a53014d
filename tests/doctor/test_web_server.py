"""A hub behind the proxy in it and behind nginx: all is well; then one fault after another."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.doctor import BASE, SERVICE, TOKEN, Front, Told, doctor, start_server
from tests.support.edge import NAMES
from tests.support.local_hub import LocalHub
from tests.support.ports import free_port

from jupyterhub_ha.certificate import self_signed
from proxy_gen.certificates import Leaf, Pair, make_ca, sign
from proxy_gen.doctor import writing
from proxy_gen.doctor.examine import examine
from proxy_gen.doctor.facts import Asked
from proxy_gen.doctor.visit import Visit

pytestmark = pytest.mark.timeout(180)

PROXY = """
c.JupyterHub.proxy_class = "jupyterhub_ha.InProcessProxy"
c.InProcessProxy.trusted_networks = ["127.0.0.1/32"]
"""
# What this system cannot show: its server runs, and the proxy in the hub has neither replicas nor
# etcd.
ELSEWHERE = {"events", "replicas", "etcd"}


@dataclass(frozen=True)
class World:
    """The hub, with ada's server, and nginx in front."""

    hub: LocalHub
    front: Front

    def ask(self, *words: str | Path, url: str = "", ca: Path | None = None) -> Told:
        """Let the doctor look at everything."""
        return doctor(
            url or self.front.url,
            *("--ca-file", ca or self.front.folder / "ca.crt"),
            *("--http-port", str(self.front.http_port)),
            *("--user", "ada"),
            *words,
            token=TOKEN,
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("hub")
    with LocalHub(folder, PROXY + SERVICE, base=BASE) as hub:
        start_server(hub.url, "ada")
        upstream = hub.url.removeprefix("http://").removesuffix(BASE)
        with Front(tmp_path_factory.mktemp("nginx"), upstream) as front:
            yield World(hub, front)


def test_all_is_well(world: World) -> None:
    began = time.monotonic()
    told = world.ask("--kernel", "python3", "--idle", "2")
    assert set(told.unwell) == ELSEWHERE
    assert not told.problems
    assert told.code == 0
    assert time.monotonic() - began < 60
    assert TOKEN not in told.output


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


def without(pattern: str) -> Callable[[str], str]:
    """Without what a pattern finds, over lines."""
    return lambda text: re.sub(pattern, "", text, flags=re.DOTALL)


def added(line: str) -> Callable[[str], str]:
    """One line more in every location that leads to the hub."""
    return lambda text: text.replace("proxy_redirect off;", f"proxy_redirect off;\n{line}")


def passed_on(header: str) -> Callable[[str], str]:
    """The client's own word, where there is one."""
    variable = "$http_" + header.lower().replace("-", "_")
    pattern = rf"(proxy_set_header {header}) [^;]+;"
    return lambda text: re.sub(pattern, rf"\1 {variable};", text)


def other_scheme(text: str) -> str:
    return re.sub(r"(proxy_set_header X-(Forwarded-Proto|Scheme)) \w+;", r"\1 http;", text)


def scheme_passed_on(text: str) -> str:
    """The client's own word where there is one, and else the right one."""
    text = text.replace("X-Scheme https", "X-Scheme $believed")
    return f'map $http_x_scheme $believed {{ default $http_x_scheme; "" $scheme; }}\n{text}'


def slow(text: str) -> str:
    """Requests for the hub's health wait for each other."""
    upstream = re.search(r"proxy_pass (http://\S+);", text)
    assert upstream
    location = (
        f"location {BASE}hub/health {{ limit_req zone=slow burst=50; proxy_pass {upstream[1]}; }}"
    )
    text = "limit_req_zone $server_name zone=slow:1m rate=50r/m;\n" + text
    return text.replace(
        f"    location {BASE} {{\n        # W",
        f"    {location}\n    location {BASE} {{\n        # W",
    )


FAULTS: dict[str, tuple[str, str, Callable[[str], str]]] = {
    # what is wrong: (the check that finds it, words of what it says, how it is made)
    "no Upgrade header": (
        "websockets",
        "answers 400",
        without(r"proxy_set_header Upgrade [^;]+;"),
    ),
    "uploads buffered": (
        "upload",
        "only when it is over",
        replaced("proxy_request_buffering off", "proxy_request_buffering on"),
    ),
    "a limit for bodies": (
        "body-size",
        "nginx refuses 100 MiB with 413",
        replaced("client_max_body_size 0", "client_max_body_size 1m"),
    ),
    "another scheme told": ("forwarded", "takes itself for http", other_scheme),
    "another host told": (
        "forwarded",
        "takes itself for hub.internal",
        replaced("Host $http_host", "Host hub.internal"),
    ),
    "no X-Scheme, and a proxy that appends to X-Forwarded-Proto": (
        "forwarded",
        "takes itself for http",
        replaced("X-Scheme https", 'X-Scheme ""'),
    ),
    "a forged address passed on": ("forged", "X-Real-IP", passed_on("X-Real-IP")),
    "Secure taken from cookies": (
        "forwarded",
        "a cookie of ada's server is not Secure under https",
        added("proxy_cookie_flags ~ nosecure;"),
    ),
    "no redirect to the slash": (
        "slash",
        "answers 404",
        replaced(f"return 308 {BASE}$is_args$args", "return 404"),
    ),
    "the slash's redirect loses the host": (
        "slash",
        "away from",
        replaced(f"return 308 {BASE}$is_args", f"return 308 http://elsewhere{BASE}$is_args"),
    ),
    "a part of the path cut off": (
        "jupyterhub",
        "nothing is at /jupyter/hub/api",
        lambda text: re.sub(r"proxy_pass (http://\w+);", r"proxy_pass \1/;", text),
    ),
    "websockets cut after three seconds": (
        "idle",
        "an idle websocket is cut after",
        replaced("proxy_read_timeout 1d", "proxy_read_timeout 3s"),
    ),
    "frames forbidden": (
        "frames",
        "X-Frame-Options: DENY",
        added("add_header X-Frame-Options DENY always;"),
    ),
    "a second policy": (
        "frames",
        "second Content-Security-Policy",
        added("add_header Content-Security-Policy \"frame-ancestors 'self'\" always;"),
    ),
    "http without https": (
        "to-https",
        "answers 200 itself",
        replaced("return 308 https://$host", 'return 200 "hello"; #'),
    ),
    "http leads to another port": (
        "to-https",
        "http leads to https://127.0.0.1/",
        lambda text: re.sub(r"(https://\$host):\d+", r"\1", text),
    ),
    "no hub behind": (
        "jupyterhub",
        "a proxy without a hub: nginx answers 502",
        lambda text: re.sub(r"server 127.0.0.1:\d+", "server 127.0.0.1:1", text),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_web_server(world: World, fault: str) -> None:
    check, words, change = FAULTS[fault]
    with world.front.changed(change):
        told = world.ask(*(["--idle", "10"] if check == "idle" else []))
    assert words in told.problems[check]
    if check == "idle":  # after three, of ten that it was asked to wait
        assert re.search(" after [2-8] s", told.problems[check])
    assert told.checks[check]["cure"]
    assert told.code == 1
    assert set(told.problems) == {check}


def test_a_forged_scheme_is_a_warning(world: World) -> None:
    with world.front.changed(scheme_passed_on):
        told = world.ask()
    assert told.unwell["forged"] == "warning: the hub believes a client's own X-Scheme"
    assert told.code == 0


def test_a_slow_proxy_is_a_warning(world: World) -> None:
    with world.front.changed(slow):
        told = world.ask()
    assert told.unwell["latency"].startswith("warning: 1")
    assert told.code == 0


def test_another_kernel_was_promised(world: World) -> None:
    told = world.ask("--kernel", "julia-1.11")
    assert told.problems == {"kernels": "not there: julia-1.11; offered: python3"}


# -- certificates


def signed(days: int, names: tuple[str, ...] = NAMES, ago: int = 0) -> tuple[Pair, Pair]:
    """An authority, and a certificate of so many days that began some days ago."""
    began = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=ago)
    ca = make_ca(now=began)
    return ca, sign(ca, Leaf(sans=names, server=True), days=days, now=began)


@pytest.mark.parametrize(
    ("days", "ago", "names", "words"),
    [
        (10, 20, NAMES, "expired on "),
        (90, 0, ("other.example.com",), "for other.example.com, not for 127.0.0.1"),
    ],
    ids=["expired", "another name"],
)
def test_a_bad_certificate(
    world: World, days: int, ago: int, names: tuple[str, ...], words: str
) -> None:
    with world.front.certified(*signed(days, names, ago)) as ca:
        told = world.ask(ca=ca)
    assert words in told.problems["certificate"]
    assert set(told.problems) == {"certificate"}
    assert "not trusted" in told.unwell["websockets"], "no token goes there"


def test_a_certificate_that_ends_soon_is_a_warning(world: World) -> None:
    with world.front.certified(*signed(days=11)) as ca:
        told = world.ask(ca=ca)
    assert "warning" in told.unwell["certificate"]
    assert " 10 days left" in told.unwell["certificate"]
    assert told.code == 0


def test_a_self_signed_certificate(world: World) -> None:
    certificate, key = self_signed("127.0.0.1")
    with world.front.certified(make_ca(), Pair(certificate, key)):
        told = doctor(world.front.url)
    assert told.problems == {"certificate": "self-signed: browsers refuse it"}


def test_an_authority_that_nobody_knows(world: World) -> None:
    told = doctor(world.front.url, "--user", "ada", token=TOKEN)
    assert "does not lead to an authority" in told.problems["certificate"]
    assert set(told.problems) == {"certificate"}


# -- somewhere else


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://127.0.0.1:{closed}/", "port: {closed} of 127.0.0.1 cannot be reached"),
        ("https://127.0.0.1:{plain}/", "TLS: the handshake fails"),
        ("https://no-such-host.invalid/", "name: no-such-host.invalid is not known"),
    ],
    ids=["port", "TLS", "name"],
)
def test_the_step_that_fails_is_named(world: World, url: str, words: str) -> None:
    ports = {"closed": free_port(), "plain": world.front.http_port}
    told = doctor(url.format(**ports))
    assert words.format(**ports) in told.problems["reach"]
    assert told.unwell["latency"] == "not checked: first see reach"
    assert told.code == 1


def test_something_else_answers(world: World) -> None:
    told = world.ask(url=f"{world.front.https_url}/")
    assert "something else: nginx answers 404" in told.problems["jupyterhub"]


def test_another_base_url_is_found(world: World) -> None:
    """The hub itself, asked without the base"""
    config = (world.hub.folder / "jupyterhub_config.py").read_text()
    found = re.search(r"hub_port = (\d+)", config)
    assert found
    told = doctor(f"http://127.0.0.1:{found[1]}/")
    assert told.problems["base-url"] == f"the hub's base URL is {BASE}, not /"
    # Whoever reaches the hub itself is believed.
    assert set(told.problems) == {"base-url", "forged"}, "the rest is asked where the hub is"
    assert "X-Forwarded-Proto, X-Scheme, X-Forwarded-For, X-Real-IP" in told.problems["forged"]


def test_the_values_promise_another_base_url(world: World, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("hub:\n  baseUrl: /other/\n")
    told = world.ask("--values", values)
    assert "hub.baseUrl /other/, the URL has /jupyter/" in told.problems["base-url"]


def test_http_is_followed_to_https(world: World) -> None:
    told = world.ask(url=f"{world.front.http_url}{BASE}")
    assert not told.problems
    assert f"leads to {world.front.https_url}" in told.checks["reach"]["said"]


def test_a_clock_that_is_wrong(world: World) -> None:
    class Late(Visit):
        """A machine that is two minutes late."""

        def now(self) -> float:
            return time.time() - 120

    asked = Asked(url=world.front.url, ca_file=str(world.front.folder / "ca.crt"))
    lines = examine(asked, Late.of(asked))
    (clock,) = [line for line in lines if line.check == "clock"]
    assert clock.state == "problem"
    # The header has whole seconds, and the answer takes its time.
    assert clock.said in {f"{seconds} s ahead of this machine's" for seconds in range(110, 131)}
    assert writing.exit_code(lines) == 1


# -- a server that starts


def test_events_come_one_by_one_and_the_server_is_stopped(world: World) -> None:
    told = world.ask("--user", "bob", "--spawn")
    assert "came one by one" in told.checks["events"]["said"]
    assert not told.problems
    assert told.checks["websockets"]["state"] == "ok", "it was looked at, too"
    assert "bob's server does not run" in world.ask("--user", "bob").unwell["websockets"]


def test_buffered_responses(world: World) -> None:
    with world.front.changed(replaced("proxy_buffering off", "proxy_buffering on")):
        told = world.ask("--user", "bob", "--spawn")
    assert "events came at once" in told.problems["events"]
    assert set(told.problems) == {"events"}
