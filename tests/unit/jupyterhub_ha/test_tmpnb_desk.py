"""Claims at the desk. The database is a stand-in here; tests/tmpnb has the real one."""

import asyncio

import pytest

from jupyterhub_ha.tmpnb_address import AddressLimit
from jupyterhub_ha.tmpnb_desk import Claim, Desk, Wait
from jupyterhub_ha.tmpnb_hub_api import Answer
from jupyterhub_ha.tmpnb_pool import Phase, Server
from jupyterhub_ha.tmpnb_report import Report


class Records:
    """What a register says of servers that are all ready."""

    def __init__(self, names):
        self.tickets = dict.fromkeys(names)
        self.dead = set()

    def server(self, name):
        if name not in self.tickets:
            return None
        taken = None if self.tickets[name] is None else 1.0
        return Server(name, Phase.READY, "spec", taken, name in self.dead)

    def servers(self):
        return [self.server(name) for name in self.tickets]

    def of_ticket(self, ticket):
        names = [n for n, t in self.tickets.items() if t == ticket and n not in self.dead]
        return self.server(names[0]) if names else None

    def take(self, name, ticket, _now):
        assert self.tickets[name] is None, "taken twice"
        self.tickets[name] = ticket

    def give_back(self, name):
        self.tickets[name] = None
        return True

    def condemn(self, name):
        self.dead.add(name)


class World:
    """A desk, and what its servers answer."""

    def __init__(self, *names, per_minute=0):
        self.records = Records(names)
        self.answers = dict.fromkeys(names, Answer.HERE)
        self.doubted = set()
        self.limit = AddressLimit(per_minute)
        self.desk = Desk(
            self.records, self.limit, self.ask, lambda: None, self.doubted.add, Report()
        )
        self.stock()

    async def ask(self, name):
        await asyncio.sleep(0.01)
        return self.answers[name]

    def stock(self):
        self.desk.stock(self.records.servers(), "spec", self.doubted)


async def test_each_gets_one_and_the_same_again():
    world = World("a", "b")
    assert await world.desk.claim("t1", "x") == Claim("a")
    assert await world.desk.claim("t2", "x") == Claim("b")
    assert await world.desk.claim("t1", "x") == Claim("a")
    third = await world.desk.claim("t3", "x")
    assert isinstance(third, Wait)
    assert (third.place.place, third.again) == (1, 1.1)


async def test_two_tabs_of_one_browser_get_one():
    world = World("a", "b")
    found = await asyncio.gather(*(world.desk.claim("t", "x") for _ in range(5)))
    assert found == [Claim("a")] * 5
    assert world.records.tickets == {"a": "t", "b": None}


async def test_one_that_is_late_goes_back_before_anybody_has_seen_it():
    world = World("a", "b")
    world.answers["a"] = Answer.LATE
    found = await asyncio.gather(*(world.desk.claim("t", "x") for _ in range(3)))
    assert found == [Claim("b")] * 3
    assert world.records.tickets == {"a": None, "b": "t"}
    assert (world.doubted, world.records.dead) == ({"a"}, set())
    world.stock()
    assert isinstance(await world.desk.claim("other", "x"), Wait), "it is doubted"


async def test_one_that_is_gone_is_given_to_nobody():
    world = World("a", "b")
    world.answers["a"] = Answer.GONE
    assert await world.desk.claim("t", "x") == Claim("b")
    assert (world.doubted, world.records.dead) == (set(), {"a"})


async def test_what_a_visitor_has_is_not_asked_and_not_taken_away():
    world = World("a", "b")
    await world.desk.claim("t", "x")
    for answer in (Answer.LATE, Answer.GONE):
        world.answers["a"] = answer
        assert await world.desk.claim("t", "x") == Claim("a")
    assert world.records.tickets["a"] == "t"


async def test_what_was_of_no_use_does_not_count_for_an_address():
    world = World("a", "b", "c", per_minute=1)
    world.answers["a"] = Answer.GONE
    assert await world.desk.claim("t1", "x") == Claim("b")
    late = await world.desk.claim("t2", "x")
    assert late.place is None
    assert 50 < late.seconds <= 60
    assert await world.desk.claim("t2", "y") == Claim("c")


async def test_a_pool_of_lost_servers_ends_in_the_line():
    names = [str(number) for number in range(10)]
    world = World(*names)
    world.answers = dict.fromkeys(names, Answer.GONE)
    assert isinstance(await world.desk.claim("t", "x"), Wait)
    assert 1 < len(world.records.dead) < 10


@pytest.mark.parametrize("error", [RuntimeError("the database is away")])
async def test_what_the_database_raises_passes_and_the_next_try_is_a_new_one(error):
    world = World("a", "b")
    take, world.records.take = world.records.take, None

    def failing(*_):
        raise error

    world.records.take = failing
    with pytest.raises(RuntimeError):
        await world.desk.claim("t", "x")
    world.records.take = take
    assert await world.desk.claim("t", "x") == Claim("b")
