"""What is wrong with a release, each with its cure, and what could not be seen. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

from proxy_gen.certificates import SOON_DAYS
from proxy_gen.errors import Problem

from .facts import (
    Certificate,
    Etcd,
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

FULL = 0.8
"""The part of etcd's quota from which on the database is a problem."""

LATE = 1 / 6
"""The part of a public certificate's lifetime before whose end it should have been renewed."""

_RULE = "status"


def problems(report: Report) -> list[Problem]:
    """Return all that is wrong; the path of each says where. What is unknown is not wrong."""
    found: list[Problem] = []
    if report.hub is not None:
        found += _hub(report.hub, report.namespace)
    if report.proxy is not None:
        found += _proxy(report.proxy, report.namespace)
    if report.etcd is not None:
        found += _etcd(report.etcd, report.namespace)
    if report.https is not None:
        found += _https(report.https, report.at, report.namespace)
    if isinstance(report.certificates, tuple):
        for one in report.certificates:
            found += _certificate(one, report.at, ours=report.etcd is not None)
    return found


def unseen(report: Report) -> list[Problem]:
    """Return what must be seen before anybody can say that all is well, and was not.

    A pod that is not ready is a problem already; that it does not answer either is no news.
    """
    found: list[Problem] = []
    for replica in report.proxy.replicas if report.proxy else ():
        found += _not_seen(replica.pod, replica.table)
    for member in report.etcd.members if report.etcd else ():
        found += _not_seen(member.pod, member.state)
    if isinstance(report.certificates, Unknown):
        found.append(_problem("certificates", report.certificates.reason, ""))
    if report.https and isinstance(report.https.certificate, Unknown):
        found.append(_problem(report.https.name, report.https.certificate.reason, ""))
    return found


def days_left(expires: datetime.datetime, at: datetime.datetime) -> int:
    """Return the whole days until then, negative when it is over."""
    return (expires - at).days


def is_behind(replica: Replica, generation: int | None) -> bool:
    """Tell whether a replica serves an older table than ``generation``, or none."""
    if not isinstance(replica.table, Table) or generation is None:
        return False
    return replica.table.generation is None or replica.table.generation < generation


def stores(replicas: Sequence[Replica]) -> set[str]:
    """Return the stores that the replicas' tables are of; more than one is wrong.

    A table from before the hub's first change has no store's name: it is old, and not another's.
    """
    tables = [one.table for one in replicas if isinstance(one.table, Table)]
    return {table.store for table in tables if table.store}


def _hub(hub: Hub, namespace: str) -> Iterator[Problem]:
    yield from _pods(hub.name, hub.wanted, hub.pods, namespace, "deployment")
    if not any(one.ready for one in hub.pods):
        what = "no hub is ready: nobody can log in or start a server; running servers go on"
        yield _problem(hub.name, what, f"kubectl -n {namespace} logs deployment/{hub.name}")


def _proxy(proxy: Proxy, namespace: str) -> Iterator[Problem]:
    pods = [one.pod for one in proxy.replicas]
    yield from _pods(proxy.name, proxy.wanted, pods, namespace, "deployment")
    if not any(one.ready for one in pods):
        cure = f"kubectl -n {namespace} logs deployment/{proxy.name}"
        yield _problem(proxy.name, "no proxy is ready: users reach nothing", cure)
    yield from _tables(proxy, namespace)


def _tables(proxy: Proxy, namespace: str) -> Iterator[Problem]:
    serving = [one for one in proxy.replicas if not one.pod.ending]
    found = stores(serving)
    if len(found) > 1:
        # Whose generation is higher says nothing here: each store counts for itself.
        what = "the replicas have tables of different stores: etcd lost its data"
        cure = (
            "the hub makes them follow the new one, its log says how far it is; at once, but "
            f"closing connections: kubectl -n {namespace} rollout restart deployment {proxy.name}"
        )
        yield _problem(proxy.name, what, cure)
    for one in serving:
        if not isinstance(one.table, Table) or not one.pod.ready:
            continue
        serves = one.table.generation
        log = f"kubectl -n {namespace} logs {one.pod.name}"
        if serves is None:
            what = "it has read no table: its users see the hub instead of their servers"
            yield _problem(one.pod.name, what, f"etcd must answer it, see {log}")
        elif len(found) < 2 and is_behind(one, proxy.generation):
            what = f"it serves generation {serves}, others {proxy.generation}"
            cure = f"{log} says why it does not follow etcd; or delete this pod"
            yield _problem(one.pod.name, what, cure)


def _etcd(etcd: Etcd, namespace: str) -> Iterator[Problem]:
    pods = [one.pod for one in etcd.members]
    yield from _pods(etcd.name, etcd.wanted, pods, namespace, "statefulset")
    ready = sum(one.ready for one in pods)
    if ready <= etcd.wanted // 2 and etcd.wanted:
        what = (
            f"{ready} of {etcd.wanted} members are ready, no majority: routes cannot be changed, "
            "running servers keep theirs"
        )
        cure = "bring members back, or begin anew (docs/how-to/backup.md); the hub refills it"
        yield _problem(etcd.name, what, cure)
    yield from _leader(etcd, namespace)
    for member in etcd.members:
        if isinstance(member.state, MemberState):
            yield from _member(member, member.state, etcd.name, namespace)
    yield from _alarms(etcd, namespace)


def _leader(etcd: Etcd, namespace: str) -> Iterator[Problem]:
    states = [one.state for one in etcd.members if isinstance(one.state, MemberState)]
    leaders = sum(state.leads for state in states)
    logs = f"kubectl -n {namespace} logs -l component=proxy-etcd"
    if leaders > 1:
        what = f"{leaders} members say that they lead"
        yield _problem(etcd.name, what, f"look again; if it stays, the network is cut: {logs}")
    elif not leaders and states and len(states) == len(etcd.members):
        yield _problem(etcd.name, "no member leads: routes cannot be changed", f"{logs} says why")


def _member(
    member: Member, state: MemberState, etcd: str, namespace: str
) -> Iterator[Problem]:  # fmt: skip
    name = member.pod.name
    if not state.sees_leader:
        what = "it sees no leader: it is cut off, or there is no majority"
        yield _problem(name, what, f"kubectl -n {namespace} logs {name}")
    if state.learner:
        what = "it is a learner, which has no vote"
        cure = f"the set-up gives it one, every hour; at once: {_set_up(etcd, namespace)}"
        yield _problem(name, what, cure)
    if state.quota and state.database >= FULL * state.quota:
        what = f"its database fills {state.database / state.quota:.0%} of the quota"
        cure = (
            f"kubectl -n {namespace} create job --from=cronjob/{etcd}-maintenance defragment; "
            "or raise proxy.etcd.quotaBackendBytes"
        )
        yield _problem(name, what, cure)


def _alarms(etcd: Etcd, namespace: str) -> Iterator[Problem]:
    # Every member tells the alarms of all.
    states = [one.state for one in etcd.members if isinstance(one.state, MemberState)]
    for alarm in sorted({alarm for state in states for alarm in state.alarms}):
        cure = {
            "NOSPACE": (
                "the set-up makes room and ends it, every hour; at once: "
                f"{_set_up(etcd.name, namespace)}; or raise proxy.etcd.quotaBackendBytes"
            ),
            "CORRUPT": "let etcd begin anew (docs/how-to/backup.md); the hub refills it",
        }.get(alarm, "see etcd's documentation")
        yield _problem(etcd.name, f"alarm {alarm}: routes cannot be changed", cure)


def _set_up(etcd: str, namespace: str) -> str:
    return f"kubectl -n {namespace} create job --from=cronjob/{etcd}-setup-repeat set-up-again"


def _pods(
    name: str, wanted: int, pods: Sequence[Pod], namespace: str, kind: str
) -> Iterator[Problem]:
    """Find what is wrong with the pods of a workload as pods: too few, or not ready."""
    staying = [one for one in pods if not one.ending]
    if wanted == 0:
        cure = f"kubectl -n {namespace} scale {kind} {name} --replicas=1, or more"
        yield _problem(name, "it is scaled to 0", cure)
    elif len(staying) < wanted:
        what = f"{len(staying)} of {wanted} pods exist"
        yield _problem(name, what, f"kubectl -n {namespace} describe {kind} {name}")
    for one in staying:
        if not one.ready:
            cure = f"kubectl -n {namespace} describe pod {one.name}"
            yield _problem(one.name, f"not ready: {one.trouble}", cure)


def is_late(one: PublicCertificate, at: datetime.datetime) -> bool:
    """Tell whether it expires before long, although it should have been renewed by now."""
    if one.begins is None or one.expires is None:
        return False
    share = (one.expires - one.begins) * LATE
    return one.expires - at < min(share, datetime.timedelta(days=SOON_DAYS))


def _https(https: Https, at: datetime.datetime, namespace: str) -> Iterator[Problem]:
    yield from _pods(https.name, https.wanted, https.pods, namespace, "deployment")
    one = https.certificate
    if isinstance(one, Unknown):
        return
    log = f"docs/how-to/https.md, or kubectl -n {namespace} logs deployment/{https.name}"
    if one.error:
        at_time = f"at {one.next_attempt:%Y-%m-%d %H:%M} UTC" if one.next_attempt else "soon"
        what = f"the authority gave no certificate, {one.failures} times in a row: {one.error}"
        cure = f"see When it fails in {log}; it is asked again {at_time}"
        yield _problem(https.name, what, cure)
    if one.expires is None:
        what = f"there is no certificate in the Secret {one.secret}: browsers warn their users"
        yield _problem(https.name, what, f"see {log}")
    elif one.expires <= at:
        what = f"the certificate for browsers expired on {one.expires:%Y-%m-%d}"
        yield _problem(one.secret, what, f"see {log}")
    elif is_late(one, at):
        what = f"the certificate for browsers expires in {days_left(one.expires, at)} days"
        yield _problem(one.secret, what, f"renew it, or see {log}")


def _certificate(one: Certificate, at: datetime.datetime, *, ours: bool) -> Iterator[Problem]:
    cure = (
        # Not "delete the Secret": that has a password, too, which etcd would not know any more.
        "draw it anew as docs/how-to/secrets.md says, under Certificates of etcd"
        if ours
        else "renew it where your etcd's certificates come from, and restart hub and proxy"
    )
    if isinstance(one.expires, Unknown):
        yield _problem(one.secret, f"its certificate cannot be read: {one.expires.reason}", cure)
        return
    left = days_left(one.expires, at)
    if one.expires <= at:
        yield _problem(one.secret, f"its certificate expired on {one.expires:%Y-%m-%d}", cure)
    elif left < SOON_DAYS:
        yield _problem(one.secret, f"its certificate expires in {left} days", cure)


def _not_seen(pod: Pod, answer: object) -> Iterator[Problem]:
    if isinstance(answer, Unknown) and pod.ready and not pod.ending:
        yield _problem(pod.name, answer.reason, "")


def _problem(where: str, what: str, cure: str) -> Problem:
    return Problem(path=where, what=what, cure=cure, rule=_RULE)
