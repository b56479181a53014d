"""What was lost, as a table for people, as files for programs, and as plots over time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .load.events import Second
from .measure import Measured, Row
from .usage import Usage

UPGRADE = {"traefik-etcd": "Traefik: rolling update", "chp": "proxy: other image"}
"""How the names of the faults begin that the plot shows beside each other."""
_COLOURS = {"traefik-etcd": "#0072B2", "chp": "#D55E00"}
_HIDDEN = ("problem",)
_WIDTH = 240  # a log is read by scrolling; a table whose lines are broken is not read


def table(rows: Sequence[Row]) -> str:
    """For a terminal of any width."""
    shown = Table(title="What was lost", box=SIMPLE_HEAD)
    names = [field.name for field in fields(Row) if field.name not in _HIDDEN]
    for name in names:
        width = {"fault": 30, "allowed": 20}.get(name)
        shown.add_column(name.replace("_", " "), overflow="fold", min_width=width)
    shown.add_column("ok")
    for row in rows:
        values = asdict(row)
        cells = ["" if values[name] is None else str(values[name]) for name in names]
        shown.add_row(*cells, "NO" if row.problem else "yes")
    text = io.StringIO()
    Console(file=text, width=_WIDTH).print(shown)
    return text.getvalue()


def write(measured: Sequence[Measured], usages: Sequence[Usage], folder: Path) -> None:
    """lost.json and lost.csv with the rows, seconds.csv with every second, usage.csv, and plots."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [one.row for one in measured]
    document = [
        {**asdict(one.row), "failures": one.failures, "by_second": [asdict(s) for s in one.seconds]}
        for one in measured
    ]
    (folder / "lost.json").write_text(json.dumps(document, indent=1) + "\n")
    write_csv(folder / "lost.csv", [asdict(row) for row in rows])
    seconds = [
        {"proxy": one.row.proxy, "fault": one.row.fault, **asdict(second)}
        for one in measured
        for second in one.seconds
    ]
    write_csv(folder / "seconds.csv", seconds)
    if usages:
        write_csv(folder / "usage.csv", [asdict(usage) for usage in usages])
    draw(measured, folder)


def read(folder: Path) -> list[Measured]:
    """What `write` wrote, without the texts of the failures."""
    seconds: dict[tuple[str, str], list[Second]] = {}
    for line in read_csv(folder / "seconds.csv"):
        key = line.pop("proxy"), line.pop("fault")
        seconds.setdefault(key, []).append(typed(Second, line))
    rows = [typed(Row, line) for line in read_csv(folder / "lost.csv")]
    return [Measured(row, seconds[row.proxy, row.fault], []) for row in rows]


def read_usage(folder: Path) -> list[Usage]:
    """What a proxy tier took, as `write` wrote it."""
    return [typed(Usage, line) for line in read_csv(folder / "usage.csv")]


def read_csv(file: Path) -> list[dict[str, str]]:
    """The lines of a file, as texts by the names of its columns."""
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def typed(kind: type[Any], line: dict[str, str]) -> Any:
    """A dataclass of numbers and texts, from texts; an empty number is None."""
    makers: dict[str, Any] = {"int": int, "float": float, "str": str}
    values = {}
    for field in fields(kind):
        name = str(field.type).removesuffix(" | None")
        values[field.name] = (
            None if name != "str" and not line[field.name] else makers[name](line[field.name])
        )
    return kind(**values)


def write_csv(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    """A line for each row, below the names of the columns, which all rows have."""
    with file.open("w", newline="") as output:
        writer = csv.DictWriter(output, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def draw(measured: Sequence[Measured], folder: Path) -> None:
    """all-faults.svg, one panel each; upgrade.svg, ours beside configurable-http-proxy."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    settings: Any = {"svg.hashsalt": "jupyterhub-ha", "svg.fonttype": "none", "font.size": 9}
    with matplotlib.rc_context(settings):
        figure, axes = pyplot.subplots(
            len(measured), 1, figsize=(8, 1.7 * len(measured)), layout="constrained", squeeze=False
        )
        for one, axis in zip(measured, axes[:, 0], strict=True):
            _panel(axis, one.row.proxy, one.seconds)
            axis.set_title(f"{one.row.proxy}: {one.row.fault}", fontsize=9, loc="left")
        figure.savefig(folder / "all-faults.svg", metadata={"Date": None})
        pyplot.close(figure)
        pair = [_upgrade(measured, proxy) for proxy in UPGRADE]
        both = [one for one in pair if one]
        if len(both) < len(UPGRADE):
            return
        figure, axes = pyplot.subplots(
            2, 1, figsize=(8, 4.4), layout="constrained", sharex=True, sharey=True
        )
        for one, axis in zip(both, axes, strict=True):
            _panel(axis, one.row.proxy, one.seconds)
            what = f"{one.row.failed} of {one.row.requests} failed"
            axis.set_title(f"helm upgrade with {one.row.proxy}: {what}", fontsize=9, loc="left")
        axes[-1].set_xlabel("seconds after the upgrade began")
        figure.savefig(folder / "upgrade.svg", metadata={"Date": None})
        pyplot.close(figure)


def _upgrade(measured: Sequence[Measured], proxy: str) -> Measured | None:
    for one in measured:
        if one.row.proxy == proxy and one.row.fault.startswith(UPGRADE[proxy]):
            return one
    return None


def _panel(axis: Any, proxy: str, seconds: Sequence[Second]) -> None:
    numbers = [second.second for second in seconds]
    axis.bar(
        numbers, [second.requests for second in seconds], width=1, color="#dddddd", label="requests"
    )
    axis.bar(
        numbers, [second.failed for second in seconds], width=1, color="#cc0000", label="failed"
    )
    axis.set_ylabel("per second")
    beside = axis.twinx()
    beside.plot(
        numbers, [1000 * second.p99 for second in seconds], color=_COLOURS[proxy], label="p99"
    )
    beside.set_yscale("log")
    beside.set_ylim(1, 20000)
    beside.set_ylabel("p99, ms")
    handles = [*axis.get_legend_handles_labels()[0], *beside.get_legend_handles_labels()[0]]
    axis.legend(handles, ["requests", "failed", "p99"], loc="upper right", fontsize=7, ncols=3)
