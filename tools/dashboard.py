"""Writes the dashboards for Grafana, chart/files/monitoring/*.json; --check compares.

.venv/bin/python tools/dashboard.py [--check]

The expressions are what matters here; where a panel stands and how it is drawn follows from them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import generated_page
from generated_page import ROOT

FOLDER = ROOT / "chart/files/monitoring"

_WIDTH, _PANEL_WIDTH, _PANEL_HEIGHT = 24, 8, 8
_DATASOURCE = {"type": "prometheus", "uid": "$datasource"}


@dataclass(frozen=True)
class Panel:
    """One plot: its title, the unit as Grafana names it, and legend to expression."""

    title: str
    unit: str
    lines: dict[str, str]
    text: str = ""


def _of(job: str, name: str, more: str = "") -> str:
    return f'{name}{{job="{job}", namespace="$namespace"{more}}}'


def _rate(job: str, name: str, more: str = "") -> str:
    return f"rate({_of(job, name, more)}[$__rate_interval])"


def _increase(job: str, name: str, more: str = "") -> str:
    return f"increase({_of(job, name, more)}[$__rate_interval])"


def _quantiles(job: str, name: str, more: str = "", by: str = "") -> dict[str, str]:
    """Median and 99th percentile of a histogram, or with `by` the latter for each label."""
    labels = f"le, {by}" if by else "le"
    rate = f"sum by ({labels}) ({_rate(job, f'{name}_bucket', more)})"
    if by:
        return {f"{{{{{by}}}}}": f"histogram_quantile(0.99, {rate})"}
    return {f"p{q * 100:.0f}": f"histogram_quantile({q}, {rate})" for q in (0.5, 0.99)}


_REQUESTS = "traefik_service_requests_total"
_ERRORS = ', code=~"5.."'
_DURATION = "traefik_service_request_duration_seconds"
_SPAWNS = "jupyterhub_server_spawn_duration_seconds"
_PROCESS = "{{job}} {{instance}}"
_DATABASE = "etcd_mvcc_db_total_size_in_bytes"
_WAITING_STATES = ', state=~"ready|old"'
_ALL = 'job=~"hub|proxy|proxy-etcd", namespace="$namespace"'

ROWS = {
    "Users": [
        Panel(
            "Requests by status",
            "reqps",
            {"{{code}}": f"sum by (code) ({_rate('proxy', _REQUESTS)})"},
            "Counted when they end; a websocket is one request with the status 0.",
        ),
        Panel(
            "Duration of requests",
            "s",
            _quantiles("proxy", _DURATION, ', protocol="http"'),
            "Without websockets, which last as long as a notebook is open.",
        ),
        Panel(
            "Server errors",
            "percentunit",
            {
                "5xx": f"sum({_rate('proxy', _REQUESTS, _ERRORS)}) "
                f"/ sum({_rate('proxy', _REQUESTS)})"
            },
        ),
        Panel(
            "Open connections",
            "short",
            {
                "{{entrypoint}} {{protocol}}": "sum by (entrypoint, protocol) "
                f"({_of('proxy', 'traefik_open_connections')})"
            },
        ),
        Panel("Traefik replicas that answer", "short", {"replicas": f"sum({_of('proxy', 'up')})"}),
        Panel(
            "Requests by replica",
            "reqps",
            {"{{instance}}": f"sum by (instance) ({_rate('proxy', _REQUESTS)})"},
        ),
    ],
    "Routing table": [
        Panel(
            "Generations that a replica is behind",
            "short",
            {
                "{{replica}}": f"{_of('hub', 'jupyterhub_ha_generation')} "
                "- on (job, namespace, instance) group_right () "
                f"{_of('hub', 'jupyterhub_ha_replica_generation')}"
            },
            "0 when it serves the table that the hub wrote last. A replica that does not answer is "
            "not here.",
        ),
        Panel("Routes", "short", {"routes": _of("hub", "jupyterhub_ha_routes")}),
        Panel(
            "Commits",
            "ops",
            {"{{result}}": f"sum by (result) ({_rate('hub', 'jupyterhub_ha_commits_total')})"},
        ),
        Panel("Time to write a commit", "s", _quantiles("hub", "jupyterhub_ha_commit_seconds")),
        Panel(
            "Time until every replica serves it",
            "s",
            _quantiles("hub", "jupyterhub_ha_live_seconds"),
        ),
        Panel(
            "Repairs and late replicas",
            "short",
            {
                "repaired": _increase("hub", "jupyterhub_ha_repairs_total"),
                "late": _increase("hub", "jupyterhub_ha_replicas_lagging_total"),
                "no answer": _increase("hub", "jupyterhub_ha_replicas_skipped_total"),
            },
        ),
    ],
    "etcd": [
        Panel(
            "Members",
            "short",
            {
                "with a leader": f"sum({_of('proxy-etcd', 'etcd_server_has_leader')})",
                "leaders": f"sum({_of('proxy-etcd', 'etcd_server_is_leader')})",
            },
        ),
        Panel(
            "Leader",
            "short",
            {"{{pod}}": f"max by (pod) ({_of('proxy-etcd', 'etcd_server_is_leader')})"},
            "1 for the member that leads.",
        ),
        Panel(
            "Database",
            "bytes",
            {
                "{{pod}}": f"max by (pod) ({_of('proxy-etcd', _DATABASE)})",
                "quota": f"min({_of('proxy-etcd', 'etcd_server_quota_backend_bytes')})",
            },
        ),
        Panel(
            "Slowest hundredth of the writes to disk (fsync)",
            "s",
            _quantiles("proxy-etcd", "etcd_disk_wal_fsync_duration_seconds", by="pod"),
        ),
        Panel(
            "Changes",
            "ops",
            {"{{pod}}": f"sum by (pod) ({_rate('proxy-etcd', 'etcd_mvcc_txn_total')})"},
        ),
        Panel(
            "Certificates for etcd expire in",
            "s",
            {
                "{{certificate}}": _of(
                    "hub", "jupyterhub_ha_etcd_certificate_expiry_timestamp_seconds"
                )
                + " - time()"
            },
        ),
    ],
    "Hub": [
        Panel("Running servers", "short", {"servers": _of("hub", "jupyterhub_running_servers")}),
        Panel(
            "Active users",
            "short",
            {"last {{period}}": _of("hub", "jupyterhub_active_users")},
        ),
        Panel(
            "Starts of servers",
            "short",
            {"{{status}}": f"sum by (status) ({_increase('hub', f'{_SPAWNS}_count')})"},
        ),
        Panel("Time to start a server", "s", _quantiles("hub", _SPAWNS, ', status="success"')),
        Panel(
            "Duration of the hub's requests",
            "s",
            _quantiles("hub", "jupyterhub_request_duration_seconds"),
        ),
        Panel("Hub", "short", {"answers": f"sum({_of('hub', 'up')})"}),
    ],
    "What it costs": [
        Panel(
            "Processors",
            "short",
            {_PROCESS: f"rate(process_cpu_seconds_total{{{_ALL}}}[$__rate_interval])"},
        ),
        Panel(
            "Memory",
            "bytes",
            {_PROCESS: f"process_resident_memory_bytes{{{_ALL}}}"},
        ),
        Panel(
            "Open files",
            "short",
            {_PROCESS: f"process_open_fds{{{_ALL}}}"},
        ),
    ],
}


_TMPNB = "jupyterhub_ha_tmpnb"
_POOL_SPAWNS = f"{_TMPNB}_spawn_seconds"

TMPNB_ROWS = {
    "Visitors": [
        Panel(
            "Servers",
            "short",
            {"{{state}}": f"sum by (state) ({_of('hub', f'{_TMPNB}_servers')})"},
            "`ready`, `starting` and `old` ones wait for visitors, `claimed` ones are theirs.",
        ),
        Panel(
            "Servers given to visitors",
            "short",
            {"claims": f"sum({_increase('hub', f'{_TMPNB}_claims_total')})"},
        ),
        Panel(
            "Time until a visitor has a server of the pool",
            "s",
            _quantiles("hub", f"{_TMPNB}_claim_seconds"),
        ),
        Panel("Visitors who wait", "short", {"waiting": f"max({_of('hub', f'{_TMPNB}_waiting')})"}),
        Panel(
            "Visits without a server",
            "short",
            {"{{reason}}": f"sum by (reason) ({_increase('hub', f'{_TMPNB}_refused_total')})"},
        ),
        Panel(
            "Servers that ended",
            "short",
            {"{{reason}}": f"sum by (reason) ({_increase('hub', f'{_TMPNB}_ended_total')})"},
        ),
    ],
    "Pool": [
        Panel(
            "Servers that wait, and that are wanted",
            "short",
            {
                "wanted": f"max({_of('hub', f'{_TMPNB}_pool_wanted')})",
                "ready": f"sum({_of('hub', f'{_TMPNB}_servers', _WAITING_STATES)})",
            },
        ),
        Panel("Time to start a server", "s", _quantiles("hub", _POOL_SPAWNS)),
        Panel(
            "Starts of servers",
            "short",
            {
                "started": f"sum({_increase('hub', f'{_POOL_SPAWNS}_count')})",
                "failed": f"sum({_increase('hub', f'{_TMPNB}_failures_total')})",
            },
        ),
    ],
}


@dataclass(frozen=True)
class Dashboard:
    """One document: the name of its file, which is its identifier, too, and what is in it."""

    name: str
    title: str
    text: str
    tags: tuple[str, ...]
    rows: dict[str, list[Panel]]


DASHBOARDS = (
    Dashboard(
        "jupyterhub-ha",
        "JupyterHub and its proxy",
        "Users' requests, the routing table, etcd and the hub of one release.",
        ("jupyterhub", "traefik", "etcd"),
        ROWS,
    ),
    Dashboard(
        "jupyterhub-ha-tmpnb",
        "Temporary notebooks",
        "Visitors of one release, and the pool of servers that wait for them.",
        ("jupyterhub",),
        TMPNB_ROWS,
    ),
)


def dashboard(made: Dashboard) -> dict[str, Any]:
    """The document, as Grafana imports it."""
    return {
        "uid": made.name,
        "title": made.title,
        "description": made.text,
        "tags": list(made.tags),
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _variables()},
        "panels": list(_panels(made.rows)),
    }


def _variables() -> list[dict[str, Any]]:
    query = "label_values(jupyterhub_running_servers, namespace)"
    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
        {
            "name": "namespace",
            "label": "Namespace",
            "type": "query",
            "datasource": _DATASOURCE,
            "definition": query,
            "query": {"query": query, "refId": "namespaces"},
            "refresh": 2,
            "sort": 1,
        },
    ]


def _panels(rows: dict[str, list[Panel]]) -> Iterator[dict[str, Any]]:
    number, top = 1, 0
    for title, panels in rows.items():
        place = {"x": 0, "y": top, "w": _WIDTH, "h": 1}
        yield {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place}
        number, top = number + 1, top + 1
        per_line = _WIDTH // _PANEL_WIDTH
        for index, panel in enumerate(panels):
            place = {
                "x": index % per_line * _PANEL_WIDTH,
                "y": top + index // per_line * _PANEL_HEIGHT,
                "w": _PANEL_WIDTH,
                "h": _PANEL_HEIGHT,
            }
            yield _panel(panel, number, place)
            number += 1
        top += -(-len(panels) // per_line) * _PANEL_HEIGHT


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.text,
        "datasource": _DATASOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 10}},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _DATASOURCE,
                "expr": expression,
                "legendFormat": legend,
            }
            for index, (legend, expression) in enumerate(panel.lines.items())
        ],
    }


def text(made: Dashboard) -> str:
    """The file."""
    return json.dumps(dashboard(made), indent=2) + "\n"


if __name__ == "__main__":
    files = {FOLDER / f"{made.name}.json": partial(text, made) for made in DASHBOARDS}
    sys.exit(max(generated_page.main(file, write, __doc__) for file, write in files.items()))
