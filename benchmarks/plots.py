"""Plots of the results as PNG and SVG; the same results give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # before pyplot: there is no display
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.floor import NAME as FLOOR
from benchmarks.names import SHAPES
from benchmarks.peers import ALL
from benchmarks.records import Record
from benchmarks.requirements import HOPS, OURS
from benchmarks.summary import Series, cases_of, summary

# Told apart by colour-blind readers too (Okabe and Ito), and by the marker on paper.
_STYLES = {
    "chp": ("#999999", "s"),
    "in-process": ("#009E73", "^"),
    "traefik-file": ("#56B4E9", "v"),
    "traefik-etcd": ("#0072B2", "o"),
    "jupyterhub-traefik-proxy": ("#D55E00", "D"),
    FLOOR: ("#000000", "x"),
}
_SIDES = ("#0072B2", "#E69F00")
_PORTS = 60_999 - 32_768 + 1
"""Of net.ipv4.ip_local_port_range, as the kernel has it unless it is told otherwise."""


def draw_all(records: Sequence[Record], folder: Path) -> list[str]:
    """Write every plot for which there are figures; returns the names without suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    plots: dict[str, tuple[str, Callable[[Axes, Sequence[Record]], None]]] = {
        "requests": ("requests", draw_requests),
        "add-route": ("add-route", draw_add_route),
        "cpu": ("requests", lambda axes, found: _bars(axes, found, "requests", "cpu")),
        "websockets": (
            "websockets",
            lambda axes, found: _bars(axes, found, "websockets", "memory each"),
        ),
        "sockets": ("sockets", draw_sockets),
        "transfers": (
            "transfers",
            lambda axes, found: _bars(axes, found, "transfers", "speed"),
        ),
    }
    drawn = []
    for name, (measure, draw) in plots.items():
        if any(record.measure == measure for record in records):
            _draw(folder / name, lambda axes, draw=draw: draw(axes, records))  # type: ignore[misc]
            drawn.append(name)
    return drawn


def _draw(file: Path, draw: Callable[[Axes], None]) -> None:
    settings: Any = {"svg.hashsalt": "jupyterhub-ha", "svg.fonttype": "none", "font.size": 10}
    with matplotlib.rc_context(settings):
        figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
        draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(file.with_suffix(".svg"), metadata={"Date": None})
        figure.savefig(file.with_suffix(".png"), dpi=110, metadata={"Software": None})
        plt.close(figure)
    svg = file.with_suffix(".svg")
    lines = svg.read_text().splitlines()
    svg.write_text("\n".join(line.rstrip() for line in lines) + "\n")


def draw_requests(axes: Axes, records: Sequence[Record]) -> None:
    """Requests per second over the number of routes, of the first shape of names."""
    shape = next(iter(SHAPES))
    cases = [case for case in cases_of(records, "requests") if case.endswith(f" {shape}")]
    for peer in ALL:
        _line(axes, records, "requests", peer, "rate", {int(c.split()[0]): c for c in cases})
    _logarithmic(axes, "routes in the table", "requests per second")
    axes.set_ylim(bottom=0)


def draw_add_route(axes: Axes, records: Sequence[Record]) -> None:
    """Seconds until one more route is live over the number of routes."""
    cases = {int(case): case for case in cases_of(records, "add-route")}
    for peer in (*ALL, FLOOR):
        _line(axes, records, "add-route", peer, "time", cases)
    _logarithmic(axes, "routes in the table", "seconds until one more is live")
    axes.set_yscale("log")


def draw_sockets(axes: Axes, records: Sequence[Record]) -> None:
    """What all open websockets take at each hop, beside the range of ports that there is."""
    cases = [
        (many, hop)
        for many in dict.fromkeys(c.partition(",")[0] for c in cases_of(records, "sockets"))
        for hop in HOPS
    ]
    for side, quantity in enumerate(("descriptors", "busiest")):
        for row, (many, hop) in enumerate(cases):
            found = summary(records, Series("sockets", f"{many}, {hop}", OURS, quantity))
            if found is None or not found.median:
                continue  # a logarithmic axis has no zero
            # Descriptors are noted for each websocket, ports for all of them.
            value = found.median * (int(many.split()[0]) if quantity == "descriptors" else 1)
            bar = axes.barh(row + (side - 0.5) * 0.4, value, 0.38, color=_SIDES[side])
            axes.bar_label(bar, [f"{value:,.0f}"], fontsize=7, padding=2)
    for name, colour in zip(("file descriptors", "ports to one destination"), _SIDES, strict=True):
        axes.plot([], [], color=colour, linewidth=6, label=name)
    axes.axvline(_PORTS, color="#D55E00", linestyle="--", label=f"ports that there are, {_PORTS:,}")
    axes.set_yticks(range(len(cases)), [f"{many}, {hop}" for many, hop in cases])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(0.5, 100_000)
    axes.set_xlabel("of all open websockets together")
    axes.legend(frameon=False, fontsize=8, loc=(0.3, 0.78))


def _logarithmic(axes: Axes, across: str, up: str) -> None:
    axes.set_xscale("log")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(visible=True, axis="y", color="#dddddd")
    axes.legend(frameon=False, fontsize=8)


def _line(
    axes: Axes,
    records: Sequence[Record],
    measure: str,
    peer: str,
    quantity: str,
    cases: dict[int, str],
) -> None:
    across, middle, below, above = [], [], [], []
    for number, case in sorted(cases.items()):
        found = summary(records, Series(measure, case, peer, quantity))
        if found:
            across.append(number)
            middle.append(found.median)
            below.append(found.median - found.low)
            above.append(found.high - found.median)
    if across:
        colour, marker = _STYLES[peer]
        axes.errorbar(
            across, middle, (below, above), color=colour, marker=marker, label=peer, capsize=3
        )


def _bars(axes: Axes, records: Sequence[Record], measure: str, quantity: str) -> None:
    """One group of bars for each case, one bar for each peer."""
    cases = cases_of(records, measure)
    if measure == "requests":
        cases = [case for case in cases if case.endswith(f" {next(iter(SHAPES))}")]
    width = 0.8 / len(ALL)
    unit = ""
    for place, peer in enumerate(ALL):
        for group, case in enumerate(cases):
            series = Series(measure, case, peer, quantity)
            if found := summary(records, series):
                spread = [[found.median - found.low], [found.high - found.median]]
                axes.bar(
                    group + (place - (len(ALL) - 1) / 2) * width,
                    found.median,
                    width * 0.92,
                    yerr=spread,
                    color=_STYLES[peer][0],
                    label=peer if group == 0 else None,
                    capsize=2,
                )
    unit = next(r.unit for r in records if (r.measure, r.quantity) == (measure, quantity))
    axes.set_xticks(range(len(cases)), cases)
    axes.set_ylabel(f"{quantity}, {unit}")
    axes.legend(frameon=False, fontsize=8)
