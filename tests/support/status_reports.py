"""Reports of `proxy-gen status` for its tests: one release that is well, to be changed by each."""

from __future__ import annotations

import datetime

from proxy_gen.status.facts import (
    Certificate,
    Etcd,
    Fault,
    Hub,
    Member,
    MemberState,
    Pod,
    Proxy,
    Replica,
    Report,
    Table,
)

NOW = datetime.datetime(2026, 1, 10, 12, 0, 0, tzinfo=datetime.UTC)


def member_state(
    *,
    leads: bool = False,
    sees_leader: bool = True,
    learner: bool = False,
    database: int = 12_845_056,
    alarms: tuple[str, ...] = (),
) -> MemberState:
    """A follower with a small database, unless told otherwise."""
    return MemberState(leads, sees_leader, learner, database, 536_870_912, alarms, "3.6.5")


def members(*states: MemberState) -> tuple[Member, ...]:
    """One member for each state, all ready."""
    return tuple(
        Member(Pod(f"proxy-etcd-{i}", "proxy-etcd", f"worker-{i + 1}"), state)
        for i, state in enumerate(states)
    )


def replicas(*tables: Table) -> tuple[Replica, ...]:
    """One replica for each table, all ready."""
    return tuple(
        Replica(Pod(f"proxy-7c9d-{letter}", "proxy", f"worker-{i + 1}"), table)
        for i, (letter, table) in enumerate(zip("abcdef", tables, strict=False))
    )


def certificate(name: str, days: int) -> Certificate:
    """A certificate with so many days left."""
    return Certificate(name, f"proxy-etcd-{name}", NOW + datetime.timedelta(days=days))


WELL = Report(
    release="hub",
    namespace="jhub",
    kind="traefik-etcd",
    chart="jupyterhub-ha-0.1.0",
    at=NOW,
    hub=Hub("hub", 1, (Pod("hub-66f-x", "hub", "worker-1", restarts=2),), "5.5.0"),
    proxy=Proxy("proxy", 3, replicas(*[Table(128, "3f2a1b09")] * 3), 128),
    etcd=Etcd("proxy-etcd", 3, members(member_state(), member_state(leads=True), member_state())),
    certificates=(certificate("ca", 3649), certificate("hub", 100)),
    routes=45,
    last_fault=Fault("Unhealthy: no answer", "pod hub-66f-x", NOW - datetime.timedelta(hours=3), 2),
)
