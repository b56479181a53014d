"""Who belongs to etcd's cluster: what a starting member and the set-up do. Pure decisions.

A member with an empty data folder has to know whether a cluster exists. That nobody answers proves
nothing: the others may start a moment later, with their data. So a member that has none says so on
its peer port, and a new cluster begins only when *every* member has been seen without data; one
that finds a cluster joins it, and one that finds neither waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Member:
    """A member as etcd lists it.

    The name comes with its first start, or with the cluster's; client URLs only when it has
    started and the cluster has a leader.
    """

    id: str
    name: str
    peer_urls: tuple[str, ...]
    client_urls: tuple[str, ...] = ()
    is_learner: bool = False

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Member:
        """From the JSON of the clients' port or of the peers' port."""
        return cls(
            id=str(found.get("ID") or found.get("id") or ""),
            name=str(found.get("name") or ""),
            peer_urls=tuple(found.get("peerURLs") or ()),
            client_urls=tuple(found.get("clientURLs") or ()),
            is_learner=bool(found.get("isLearner")),
        )

    @property
    def has_run(self) -> bool:
        """Whether it has told the cluster where its clients find it."""
        return bool(self.client_urls)

    @property
    def label(self) -> str:
        """How it is called in a message."""
        return self.name or " ".join(self.peer_urls)

    @property
    def is_joining(self) -> bool:
        """Whether it was added and has not started yet."""
        return not self.name


Cluster = Mapping[str, str]
"""Name and peer URL of each wanted member."""


def parse_cluster(text: str) -> dict[str, str]:
    """The members in etcd's own form, ``name=peer URL,...``."""
    pairs = (part.partition("=") for part in text.strip().split(",") if part)
    return {name: url for name, _, url in pairs}


def cluster_text(members: Iterable[Member], wanted: Cluster) -> str:
    """The option ``--initial-cluster`` of one that joins: every member of the list, and no other.

    One that has not started has no name yet; etcd compares the URLs.
    """
    names = {url: name for name, url in wanted.items()}
    return ",".join(
        f"{m.name or names.get(url, f'joining-{m.id}')}={url}"
        for m in members
        for url in m.peer_urls
    )


@dataclass(frozen=True, slots=True)
class Begin:
    """Start as a first member of a new cluster."""

    initial_cluster: str


@dataclass(frozen=True, slots=True)
class Join:
    """There is a cluster; its leader decides. These client URLs lead to it."""

    endpoints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be known or done yet."""

    reason: str


EMPTY = "empty"
"""Another member said that it has no data."""

Seen = Sequence[Member] | str | None
"""What another member answered: its list of members, EMPTY, or nothing."""


def decide(me: str, wanted: Cluster, seen: Mapping[str, Seen]) -> Begin | Join | Wait:
    """What a member without data does, from what it saw of each other wanted member."""
    lists = {name: answer for name, answer in seen.items() if not isinstance(answer, str | None)}
    others = [name for name in wanted if name != me]
    if not lists:
        silent = [name for name in others if seen.get(name) != EMPTY]
        if silent:
            return Wait(f"no answer from {', '.join(silent)}, which may have data")
        return Begin(",".join(f"{name}={url}" for name, url in wanted.items()))
    found = next(iter(lists.values()))
    if not any(member.has_run for answer in lists.values() for member in answer):
        # It begins at this moment: it has never had a leader.
        if any(wanted[me] in member.peer_urls for member in found):
            return Begin(cluster_text(found, wanted))
        return Wait("a cluster begins without this member; it can join when it has a leader")
    urls = [
        url
        for name, answer in lists.items()
        for member in answer
        if wanted[name] in member.peer_urls
        for url in member.client_urls
    ]
    return Join(tuple(urls)) if urls else Wait(f"{', '.join(lists)} cannot be asked yet")


@dataclass(frozen=True, slots=True)
class Start:
    """Start as a member of the existing cluster."""

    initial_cluster: str


@dataclass(frozen=True, slots=True)
class Add:
    """Be added; as a learner, which has no vote, if one member alone would decide."""

    is_learner: bool


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a member away."""

    member: Member
    reason: str


@dataclass(frozen=True, slots=True)
class Promote:
    """Give a learner its vote."""

    member: Member


def join_step(
    me: str, wanted: Cluster, members: Sequence[Member]
) -> Start | Add | Remove | Promote | Wait:
    """The next step of a member without data into the cluster with these members.

    Only one joins at a time: etcd does not start a member whose list of the others is not theirs.
    """
    own = next((m for m in members if wanted[me] in m.peer_urls or m.name == me), None)
    joining = [m.label for m in members if m.is_joining and m is not own]
    reason = f"{', '.join(joining)} joins first"
    if own and own.has_run:
        return Wait(reason) if joining else Remove(own, "its data are gone")
    if own:
        return Remove(own, reason) if joining else Start(cluster_text(members, wanted))
    if joining:
        return Wait(reason)
    for member in members:
        if member.is_learner:
            return Promote(member)
    # With one voter, the new one's vote would be needed before it has started.
    return Add(is_learner=sum(not m.is_learner for m in members) == 1)


def behind(members: Sequence[Member], seen: Mapping[str, Seen]) -> list[str]:
    """Who has another list than the leader's: etcd asks one of them at its start, any of them.

    It ends when that list is not the one it was started with.
    """
    known = {url for member in members for url in member.peer_urls}
    return [
        name
        for name, answer in seen.items()
        if not isinstance(answer, str | None)
        and {url for member in answer for url in member.peer_urls} != known
    ]


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What is to be done about a cluster's members, and what is still waited for, in words."""

    steps: list[Remove | Promote] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether the members are the wanted ones, each with a vote."""
        return not self.steps and not self.pending


def upkeep(wanted: Cluster, members: Sequence[Member]) -> Upkeep:
    """What brings the cluster's members to the wanted ones; they add themselves when they start."""
    known = set(wanted.values())
    ours = [m for m in members if known.intersection(m.peer_urls)]
    voters = {url for m in ours if not m.is_learner for url in m.peer_urls}
    pending = [f"{name} has no vote yet" for name, url in wanted.items() if url not in voters]
    steps: list[Remove | Promote] = [Promote(m) for m in ours if m.is_learner and m.has_run]
    for member in (m for m in members if m not in ours):
        if any(m.is_joining for m in ours):  # the list that it starts with must stay true
            pending.append(f"{member.label} is removed when all have joined")
        else:
            steps.append(Remove(member, "it is no longer wanted"))
    return Upkeep(steps, pending)
