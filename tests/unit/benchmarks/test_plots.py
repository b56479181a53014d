"""Plots of made-up figures."""

from __future__ import annotations

import pytest
from benchmarks.plots import draw_all
from benchmarks.records import Record
from benchmarks.requirements import HOPS, OURS


def record(measure: str, case: str, quantity: str, value: float) -> Record:
    return Record(measure, case, "chp", 1, quantity, "unit", value)


RECORDS = [
    *(record("requests", f"{n} student", "rate", 9000 - n) for n in (1, 1000)),
    *(record("requests", f"{n} student", "cpu", 1) for n in (1, 1000)),
    *(record("add-route", str(n), "time", n / 1000) for n in (1, 1000)),
    record("websockets", "9 open", "memory each", 40),
    *(
        Record("sockets", f"{n} open, {hop}", OURS, 1, quantity, "", value)
        for n in (1, 5000)
        for hop in HOPS
        for quantity, value in (("descriptors", 2), ("busiest", 0 if hop == "client" else n))
    ),
    record("transfers", "down", "speed", 500),
]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    """Name to the bytes of SVG and PNG, drawn twice."""
    found: dict[str, list[bytes]] = {}
    for _ in range(2):
        folder = tmp_path_factory.mktemp("plots")
        for name in draw_all(RECORDS, folder):
            found.setdefault(name, []).extend(
                (folder / f"{name}.{suffix}").read_bytes() for suffix in ("svg", "png")
            )
    return found


def test_every_plot_is_drawn(names) -> None:
    assert list(names) == ["requests", "add-route", "cpu", "websockets", "sockets", "transfers"]


def test_the_same_figures_give_the_same_bytes(names) -> None:
    for svg, png, svg_again, png_again in names.values():
        assert (svg, png) == (svg_again, png_again)
        assert svg.startswith(b"<?xml")
        assert png.startswith(b"\x89PNG")


def test_what_was_not_measured_is_not_drawn(tmp_path) -> None:
    assert draw_all(RECORDS[-1:], tmp_path) == ["transfers"]
