"""The line of visitors who wait."""

from jupyterhub_ha.tmpnb_line import Line, Place


def test_who_came_first_goes_first():
    line = Line()
    assert line.ask("a", 0, 0) == Place(1, 1, False)
    assert line.ask("b", 0, 0) == Place(2, 2, False)
    assert line.ask("c", 0, 1) == Place(3, 3, False)
    assert line.ask("b", 1, 1) == Place(2, 3, False), "the only one is for a"
    assert line.ask("a", 1, 2) == Place(1, 3, True)
    line.leave("a")
    assert line.ask("c", 1, 2) == Place(2, 2, False)
    assert line.ask("b", 1, 2) == Place(1, 2, True)


def test_a_newcomer_does_not_overtake():
    line = Line()
    line.ask("a", 0, 0)
    assert not line.ask("new", 1, 1).go
    assert line.ask("other", 3, 1).go, "there are enough for all"


def test_who_is_not_there_is_passed_over_and_then_forgotten():
    line = Line(present=10, patience=60)
    line.ask("a", 0, 0)
    line.ask("b", 0, 1)
    assert not line.ask("b", 1, 9).go
    assert line.ask("b", 1, 11) == Place(2, 2, True), "a has not asked for long"
    assert line.ask("a", 0, 30) == Place(1, 2, False), "and keeps the place"
    assert line.ask("b", 0, 89) == Place(2, 2, False)
    assert line.length(90) == 1
    assert line.ask("a", 0, 91) == Place(2, 2, False), "at the end"


def test_nobody_fills_the_line_without_end():
    line = Line()
    for number in range(6000):
        line.ask(str(number), 0, 0)
    assert line.length(0) == 5000
    assert line.ask("late", 6000, 0) == Place(5001, 5001, False)


def test_pages_ask_more_rarely_far_behind():
    pauses = [Place(place, 1000, False).again for place in (1, 10, 50, 1000)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 2
    assert pauses[-1] == 10
