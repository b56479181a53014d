"""Checks of the parts behind: replicas, etcd, kernels; and of clock and speed."""

from __future__ import annotations

import base64
import datetime
import re
import statistics
import time
from email.utils import parsedate_to_datetime

from jupyterhub_ha.table import MARKER
from proxy_gen.certificates import SOON_DAYS
from proxy_gen.status import answers, judge
from proxy_gen.status.facts import Pod, Replica, Table, Unknown
from proxy_gen.values import get

from .facts import OK, WARNING, Asked, FaultError, Finding, NotCheckedError
from .visit import Visit, as_json
from .web import Answer, NoAnswerError, Web, parse

_MARKERS = (f"{MARKER}@etcd", f"{MARKER}@file")
_SAMPLE = re.compile(r'^(jupyterhub_ha_\w+?)(?:\{\w+="(\w+)"\})? (\S+)$', re.MULTILINE)
_AGAIN, _PAUSE = 3, 1.0
_SKEW, _WRONG_SKEW = 5.0, 60.0
_SLOW = 1.0
_HEALTH_SECONDS = 3.0
_TIMES, _AT_MOST = 10, 5.0


def replicas(visit: Visit) -> Finding:
    """Ask each replica which table it serves; one that seems late is asked again."""
    urls = visit.asked.replicas
    if not urls:
        raise NotCheckedError("replicas are asked one by one", "--replica URL for each")
    found: dict[str, Replica] = {}
    for url in urls:
        found[url] = Replica(Pod(url, "proxy"), _table(visit, url))
    for _ in range(_AGAIN):
        newest = _newest(found)
        late = [url for url, one in found.items() if judge.is_behind(one, newest)]
        if not late:
            break
        time.sleep(_PAUSE)
        for url in late:
            found[url] = Replica(Pod(url, "proxy"), _table(visit, url))
    return _compared(found)


def _newest(found: dict[str, Replica]) -> int | None:
    tables = [one.table for one in found.values() if isinstance(one.table, Table)]
    return max((one.generation for one in tables if one.generation is not None), default=None)


def _compared(found: dict[str, Replica]) -> Finding:
    silent = [
        f"{url} ({one.table.reason})"
        for url, one in found.items()
        if isinstance(one.table, Unknown)
    ]
    if silent:
        raise FaultError(f"no answer from {', '.join(silent)}", "look at its log; restart it")
    newest = _newest(found)
    if newest is None:
        raise FaultError("no replica has read a table", "look at the hub's log, then at etcd's")
    late = [
        f"{url} serves {one.table.generation or 'no table'}"
        for url, one in found.items()
        if isinstance(one.table, Table) and judge.is_behind(one, newest)
    ]
    if late:
        raise FaultError(f"{', '.join(late)}, others {newest}")
    if len(judge.stores(list(found.values()))) > 1:
        raise FaultError("their tables are of different stores", "restart those of the old store")
    return Finding(OK, f"{len(found)} of {len(found)} serve generation {newest}")


def _table(visit: Visit, url: str) -> Table | Unknown:
    """With a password from the API, as the hub does; without one from the page for probes."""
    site, path = parse(url)
    web, base = Web(site, visit.strict), path.rstrip("/")
    try:
        if not visit.asked.api_password:
            return answers.table(*_read(web.ask(f"{base}/ready")))
        user = f"{visit.asked.api_user}:{visit.asked.api_password}"
        headers = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
        for marker in _MARKERS:
            answer = web.ask(f"{base}/api/http/middlewares/{marker}", headers=headers)
            if answer.status != 404:
                break
        return answers.table(*_read(answer))
    except (NoAnswerError, ValueError) as error:
        return Unknown(str(error))


def _read(answer: Answer) -> tuple[int, bytes]:
    return answer.status, answer.body


def etcd(visit: Visit) -> Finding:
    """Ask the endpoints of the values; else the hub, which tells what it sees of etcd."""
    urls = get(visit.asked.values, ("proxy", "etcd", "endpoints"), []) if visit.asked.values else []
    asked = {str(url): _healthy(visit, str(url)) for url in urls or []}
    bad = [url for url, healthy in asked.items() if healthy is False]
    if bad:
        raise FaultError(f"not healthy, such as without a majority: {', '.join(bad)}")
    silent = [url for url, healthy in asked.items() if healthy is None]
    if silent and len(silent) < len(asked):
        raise FaultError(f"others answer, and these do not: {', '.join(silent)}")
    if asked and not silent:
        return Finding(OK, f"{len(asked)} of {len(asked)} endpoints are healthy")
    return _metrics(visit)


def _healthy(visit: Visit, url: str) -> bool | None:
    """Whether an endpoint is healthy by its own word; None if it tells us nothing.

    Asked for itself alone it answers at once; as a part of a cluster without a majority it is
    silent for long.
    """
    site, _ = parse(url)
    web = Web(site, visit.strict)
    try:
        alone = as_json(web.ask("/health?serializable=true"))
    except NoAnswerError:
        return None
    if not isinstance(alone, dict) or "health" not in alone:
        return None
    try:
        found = as_json(web.ask("/health", seconds=_HEALTH_SECONDS))
    except NoAnswerError:
        return False
    return isinstance(found, dict) and found.get("health") == "true"


def _metrics(visit: Visit) -> Finding:
    """Judge what the hub's own metrics tell of its table in etcd."""
    answer = visit.web.ask(visit.hub("metrics"), headers=visit.token)
    if answer.status != 200:
        what = f"the hub does not show its metrics to this token ({answer.status})"
        raise NotCheckedError(what, "a token with the scope read:metrics")
    samples = _SAMPLE.findall(answer.body.decode(errors="replace"))
    found = {(name.removeprefix("jupyterhub_ha_"), label): float(n) for name, label, n in samples}
    generation = int(found.get(("generation", ""), 0))
    if not generation:
        raise NotCheckedError("this hub keeps no table outside itself, as its metrics say")
    if found.get(("etcd_unauthenticated", "")):
        what = "etcd lets the hub in without a password, as after a loss of its data"
        raise FaultError(what, "see docs/how-to/etcd.md, when etcd's data is lost")
    behind = [
        f"{found['replicas', state]:.0f} {state}"
        for state in ("lagging", "skipped")
        if found.get(("replicas", state))
    ]
    if behind:
        raise FaultError(f"at the hub's last change, of the replicas were {', '.join(behind)}")
    ends = [n for (name, _), n in found.items() if name.startswith("etcd_certificate_expiry")]
    left = (min(ends) - time.time()) / 86400 if ends else SOON_DAYS
    if left < SOON_DAYS:
        return Finding(WARNING, f"the hub's certificate for it ends in {left:.0f} days")
    return Finding(OK, f"the hub has written generation {generation}, and all replicas followed")


def kernels(visit: Visit) -> Finding:
    """Ask the user's server for the kernels that it offers."""
    visit.needs_server()
    answer = visit.web.ask(visit.of_server("api/kernelspecs"), headers=visit.token)
    found = as_json(answer)
    specs = found.get("kernelspecs") if isinstance(found, dict) else None
    if answer.status != 200 or not isinstance(specs, dict):
        raise FaultError(f"the list of kernels is not there: {answer.status}")
    if not specs:
        raise FaultError("the server offers no kernel")
    broken = [name for name, one in specs.items() if not (one.get("spec") or {}).get("argv")]
    missing = [name for name in _promised(visit.asked) if name not in specs]
    if missing or broken:
        words = [f"not there: {', '.join(missing)}"] if missing else []
        words += [f"without a command: {', '.join(broken)}"] if broken else []
        raise FaultError("; ".join([*words, f"offered: {', '.join(sorted(specs))}"]))
    return Finding(OK, f"offered: {', '.join(sorted(specs))}")


def _promised(asked: Asked) -> list[str]:
    """The kernels that have to be there: those named, and those of the values; each once."""
    singleuser = (asked.values or {}).get("singleuser") or {}
    listed = [one.get("name") for one in singleuser.get("kernels") or [] if isinstance(one, dict)]
    return list(dict.fromkeys([*asked.kernels, *(name for name in listed if name)]))


def clock(visit: Visit) -> Finding:
    """Compare the hub's Date with this machine's clock, half of the answer's time before now."""
    answer = visit.web.ask(visit.hub("api"))
    now = visit.now() - answer.seconds / 2
    try:
        told = parsedate_to_datetime(answer.header("Date")).replace(tzinfo=datetime.UTC)
    except (TypeError, ValueError) as error:
        raise NotCheckedError("the answer has no Date") from error
    # A date has whole seconds only.
    skew = told.timestamp() + 0.5 - now
    if abs(skew) <= _SKEW:
        return Finding(OK, f"within {_SKEW:.0f} s of this machine's")
    said = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this machine's"
    if abs(skew) > _WRONG_SKEW:
        raise FaultError(said)
    return Finding(WARNING, said)


def latency(visit: Visit) -> Finding:
    """Take the median of a few small requests over one connection."""
    seconds: list[float] = []
    web, path = visit.web, visit.hub("health")
    began = time.monotonic()
    while len(seconds) < _TIMES and time.monotonic() - began < _AT_MOST:
        with web.connect() as connection:
            while len(seconds) < _TIMES and time.monotonic() - began < _AT_MOST:
                answer = web.ask_over(connection, path)
                seconds.append(answer.seconds)
                if answer.header("Connection").lower() == "close":
                    break
    median = statistics.median(seconds)
    said = f"{median * 1000:.0f} ms for a small request (median of {len(seconds)})"
    return Finding(WARNING if median > _SLOW else OK, said)
