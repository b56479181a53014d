"""The parts of the page that come from the figures: words, tables and plots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.floor import NAME as FLOOR
from benchmarks.measures.claims import COLD, POOL
from benchmarks.measures.page_load import WITH, WITHOUT
from benchmarks.measures.static_files import CADDY, NGINX, USER
from benchmarks.records import Record
from benchmarks.requirements import ANY_HOP, OURS, PROXY, WEB_SERVER
from benchmarks.summary import Series, cases_of, ratio, summary
from benchmarks.tables import number, quantity_table

THEIRS = "jupyterhub-traefik-proxy"
Words = Callable[[Sequence[Record]], str]


@dataclass(frozen=True)
class Section:
    """A measure's part; each table is a quantity and what stands above it."""

    measure: str
    words: Words
    tables: tuple[tuple[str, str], ...]
    plot: str = ""

    def text(self, records: Sequence[Record]) -> str:
        """Markdown of this part."""
        if not cases_of(records, self.measure):
            return "Not measured yet.\n"
        parts = [self.words(records)]
        if self.plot:
            parts.append(f"![{self.measure}](../images/performance/{self.plot}.svg)\n")
        for quantity, caption in self.tables:
            parts.append(f"{caption}:\n\n{quantity_table(records, self.measure, quantity)}")
        return "\n".join(part for part in parts if part)


def _times(records: Sequence[Record], over: Series, under: Series) -> str:
    """A ratio of medians over the rounds in words."""
    found = ratio(records, over, under)
    return f"{number(found.median)} times" if found else "(not measured) times"


def _pair(measure: str, case: str, over: str, under: str, quantity: str) -> tuple[Series, Series]:
    return Series(measure, case, over, quantity), Series(measure, case, under, quantity)


def _requests(records: Sequence[Record]) -> str:
    lines = []
    for case in cases_of(records, "requests"):
        if not case.endswith(" student"):
            continue
        size = int(case.split()[0])
        ours = _times(records, *_pair("requests", case, OURS, "chp", "rate"))
        inside = _times(records, *_pair("requests", case, "in-process", "chp", "rate"))
        lines.append(
            f"- With {size:,} route{'s' * (size > 1)} `{OURS}` answers {ours} as many requests per"
            f" second as `chp`, `in-process` {inside}."
        )
    direct = summary(records, Series("requests", _first(records), "direct", "rate"))
    if direct:
        lines.append(
            f"- Without a proxy the generator and the server alone do {number(direct.median)}"
            " requests/s: the proxies are the limit here, not the generator."
        )
    return "\n".join(lines) + "\n"


def _first(records: Sequence[Record]) -> str:
    return cases_of(records, "requests")[0]


def _cpu(records: Sequence[Record]) -> str:
    case = cases_of(records, "requests")[-1]
    less = _times(records, *_pair("requests", case, "chp", OURS, "cpu"))
    return f"At {case} routes `chp` needs {less} the CPU time of `{OURS}` for a request.\n"


def _add_route(records: Sequence[Record]) -> str:
    lines = []
    for case in cases_of(records, "add-route"):
        found = summary(records, Series("add-route", case, OURS, "time"))
        over = _times(records, *_pair("add-route", case, OURS, FLOOR, "time"))
        if found:
            lines.append(
                f"- With {int(case):,} present, one more route is live on all three replicas after"
                f" {number(1000 * found.median)} ms: {over} the floor."
            )
    return "\n".join(lines) + "\n"


def _many(records: Sequence[Record]) -> str:
    case = cases_of(records, "many-at-once")[0]
    found = _times(records, *_pair("many-at-once", case, THEIRS, OURS, "time"))
    return (
        f"{case[:1].upper()}{case[1:]}: `{THEIRS}` with one replica takes {found} as long as"
        f" `{OURS}` with three.\n"
    )


def _hub_start(records: Sequence[Record]) -> str:
    lines = []
    for case in cases_of(records, "hub-start"):
        time = summary(records, Series("hub-start", case, OURS, "time"))
        writes = summary(records, Series("hub-start", case, OURS, "writes"))
        if time and writes:
            lines.append(
                f"- {int(case):,} routes: `{OURS}` is ready after {number(time.median)} s and has"
                f" written to etcd {number(writes.high)} times at most."
            )
    return "\n".join(lines) + "\n"


def _reload(records: Sequence[Record]) -> str:
    quiet, busy = cases_of(records, "reload")[:2]
    over, under = (Series("reload", case, OURS, "p99") for case in (busy, quiet))
    found = _times(records, over, under)
    return f"With {busy} the p99 of `{OURS}` is {found} what it is with {quiet}.\n"


def _websockets(records: Sequence[Record]) -> str:
    case = cases_of(records, "websockets")[0]
    ours = summary(records, Series("websockets", case, OURS, "memory each"))
    chp = summary(records, Series("websockets", case, "chp", "memory each"))
    if not ours or not chp:
        return ""
    return (
        f"With {case}, a websocket costs `{OURS}` {number(ours.median)} KiB and `chp`"
        f" {number(chp.median)} KiB.\n"
    )


def _sockets(records: Sequence[Record]) -> str:
    many = cases_of(records, "sockets")[-1].partition(",")[0]

    def seen(hop: str, quantity: str) -> str:
        found = summary(records, Series("sockets", f"{many}, {hop}", OURS, quantity))
        return number(found.median) if found else "(not measured)"

    return (
        f"With {many} through `{OURS}`, the hop that takes most has {seen(ANY_HOP, 'descriptors')}"
        f" file descriptors for each. {seen(WEB_SERVER, 'busiest')} ports of the web server lead to"
        f" one destination, the proxy; of the proxy's own, {seen(PROXY, 'busiest')} to each user's"
        " server.\n"
    )


def _transfers(records: Sequence[Record]) -> str:
    parts = [
        f"{_times(records, *_pair('transfers', case, OURS, 'chp', 'speed'))} as many MiB/s {case}"
        for case in cases_of(records, "transfers")
    ]
    return f"`{OURS}` moves a large body with {' and '.join(parts)} as `chp`.\n"


def _hub_latency(records: Sequence[Record]) -> str:
    quiet, busy = cases_of(records, "hub-latency")[:2]
    lines = []
    for peer in ("chp", "in-process", OURS):
        before = summary(records, Series("hub-latency", quiet, peer, "p99"))
        after = summary(records, Series("hub-latency", busy, peer, "p99"))
        if before and after:
            lines.append(
                f"- `{peer}`: the hub's p99 is {number(before.median)} ms without a load and"
                f" {number(after.median)} ms under it."
            )
    return "\n".join(lines) + "\n"


def _claims(records: Sequence[Record]) -> str:
    case = cases_of(records, "claims")[0]
    found = summary(records, Series("claims", case, POOL, "time"))
    ratio_words = _times(records, *_pair("claims", case, COLD, POOL, "time"))
    if not found:
        return ""
    return (
        f"A visitor sees JupyterLab in a server of the pool {number(1000 * found.median)} ms after"
        f" the first request; a server that is started then takes {ratio_words} as long.\n"
    )


def _page_load(records: Sequence[Record]) -> str:
    case = cases_of(records, "page-load")[0]
    words = {
        quantity: _times(records, *_pair("page-load", case, WITHOUT, WITH, quantity))
        for quantity in ("received", "server CPU", "time")
    }
    return (
        f"Without `tmpnb.static` the browser receives {words['received']} as many bytes, the server"
        f" spends {words['server CPU']} the CPU time, and the page takes {words['time']} as long.\n"
    )


def _static_files(records: Sequence[Record]) -> str:
    case = cases_of(records, "static-files")[0]

    def times(over: str, under: str, quantity: str) -> str:
        return _times(records, *_pair("static-files", case, over, under, quantity))

    return "".join(
        f"- `{NGINX}` answers {times(NGINX, other, 'rate')} as many requests per second as {other},"
        f" which needs {times(other, NGINX, 'cpu')} the CPU time for each.\n"
        for other in (CADDY, USER)
    )


def _nothing(_: Sequence[Record]) -> str:
    return ""


_LATENCY = (("p50", "Median latency, ms"), ("p99", "p99 latency, ms"))
SECTIONS: dict[str, Section] = {
    "requests": Section(
        "requests", _requests, (("rate", "Requests per second"), *_LATENCY), "requests"
    ),
    "cpu": Section("requests", _cpu, (("cpu", "CPU seconds per 10,000 requests"),), "cpu"),
    "add-route": Section("add-route", _add_route, (("time", "Seconds until live"),), "add-route"),
    "many-at-once": Section(
        "many-at-once",
        _many,
        (
            ("time", "Seconds until the last add_route has returned"),
            ("not served", "Routes that a replica did not serve then"),
        ),
    ),
    "hub-start": Section(
        "hub-start", _hub_start, (("time", "Seconds"), ("writes", "Writes to the store"))
    ),
    "reload": Section("reload", _reload, (*_LATENCY, ("worst", "The slowest request, ms"))),
    "websockets": Section(
        "websockets",
        _websockets,
        (
            ("opened", "Websockets that were open at once"),
            ("descriptors", "File descriptors of the proxy for each"),
            ("memory each", "Memory of the proxy for each, KiB"),
            ("speed", "MiB/s in both directions together, messages of 1 KiB"),
            *_LATENCY,
        ),
        "websockets",
    ),
    "sockets": Section(
        "sockets",
        _sockets,
        (
            ("descriptors", "File descriptors for each websocket"),
            ("sockets", "TCP sockets for each websocket"),
            ("ports", "Ephemeral ports in use"),
            ("busiest", "Most ephemeral ports from one address to one destination"),
        ),
        "sockets",
    ),
    "transfers": Section(
        "transfers",
        _transfers,
        (("speed", "MiB/s"), ("memory", "Memory above that at rest, MiB")),
        "transfers",
    ),
    "hub-latency": Section(
        "hub-latency",
        _hub_latency,
        (
            ("p50", "Median latency of the hub, ms"),
            ("p99", "p99 latency of the hub, ms"),
            ("rate", "Users' requests per second meanwhile"),
        ),
    ),
    "replica-kill": Section(
        "replica-kill", _nothing, (("failed", "Failed requests"), ("p99", "p99 latency, ms"))
    ),
    "claims": Section("claims", _claims, (("time", "Seconds until the first page"),)),
    "page-load": Section(
        "page-load",
        _page_load,
        (
            ("time", "Seconds until JupyterLab's launcher is there"),
            ("requests", "Requests"),
            ("received", "MiB that the browser receives"),
            ("server CPU", "CPU seconds of the visitor's server"),
            ("server descriptors", "Most file descriptors of that server above those at rest"),
        ),
    ),
    "static-files": Section(
        "static-files",
        _static_files,
        (
            ("rate", "Requests per second"),
            ("cpu", "CPU seconds per 10,000 requests"),
            ("memory", "MiB of memory"),
        ),
    ),
    "render-time": Section("render-time", _nothing, (("time", "Seconds"),)),
}
