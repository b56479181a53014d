"""Prometheus metrics of temporary notebooks, in the registry that the hub's /metrics shows."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

SERVERS = Gauge(
    "jupyterhub_ha_tmpnb_servers",
    "Temporary servers: ready, starting and old ones of the pool, claimed by visitors, ending",
    ["state"],
)
WANTED = Gauge("jupyterhub_ha_tmpnb_pool_wanted", "Servers that are to wait for visitors now")
WAITING = Gauge("jupyterhub_ha_tmpnb_waiting", "Visitors who wait for a server")
CLAIMS = Counter("jupyterhub_ha_tmpnb_claims", "Servers given to visitors")
REFUSED = Counter(
    "jupyterhub_ha_tmpnb_refused",
    "Visits without a server: robots, pages fetched ahead, clients without cookies, addresses that "
    "have taken too many, visitors who wait",
    ["reason"],
)
REASONS = ("idle", "age", "dead", "stopped", "surplus")
ENDED = Counter(
    "jupyterhub_ha_tmpnb_ended",
    "Servers ended: idle, of age, dead (they did not answer), stopped by themselves, not needed",
    ["reason"],
)
FAILURES = Counter("jupyterhub_ha_tmpnb_failures", "Servers that could not be started")
SPAWN_SECONDS = Histogram(
    "jupyterhub_ha_tmpnb_spawn_seconds",
    "Time from the request to start a server to its readiness",
    buckets=(0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300),
)
CLAIM_SECONDS = Histogram(
    "jupyterhub_ha_tmpnb_claim_seconds",
    "Time from a visitor's request to the claim of a server that answers",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)

STATES = ("ready", "starting", "old", "claimed", "ending")
for _state in STATES:
    SERVERS.labels(_state)
for _reason in ("robot", "ahead", "cookie", "address", "waiting"):
    REFUSED.labels(_reason)
for _reason in REASONS:
    ENDED.labels(_reason)
