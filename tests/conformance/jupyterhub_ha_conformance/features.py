"""The table of proxies by features, printed and as a page."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

from jupyterhub_ha_conformance.system import System, deviations_of, name_of

_PROPERTY = "jupyterhub-proxy-feature"
_SYMBOLS = {"passed": "yes", "xfailed": "no", "failed": "FAILED", "skipped": "-"}
_GROUPS = (
    "test_routes",
    "test_hosts",
    "test_paths",
    "test_headers",
    "test_messages",
    "test_bodies",
    "test_websockets",
    "test_failures",
    "test_security",
    "test_disturbance",
    "test_lifecycle",
    "test_activity",
)


@dataclass(frozen=True)
class Feature:
    """One test on one system.

    `reason` is why it is expected to fail, or empty; `missing` is what the system lacks to be
    tested, or empty.
    """

    module: str
    group: str
    line: int
    case: int
    text: str
    test: str
    system: str
    reason: str
    missing: str

    @property
    def order(self) -> tuple[int, str, int, int]:
        """Where its row is in the table."""
        known = self.module in _GROUPS
        place = _GROUPS.index(self.module) if known else len(_GROUPS)
        return place, self.module, self.line, self.case


def mark(item: pytest.Item, system: type[System]) -> None:
    """Mark a test that `system` is known to fail, and note its feature in the test's report."""
    feature = _feature(item, system)
    if feature.missing:
        item.add_marker(pytest.mark.skip(reason=f"the System has no {feature.missing}"))
    if feature.reason:
        item.add_marker(pytest.mark.xfail(reason=feature.reason, strict=True))
    item.user_properties.append((_PROPERTY, asdict(feature)))


def _feature(item: pytest.Item, system: type[System]) -> Feature:
    assert isinstance(item, pytest.Function)
    name = name_of(system)
    # pytest writes the systems first, since the plugin is asked for parameters before the marks.
    case = item.name.removeprefix(item.originalname)[1:-1].removeprefix(name).removeprefix("-")
    test = f"{item.originalname}[{case}]" if case else item.originalname
    known = deviations_of(system)
    text = (inspect.getdoc(item.function) or item.originalname).splitlines()[0].rstrip(".")
    return Feature(
        module=item.module.__name__.rpartition(".")[2],
        group=(inspect.getdoc(item.module) or "").splitlines()[0].rstrip("."),
        line=item.function.__code__.co_firstlineno,
        case=_case_number(item),
        text=f"{text}: {case}" if case else text,
        test=test,
        system=name,
        reason=known.get(test, known.get(item.originalname, "")),
        missing=_missing(item, system),
    )


def _missing(item: pytest.Item, system: type[System]) -> str:
    needed = [str(name) for marker in item.iter_markers("needs") for name in marker.args]
    return ", ".join(name for name in needed if not hasattr(system, name))


def _case_number(item: pytest.Function) -> int:
    indices = {k: v for k, v in item.callspec.indices.items() if k != "system_class"}
    return max(indices.values(), default=0)


class Outcomes:
    """Collects outcomes, also from xdist's workers, and prints the table at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._found: dict[tuple[str, str, str], tuple[Feature, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst that is told of a test."""
        for key, value in report.user_properties:
            if key == _PROPERTY:
                assert isinstance(value, dict)
                feature = Feature(**value)
                self._keep(feature, report)

    def _keep(self, feature: Feature, report: pytest.TestReport) -> None:
        key = (feature.module, feature.test, feature.system)
        outcome: str = report.outcome
        if outcome == "skipped" and hasattr(report, "wasxfail"):
            outcome = "xfailed"
        before = self._found.get(key)
        if before is None or outcome != "passed":
            self._found[key] = (feature, outcome)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table and the reasons."""
        cells = [(feature, _SYMBOLS[outcome]) for feature, outcome in self._found.values()]
        if cells:
            terminalreporter.section("proxies by features")
            for line in _printed(_arrange(cells)):
                terminalreporter.write_line(line)


@dataclass
class _Arranged:
    systems: list[str]
    groups: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


def _arrange(cells: Iterable[tuple[Feature, str]]) -> _Arranged:
    """Rows by group and text; the cell of an expected failure has its reason's number."""
    ordered = sorted(cells, key=lambda cell: cell[0].order)
    arranged = _Arranged(sorted({feature.system for feature, _ in ordered}))
    for feature, symbol in ordered:
        if symbol == "no":
            if feature.reason not in arranged.reasons:
                arranged.reasons.append(feature.reason)
            symbol = f"no [{arranged.reasons.index(feature.reason) + 1}]"
        row = arranged.groups.setdefault(feature.group, {}).setdefault(feature.text, {})
        row[feature.system] = symbol
    return arranged


def _printed(table: _Arranged) -> Iterable[str]:
    width = max(len(text) for rows in table.groups.values() for text in rows) + 2
    widths = [max(len(system), 8) + 2 for system in table.systems]
    head = "".join(f"{name:<{w}}" for name, w in zip(table.systems, widths, strict=True))
    for group, rows in table.groups.items():
        yield ""
        yield f"{group:<{width}}{head}"
        for text, row in rows.items():
            cells = (row.get(system, "") for system in table.systems)
            yield f"{text:<{width}}" + "".join(
                f"{cell:<{w}}" for cell, w in zip(cells, widths, strict=True)
            )
    yield ""
    for number, reason in enumerate(table.reasons, 1):
        yield f"[{number}] {reason}"


def page(items: Sequence[pytest.Item]) -> str:
    """Markdown: which features each system has, as its deviations declare.

    The tests hold it to that: a declared failure that passes fails the run. Raises UsageError when
    a system declares a deviation of a test that is not there.
    """
    features = [
        Feature(**value)
        for item in items
        for key, value in item.user_properties
        if key == _PROPERTY and isinstance(value, dict)
    ]
    _refuse_unknown(items, features)
    table = _arrange((feature, _declared(feature)) for feature in features)
    lines = []
    for group, rows in table.groups.items():
        lines += [f"## {group}", "", f"| | {' | '.join(table.systems)} |"]
        lines += ["|---|" + "---|" * len(table.systems)]
        for text, row in rows.items():
            cells = (_linked(row.get(system, "")) for system in table.systems)
            lines += [f"| {_escaped(text)} | {' | '.join(cells)} |"]
        lines += [""]
    lines += ["## Reasons", ""]
    lines += [f"{number}. {reason}" for number, reason in enumerate(table.reasons, 1)]
    return "\n".join(lines) + "\n"


def _declared(feature: Feature) -> str:
    if feature.missing:
        return "-"
    return "no" if feature.reason else "yes"


def _refuse_unknown(items: Sequence[pytest.Item], features: Sequence[Feature]) -> None:
    tests = {feature.test for feature in features}
    tests |= {test.partition("[")[0] for test in tests}
    systems = {item.callspec.params["system_class"] for item in _suite(items)}
    unknown = [
        f"{name_of(system)}: {test}"
        for system in systems
        for test in deviations_of(system)
        if test not in tests
    ]
    if unknown:
        raise pytest.UsageError("deviations of unknown tests: " + ", ".join(sorted(unknown)))


def _suite(items: Sequence[pytest.Item]) -> Iterable[Any]:
    for item in items:
        if "system_class" in getattr(getattr(item, "callspec", None), "params", {}):
            yield item


def _linked(cell: str) -> str:
    return cell.replace("[", "(").replace("]", ")")


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
