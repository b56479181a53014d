"""A report and what is wrong, as text for people or as JSON for programs. Pure."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from proxy_gen.certificates import SOON_DAYS
from proxy_gen.errors import Problem
from proxy_gen.terminal import BOLD, GREEN, RED, YELLOW, coloured, printable, table

from . import judge
from .facts import (
    CHP,
    IN_PROCESS,
    TRAEFIK,
    Certificate,
    Etcd,
    Fault,
    Https,
    Hub,
    Member,
    MemberState,
    Pod,
    Proxy,
    PublicCertificate,
    Replica,
    Report,
    Table,
    Unknown,
)

FORMATS = ("text", "json")

_Row = tuple[tuple[str, ...], bool]
"""The cells of a line of a table, and whether all is well with what it shows."""


def as_json(report: Report, *, indent: int | None = 2) -> str:
    """Return the report with ``problems``, ``unseen`` and ``well``.

    A value that is unknown is an object with the one key ``unknown``, its reason; a moment is
    ISO 8601 in UTC; certificates have ``days_left`` besides.
    """
    problems, unseen = judge.problems(report), judge.unseen(report)
    found = _plain(report)
    for shown, one in zip(found["certificates"] or [], _certificates(report), strict=False):
        if isinstance(one.expires, datetime.datetime):
            shown["days_left"] = judge.days_left(one.expires, report.at)
    found["problems"] = [_problem(one) for one in problems]
    found["unseen"] = [_problem(one) for one in unseen]
    found["well"] = not problems and not unseen
    return json.dumps(found, indent=indent)


def as_text(report: Report, *, colour: bool = False) -> str:
    """Return the report for people, the verdict last, where a terminal's reader looks first."""
    writer = _Writer(report, colour)
    return "".join(f"{line}\n" for line in writer.lines())


class _Writer:
    def __init__(self, report: Report, colour: bool) -> None:
        self._report = report
        self._colour = colour

    def lines(self) -> Iterator[str]:
        report = self._report
        chart = f", {report.chart}" if report.chart else ""
        yield self._bold(
            f"{report.release} in namespace {report.namespace}: {report.kind}{chart}, "
            f"{report.at:%Y-%m-%d %H:%M:%S} UTC"
        )
        if report.hub is not None:
            yield from self._hub(report.hub)
        else:
            yield from self._head("Hub", "not of this release")
        if report.proxy is not None:
            yield from self._proxy(report.proxy)
        if report.etcd is not None:
            yield from self._etcd(report.etcd)
        elif report.kind == TRAEFIK:
            yield from self._head("etcd", "not of this release (proxy.etcd.endpoints), not asked")
        if report.https is not None:
            yield from self._https(report.https)
        yield from self._rest()
        yield from self._verdict()

    def _hub(self, hub: Hub) -> Iterator[str]:
        version = _or_unknown(hub.version)
        yield from self._head("Hub", f"{_ready(hub.wanted, hub.pods)}, JupyterHub {version}")
        yield from self._table(("POD", *_POD_HEADS), [_pod(one) for one in hub.pods])

    def _proxy(self, proxy: Proxy) -> Iterator[str]:
        pods = [one.pod for one in proxy.replicas]
        routes = f"routes: {_or_unknown(self._report.routes)}"
        said = [_ready(proxy.wanted, pods), *_agreement(proxy), routes]
        yield from self._head("Proxy", ", ".join(said))
        if self._report.kind == CHP:
            yield from self._table(("POD", *_POD_HEADS), [_pod(one) for one in pods])
            return
        heads = ("POD", *_POD_HEADS, "GENERATION", "STORE")
        yield from self._table(heads, [_replica(one, proxy) for one in proxy.replicas])

    def _etcd(self, etcd: Etcd) -> Iterator[str]:
        pods = [one.pod for one in etcd.members]
        yield from self._head("etcd", ", ".join([_ready(etcd.wanted, pods), *_leadership(etcd)]))
        heads = ("MEMBER", *_POD_HEADS, "ROLE", "DATABASE", "QUOTA", "ALARMS", "VERSION")
        yield from self._table(heads, [_member(one) for one in etcd.members])

    def _https(self, https: Https) -> Iterator[str]:
        yield from self._head("HTTPS", _ready(https.wanted, https.pods))
        yield from self._table(("POD", *_POD_HEADS), [_pod(one) for one in https.pods])
        found = https.certificate
        if isinstance(found, Unknown):
            yield f"  certificate: {_or_unknown(found)}"
            return
        row = _public_certificate(found, self._report.at)
        yield from self._table(("HOSTS", "ISSUER", "DAYS LEFT", "UNTIL", "SECRET"), [row])

    def _rest(self) -> Iterator[str]:
        report = self._report
        if isinstance(report.certificates, Unknown):
            yield from self._head("Certificates", _or_unknown(report.certificates))
        elif report.certificates:
            yield from self._head("Certificates", "")
            rows = [_certificate(one, report.at) for one in report.certificates]
            yield from self._table(("OF", "DAYS LEFT", "UNTIL", "SECRET"), rows)
        if report.kind == IN_PROCESS:
            yield from self._head("Routes", _or_unknown(report.routes))
        yield from self._head("Last fault", _fault(report.last_fault, report.at))

    def _verdict(self) -> Iterator[str]:
        problems, unseen = judge.problems(self._report), judge.unseen(self._report)
        yield ""
        for one in problems:
            yield self._painted(printable(str(one)), RED)
        for one in unseen:
            yield self._painted(printable(f"not seen: {one}"), YELLOW)
        if problems:
            yield self._painted(f"{_count(len(problems), 'problem')} found", RED)
        elif unseen:
            yield self._painted("nothing wrong was seen, but not all was seen", YELLOW)
        else:
            yield self._painted("all is well", GREEN)

    def _head(self, title: str, said: str) -> Iterator[str]:
        yield ""
        yield f"{self._bold(title)}: {said}" if said else self._bold(title)

    def _table(self, heads: tuple[str, ...], rows: Sequence[_Row]) -> Iterator[str]:
        if not rows:
            return
        head, *lines = table([cells for cells, _ in rows], heads).splitlines()
        yield f"  {head}"
        for line, (_, well) in zip(lines, rows, strict=True):
            yield self._painted(f"  {line}", "" if well else RED)

    def _bold(self, text: str) -> str:
        return self._painted(text, BOLD)

    def _painted(self, text: str, code: str) -> str:
        return coloured(text, code, self._colour)


_POD_HEADS = ("NODE", "READY", "RESTARTS")


def _pod(pod: Pod) -> _Row:
    ready = "ending" if pod.ending else "yes" if pod.ready else "no"
    return (pod.name, pod.node or "-", ready, str(pod.restarts)), pod.ready or pod.ending


def _replica(replica: Replica, proxy: Proxy) -> _Row:
    cells, well = _pod(replica.pod)
    if not isinstance(replica.table, Table):
        return (*cells, "unknown", "unknown"), well
    generation = replica.table.generation
    shown = "none" if generation is None else str(generation)
    behind = judge.is_behind(replica, proxy.generation) or generation is None
    return (*cells, shown, replica.table.store or "-"), well and not behind


def _agreement(proxy: Proxy) -> Iterator[str]:
    """Say of Traefik's replicas whether they agree; nothing of one that cannot disagree."""
    serving = [one for one in proxy.replicas if not one.pod.ending]
    tables = [one.table for one in serving if isinstance(one.table, Table)]
    if not tables:
        return
    if len(judge.stores(serving)) > 1:
        yield "different stores"
    elif proxy.generation is None:
        yield "no table"
    elif any(judge.is_behind(one, proxy.generation) for one in serving):
        yield f"not all serve generation {proxy.generation}"
    elif len(tables) == len(serving):
        yield "all in step"


def _member(member: Member) -> _Row:
    cells, well = _pod(member.pod)
    state = member.state
    if isinstance(state, Unknown):
        return (*cells, *("unknown",) * 5), well
    role = "learner" if state.learner else "leader" if state.leads else "follower"
    return (
        *cells,
        role if state.sees_leader else "no leader",
        size(state.database),
        size(state.quota),
        ", ".join(state.alarms) or "none",
        state.version or "-",
    ), well and state.sees_leader and not state.alarms


def _leadership(etcd: Etcd) -> Iterator[str]:
    states = [(one.pod.name, one.state) for one in etcd.members]
    leaders = [name for name, state in states if isinstance(state, MemberState) and state.leads]
    known = [state for _, state in states if isinstance(state, MemberState)]
    if leaders:
        yield f"{' and '.join(leaders)} lead{'s' if len(leaders) == 1 else ''}"
    elif known and len(known) == len(states):
        yield "no leader"
    else:
        yield "leader: unknown"


def _certificate(one: Certificate, at: datetime.datetime) -> _Row:
    if isinstance(one.expires, Unknown):
        return (one.name, "unknown", "-", one.secret), False
    left = judge.days_left(one.expires, at)
    cells = (one.name, str(left), f"{one.expires:%Y-%m-%d}", one.secret)
    return cells, left >= SOON_DAYS


def _public_certificate(one: PublicCertificate, at: datetime.datetime) -> _Row:
    if one.expires is None:
        return ("none yet", "-", "-", "-", one.secret), False
    hosts, issuer = printable(", ".join(one.hosts)) or "-", printable(one.issuer)
    left = str(judge.days_left(one.expires, at))
    well = one.expires > at and not judge.is_late(one, at) and not one.error
    return (hosts, issuer, left, f"{one.expires:%Y-%m-%d}", one.secret), well


def _fault(fault: Fault | Unknown | None, at: datetime.datetime) -> str:
    if fault is None:
        return "none that Kubernetes remembers"
    if isinstance(fault, Unknown):
        return _or_unknown(fault)
    times = "once" if fault.times == 1 else f"{fault.times} times"
    what = _shortened(printable(fault.what))
    return f"{ago(at - fault.when)} ago ({fault.when:%Y-%m-%d %H:%M:%S} UTC), {times}: " + (
        f"{fault.where}: {what}"
    )


def size(number: int) -> str:
    """Return a number of bytes as people read it."""
    scaled, units = float(number), ["GiB", "MiB", "KiB", "B"]
    while scaled >= 1024 and len(units) > 1:
        scaled /= 1024
        units.pop()
    digits = 0 if units[-1] == "B" or scaled >= 100 else 1
    return f"{scaled:.{digits}f} {units[-1]}"


def ago(span: datetime.timedelta) -> str:
    """Return a span of time in its largest unit."""
    seconds = max(0, int(span.total_seconds()))
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            return _count(seconds // length, unit)
    return _count(seconds, "second")


_LONGEST = 240


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _ready(wanted: int, pods: Sequence[Pod]) -> str:
    return f"{sum(one.ready and not one.ending for one in pods)} of {wanted} ready"


def _or_unknown(value: object) -> str:
    return f"unknown ({printable(value.reason)})" if isinstance(value, Unknown) else str(value)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _certificates(report: Report) -> Iterable[Certificate]:
    return report.certificates if isinstance(report.certificates, tuple) else ()


def _problem(one: Problem) -> dict[str, str]:
    return {"where": one.path, "what": one.what, "cure": one.cure}


def _plain(value: Any) -> Any:
    if isinstance(value, Unknown):
        return {"unknown": value.reason}
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if dataclasses.is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    return value
