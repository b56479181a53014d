"""See whether a release serves: what `helm test` runs in a pod of its own.

Run as ``python -m jupyterhub_ha.check_release --help``. Each check is repeated until it passes or
the time is over, since pods may still be starting; then everything that is wrong is said at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from tornado.httpclient import HTTPClientError
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from .replicas import Replicas
from .table import marks_in

_REQUEST_SECONDS = 5.0
_PAUSE = 1.0
_REDIRECTS = 5
_LOGIN = "hub/login"
# JupyterHub sets it in every answer of its own, also in redirects.
_VERSION = "x-jupyterhub-version"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a GET got: status, headers (names in lower case) and body, or why there is no answer."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one check: what was found, or the problems, each as "place: reason; cure"."""

    found: str = ""
    problems: tuple[str, ...] = ()


def judge_login(url: str, answer: Answer) -> Outcome:
    """Whether the answer to `url` is JupyterHub's page, or its redirect to a provider's."""
    if answer.failure:
        service = urlsplit(url).hostname
        cure = f"see whether the pods behind the Service {service} are ready"
        return Outcome(problems=(f"{url}: {answer.failure}; {cure}",))
    version = answer.headers.get(_VERSION)
    if version is None:
        reason = f"answers {answer.status}, and it is not JupyterHub that does"
        cure = "see whether the hub is ready, what its log says, and that of the proxy"
        return Outcome(problems=(f"{url}: {reason}; {cure}",))
    if answer.status == 200:
        which = "the login page" if urlsplit(url).path.endswith(f"/{_LOGIN}") else "a page"
        return Outcome(f"{url} is {which} of JupyterHub {version}")
    there = urlsplit(answer.headers.get("location", "")).netloc
    if 300 <= answer.status < 400 and there not in ("", urlsplit(url).netloc):
        return Outcome(f"JupyterHub {version} sends users to {there} to log in")
    cure = "the log of the hub says why"
    return Outcome(problems=(f"{url}: JupyterHub {version} answers {answer.status}; {cure}",))


def judge_replicas(name: str, answers: Mapping[str, Answer]) -> Outcome:
    """Whether all replicas serve the same generation of the same store; answers by address."""
    if not answers:
        cure = "see whether pods of the proxy run, and whether the cluster's DNS answers"
        return Outcome(problems=(f"{name}: has no address; {cure}",))
    tables, problems = {}, []
    for address, answer in answers.items():
        reason = _no_table(answer)
        if reason:
            problems.append(f"{address}: {reason}")
        else:
            tables[address] = _marks(answer)
    if len(set(tables.values())) > 1:
        listed = ", ".join(
            f"{address} has generation {generation} of store {store or '(none)'}"
            for address, (store, generation) in tables.items()
        )
        cure = "restart those that stay behind, which the log of the hub names"
        problems.append(f"{name}: the replicas serve different tables, {listed}; {cure}")
    elif tables and not next(iter(tables.values()))[0]:
        reason = "the replicas serve a table without routes, which the set-up of etcd began"
        problems.append(f"{name}: {reason}; the log of the hub says why it has written none")
    if problems:
        return Outcome(problems=tuple(problems))
    store, generation = next(iter(tables.values()))
    return Outcome(f"{len(tables)} in step, at generation {generation} of store {store}")


def judge_members(answers: Mapping[str, Answer]) -> Outcome:
    """Whether every member of etcd is healthy: it has a leader, reads, and has no alarm."""
    problems = []
    for url, answer in answers.items():
        if answer.failure:
            problems.append(f"{url}: {answer.failure}; see whether this pod is ready, and its log")
        elif answer.status != 200:
            reason = f"is not healthy ({_reason(answer)})"
            problems.append(f"{url}: {reason}; docs/how-to/etcd.md says what to do")
    return Outcome("" if problems else f"{len(answers)} healthy", tuple(problems))


def _no_table(answer: Answer) -> str:
    """Why a replica's answer shows no table, with the cure; nothing if it shows one."""
    if answer.failure:
        return f"{answer.failure}; see whether this pod of the proxy is ready, and its log"
    if answer.status == 404:
        return "has not read the routing table; its log says why it does not reach etcd"
    if answer.status != 200 or not _marks(answer)[1]:
        return f"answers {answer.status} without a generation; see its log"
    return ""


def _marks(answer: Answer) -> tuple[str, str]:
    """Store and generation of the table that a replica serves; empty where there are none."""
    found = marks_in(answer.body)
    return found.get("store", ""), found.get("generation", "")


def _reason(answer: Answer) -> str:
    """What an etcd says of itself, such as "ALARM NOSPACE"."""
    try:
        return str(json.loads(answer.body)["reason"])
    except (KeyError, TypeError, ValueError):
        return f"status {answer.status}"


class Checks:
    """The checks of one release, by the URLs where its parts answer."""

    def __init__(
        self,
        login: str,
        replicas: Sequence[str],
        members: Sequence[str],
        *,
        any_certificate: bool = False,
        page: str = _LOGIN,
    ) -> None:
        self._any_certificate = any_certificate
        self._page = urljoin(login.rstrip("/") + "/", page)
        self._replicas = replicas
        self._members = members
        self._http = SimpleAsyncHTTPClient(force_instance=True, max_clients=100)

    async def run(self, seconds: float) -> dict[str, Outcome]:
        """The outcome of each check, by its name; each is tried for so long, at least once."""
        name = "login page" if self._page.endswith(_LOGIN) else "page"
        checks = {name: self._ask_page}
        if self._replicas:
            checks["replicas"] = self._ask_replicas
        if self._members:
            checks["etcd"] = self._ask_members
        deadline = time.monotonic() + seconds
        try:
            outcomes = await asyncio.gather(*(_until(ask, deadline) for ask in checks.values()))
        finally:
            self._http.close()
        return dict(zip(checks, outcomes, strict=True))

    async def _ask_page(self) -> Outcome:
        url = self._page
        answer = await self._get(url)
        for _ in range(_REDIRECTS):
            target = urljoin(url, answer.headers.get("location", url))
            if not 300 <= answer.status < 400 or urlsplit(target).netloc != urlsplit(url).netloc:
                break
            url, answer = target, await self._get(target)
        return judge_login(url, answer)

    async def _ask_replicas(self) -> Outcome:
        addresses = await Replicas(self._replicas, "").addresses()
        answers = await asyncio.gather(*(self._get(f"{one}/ready") for one in addresses))
        name = " ".join(self._replicas)
        return judge_replicas(name, dict(zip(addresses, answers, strict=True)))

    async def _ask_members(self) -> Outcome:
        urls = [f"{url}/health" for url in self._members]
        answers = await asyncio.gather(*(self._get(url) for url in urls))
        return judge_members(dict(zip(urls, answers, strict=True)))

    async def _get(self, url: str) -> Answer:
        try:
            response = await self._http.fetch(
                url,
                raise_error=False,  # of statuses only; no answer at all is an error still
                follow_redirects=False,
                validate_cert=not self._any_certificate,
                connect_timeout=_REQUEST_SECONDS,
                request_timeout=_REQUEST_SECONDS,
            )
        except (HTTPClientError, OSError, EOFError) as error:
            said = error.message if isinstance(error, HTTPClientError) else str(error)
            return Answer(failure=f"no answer ({said})")
        headers = {name.lower(): value for name, value in response.headers.get_all()}
        return Answer(response.code, headers, response.body)


async def _until(ask: Callable[[], Awaitable[Outcome]], deadline: float) -> Outcome:
    while True:
        outcome = await ask()
        if not outcome.problems or time.monotonic() + _PAUSE > deadline:
            return outcome
        await asyncio.sleep(_PAUSE)


def lines(outcomes: Mapping[str, Outcome]) -> list[str]:
    """What is said of the outcomes: a line for a check that passed, else one for each problem."""
    said = []
    for name, outcome in outcomes.items():
        if outcome.problems:
            said += [f"FAILED: {name}: {problem}" for problem in outcome.problems]
        else:
            said.append(f"ok: {name}: {outcome.found}")
    return said


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jupyterhub_ha.check_release",
        description="See whether users get the login page, all replicas have the same routing "
        "table, and every member of etcd is healthy.",
        epilog="Exit status: 0 all is well, 1 something is not, 2 wrong usage.",
    )
    parser.add_argument("--login", required=True, metavar="URL", help="what users open")
    parser.add_argument(
        "--page", default=_LOGIN, metavar="PATH", help="which of its pages (%(default)s)"
    )
    parser.add_argument(
        "--replicas", nargs="+", default=(), metavar="URL",
        help="internal entry points of Traefik; a name stands for each of its addresses",
    )  # fmt: skip
    parser.add_argument(
        "--members", nargs="+", default=(), metavar="URL", help="health ports of etcd's members"
    )
    parser.add_argument(
        "--any-certificate",
        action="store_true",
        help="ask by https whatever the certificate: users' names mean nothing in a cluster",
    )
    parser.add_argument("--timeout", type=float, default=60, help="seconds to wait (%(default)s)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(arguments)

    async def run() -> dict[str, Outcome]:
        checks = Checks(
            options.login,
            options.replicas,
            options.members,
            any_certificate=options.any_certificate,
            page=options.page,
        )
        return await checks.run(options.timeout)

    outcomes = asyncio.run(run())
    print(*lines(outcomes), sep="\n")
    return 1 if any(outcome.problems for outcome in outcomes.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
