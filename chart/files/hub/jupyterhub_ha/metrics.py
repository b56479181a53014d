"""Prometheus metrics of the routing table, in the registry that the hub's /metrics shows."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

COMMITS = Counter(
    "jupyterhub_ha_commits",
    "Group commits of route changes",
    ["result"],
)
TRANSACTIONS = Counter(
    "jupyterhub_ha_transactions", "Transactions written to etcd, or to the rules file"
)
COMMIT_ROUTES = Histogram(
    "jupyterhub_ha_commit_routes",
    "Changed routes in one group commit",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)
COMMIT_SECONDS = Histogram(
    "jupyterhub_ha_commit_seconds", "Time to write one group commit", buckets=_SECONDS
)
LIVE_SECONDS = Histogram(
    "jupyterhub_ha_live_seconds",
    "Time from the end of a commit until every live replica served it",
    buckets=_SECONDS,
)
ROUTES = Gauge("jupyterhub_ha_routes", "Routes in the table")
REPLICAS = Gauge(
    "jupyterhub_ha_replicas",
    "Traefik replicas at the last commit: live, lagging (alive, but behind) or skipped",
    ["state"],
)
GENERATION = Gauge("jupyterhub_ha_generation", "Generation of the table that the hub wrote last")
REPLICA_GENERATION = Gauge(
    "jupyterhub_ha_replica_generation",
    "Generation that a Traefik replica served when it last answered; gone when it does not answer",
    ["replica"],
)
SKIPPED = Counter(
    "jupyterhub_ha_replicas_skipped", "Waits in which a replica did not answer and was skipped"
)
LAGGING = Counter(
    "jupyterhub_ha_replicas_lagging", "Waits in which a live replica did not follow in time"
)
UNAUTHENTICATED = Gauge(
    "jupyterhub_ha_etcd_unauthenticated",
    "1 while etcd has authentication turned off, as after a loss of its data",
)
CERTIFICATE_EXPIRY = Gauge(
    "jupyterhub_ha_etcd_certificate_expiry_timestamp_seconds",
    "Unix time at which the hub's certificate for etcd, or the authority's that it trusts, expires",
    ["certificate"],
)
REPAIRS = Counter(
    "jupyterhub_ha_repairs", "Times that keys which somebody else had changed were written again"
)
ADVANCED = Counter(
    "jupyterhub_ha_etcd_advanced_revisions",
    "Revisions written so that replicas follow an etcd that began anew",
)
ACTIVITY_SECONDS = Histogram(
    "jupyterhub_ha_activity_seconds",
    "Time to read the replicas' counters for the last activity",
    buckets=_SECONDS,
)
ACTIVITY_MISSED = Counter(
    "jupyterhub_ha_activity_missed", "Replicas whose counters could not be read in time"
)

for _result in ("written", "unchanged", "failed"):
    COMMITS.labels(_result)
