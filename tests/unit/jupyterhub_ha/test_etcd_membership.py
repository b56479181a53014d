"""What a starting member and the set-up decide, in tables."""

from __future__ import annotations

import pytest

from jupyterhub_ha.etcd_membership import (
    EMPTY,
    Add,
    Begin,
    Join,
    Member,
    Promote,
    Remove,
    Start,
    Wait,
    behind,
    decide,
    join_step,
    parse_cluster,
    upkeep,
)

WANTED = {name: f"https://{name}:2380" for name in ("m0", "m1", "m2")}
ALL = "m0=https://m0:2380,m1=https://m1:2380,m2=https://m2:2380"


def member(name: str, state: str = "run", **more) -> Member:
    """One that runs, that was `named` with its cluster but never ran, or that is `joining`."""
    return Member(
        id=f"id-{name}",
        name="" if state == "joining" else name,
        peer_urls=(f"https://{name}:2380",),
        client_urls=(f"https://{name}:2379",) if state == "run" else (),
        **more,
    )


def members(*names: str, state: str = "run") -> list[Member]:
    return [member(name, state) for name in names]


def test_the_members_are_written_as_etcd_writes_them() -> None:
    assert parse_cluster(ALL) == WANTED
    assert parse_cluster("") == {}


# -- a member without data: is there a cluster?


def test_a_cluster_begins_when_every_member_has_been_seen_empty() -> None:
    assert decide("m0", WANTED, {"m1": EMPTY, "m2": EMPTY}) == Begin(ALL)


def test_a_single_member_has_nobody_to_ask() -> None:
    assert decide("m0", {"m0": WANTED["m0"]}, {}) == Begin("m0=https://m0:2380")


@pytest.mark.parametrize("seen", [{"m1": EMPTY, "m2": None}, {"m1": None, "m2": None}, {}])
def test_silence_is_no_sign_that_there_is_no_cluster(seen: dict) -> None:
    decision = decide("m0", WANTED, seen)
    assert isinstance(decision, Wait)
    assert "m2" in decision.reason


def test_one_that_has_begun_a_moment_before_is_followed() -> None:
    begun = members("m0", "m1", "m2", state="named")
    assert decide("m1", WANTED, {"m0": begun, "m2": EMPTY}) == Begin(ALL)
    assert decide("m1", WANTED, {"m0": begun, "m2": None}) == Begin(ALL)


def test_a_cluster_that_begins_with_others_is_waited_for() -> None:
    begun = members("m0", state="named")
    assert isinstance(decide("m1", WANTED, {"m0": begun, "m2": EMPTY}), Wait)


def test_a_cluster_that_ran_is_joined_by_the_members_that_answer() -> None:
    ran = members("m0", "m1", "m2")
    assert decide("m2", WANTED, {"m0": ran, "m1": None}) == Join(("https://m0:2379",))
    both = Join(("https://m0:2379", "https://m1:2379"))
    assert decide("m2", WANTED, {"m0": ran, "m1": ran}) == both


def test_one_that_ran_is_enough_to_begin_nothing() -> None:
    """Also with the others empty, as after the loss of two volumes of three."""
    ran = members("m0", "m1", "m2")
    assert decide("m2", WANTED, {"m0": ran, "m1": EMPTY}) == Join(("https://m0:2379",))
    unknown = [member("m0", "named"), member("m1", "run"), member("m2", "named")]
    assert isinstance(decide("m2", WANTED, {"m0": unknown, "m1": None}), Wait)


# -- the way into a cluster


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # Its data are lost: the cluster still counts on the former one.
        (members("m0", "m1", "m2"), Remove(member("m2"), "its data are gone")),
        (members("m0", "m1"), Add(is_learner=False)),
        # One vote alone: the new one's would be needed before it runs.
        (members("m0"), Add(is_learner=True)),
        ([member("m0"), member("m1", is_learner=True)], Promote(member("m1", is_learner=True))),
        # Added before, and started again before etcd was.
        ([*members("m0", "m1"), member("m2", "joining")], Start(ALL)),
        # Named with its cluster, but never started.
        ([*members("m0", "m1"), member("m2", "named")], Start(ALL)),
        # Another one is on its way: its list must stay true.
        ([member("m0"), member("m1", "joining")], Wait("https://m1:2380 joins first")),
        (
            [member("m0"), member("m1", "joining"), member("m2")],
            Wait("https://m1:2380 joins first"),
        ),
        # Both were added at once.
        (
            [member("m0"), member("m1", "joining"), member("m2", "joining")],
            Remove(member("m2", "joining"), "https://m1:2380 joins first"),
        ),
        # A member named when the cluster began keeps nobody waiting.
        ([member("m0"), member("m1", "named")], Add(is_learner=False)),
    ],
)
def test_the_next_step_into_a_cluster(found: list[Member], expected: object) -> None:
    assert join_step("m2", WANTED, found) == expected


def test_one_that_was_elsewhere_before_is_known_by_its_name() -> None:
    moved = Member("1", "m2", ("https://old:2380",), ("https://old:2379",))
    step = join_step("m2", WANTED, [*members("m0", "m1"), moved])
    assert step == Remove(moved, "its data are gone")


def test_the_list_names_also_who_is_not_wanted_any_more() -> None:
    step = join_step("m2", WANTED, [*members("m0", "m7"), member("m2", "joining")])
    assert step == Start("m0=https://m0:2380,m7=https://m7:2380,m2=https://m2:2380")


def test_etcd_starts_when_whoever_it_asks_knows_the_members() -> None:
    """Its own list is compared with that of any member that answers."""
    known = [*members("m0", "m1"), member("m2", "joining")]
    assert behind(known, {"m0": known, "m1": known}) == []
    assert behind(known, {"m0": known, "m1": members("m0", "m1")}) == ["m1"]
    assert behind(known, {"m0": [*known, member("m3")]}) == ["m0"]
    assert behind(known, {"m0": EMPTY, "m1": None}) == []


# -- the set-up's care


def test_nothing_is_to_be_done_for_the_wanted_members() -> None:
    assert upkeep(WANTED, members("m0", "m1", "m2")).is_done
    # Not having run is no reason to worry: the pod may be on its way.
    assert upkeep(WANTED, [*members("m0", "m1"), member("m2", "named")]).is_done


def test_who_is_no_longer_wanted_is_removed() -> None:
    care = upkeep(WANTED, members("m0", "m1", "m2", "m3"))
    assert care.steps == [Remove(member("m3"), "it is no longer wanted")]
    assert not care.is_done


def test_nobody_is_removed_while_another_joins() -> None:
    care = upkeep(WANTED, [*members("m0", "m1", "m3"), member("m2", "joining")])
    assert care.steps == []
    assert care.pending == ["m3 is removed when all have joined"]


def test_learners_get_their_vote_when_they_run() -> None:
    learner = member("m2", is_learner=True)
    care = upkeep(WANTED, [*members("m0", "m1"), learner])
    assert care.steps == [Promote(learner)]
    care = upkeep(WANTED, [*members("m0", "m1"), member("m2", "joining", is_learner=True)])
    assert (care.steps, care.pending) == ([], ["m2 has no vote yet"])


def test_a_member_that_has_not_come_is_waited_for() -> None:
    assert upkeep(WANTED, members("m0", "m1")).pending == ["m2 has no vote yet"]
