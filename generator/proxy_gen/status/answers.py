"""Reading what the release's pods answer, and its Secrets' certificates. Pure.

A function here raises ValueError, with a text for people, for an answer that it cannot read.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import re
from typing import Any

from jupyterhub_ha.table import marks_in
from proxy_gen import certificates
from proxy_gen.errors import UsageError

from .facts import Certificate, MemberState, PublicCertificate, Table, Unknown

# Gauges without labels, and the one whose label is what it says.
# https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
_SAMPLE = re.compile(r"^(etcd_\w+) (\S+)$", re.MULTILINE)
_VERSION = re.compile(r'^etcd_server_version\{server_version="([^"]+)"\}', re.MULTILINE)
_ALARM = re.compile(r"ALARM (\w+)")


def table(status: int, body: bytes) -> Table:
    """Read a replica's answer to ``/ready``; 404 says that it has read no table."""
    if status == 404:
        return Table(None)
    if status != 200:
        raise ValueError(f"/ready answers {status}")
    marks = marks_in(body)
    try:
        return Table(int(marks["generation"]), marks.get("store", ""))
    except (KeyError, ValueError) as error:
        raise ValueError("/ready does not show the table's generation") from error


def member(metrics: str, health: bytes) -> MemberState:
    """Read a member's pages ``/metrics`` and ``/health``."""
    found = {name: float(value) for name, value in _SAMPLE.findall(metrics)}
    version = _VERSION.search(metrics)
    try:
        return MemberState(
            leads=found["etcd_server_is_leader"] == 1,
            sees_leader=found["etcd_server_has_leader"] == 1,
            learner=found.get("etcd_server_is_learner") == 1,
            database=int(found["etcd_mvcc_db_total_size_in_bytes"]),
            quota=int(found["etcd_server_quota_backend_bytes"]),
            alarms=_alarms(health),
            version=version[1] if version else "",
        )
    except KeyError as error:
        raise ValueError(f"its metrics have no {error.args[0]}") from error


def _alarms(health: bytes) -> tuple[str, ...]:
    try:
        reason = str(json.loads(health).get("reason", ""))
    except (AttributeError, ValueError) as error:
        raise ValueError("/health is no JSON object") from error
    return tuple(_ALARM.findall(reason))


def count_services(body: bytes) -> int:
    """Count the services that Traefik's API lists: every route has one of its own."""
    return len(_of_type(json.loads(body), list, "Traefik's API lists no services"))


def count_chp_routes(body: bytes) -> int:
    """Count the routes that configurable-http-proxy's API lists."""
    return len(_of_type(json.loads(body), dict, "the proxy's API lists no routes"))


def _of_type(found: Any, kind: type, otherwise: str) -> Any:
    if not isinstance(found, kind):
        raise ValueError(otherwise)
    return found


def certificates_of(lines: str) -> tuple[Certificate, ...]:
    """Read one line per Secret: its name, ``ca.crt`` and ``tls.crt`` in base64, with tabs between.

    The authority's own Secret has no ``tls.crt``.
    """
    found = []
    for line in lines.splitlines():
        secret, ca, crt = [*line.split("\t"), "", ""][:3]
        if ca or crt:
            name = secret.rpartition("-")[2]
            found.append(Certificate(name, secret, _expires(crt or ca)))
    return tuple(found)


def public_certificate(secret: str, line: str) -> PublicCertificate:
    """Read the certificate, and the attempts at the next one, in base64 with a tab between."""
    crt, _, attempts = line.strip("\r\n").partition("\t")
    noted = _of_type(
        json.loads(base64.b64decode(attempts) or b"{}"), dict, "attempts.json is no JSON object"
    )
    at = noted.get("next")
    attempted = PublicCertificate(
        secret,
        failures=int(noted.get("failures", 0)),
        error=str(noted.get("error", "")),
        next_attempt=datetime.datetime.fromtimestamp(at, datetime.UTC) if at else None,
    )
    if not crt:
        return attempted
    try:
        found = certificates.read(base64.b64decode(crt).decode())
    except UsageError as error:
        raise ValueError(str(error)) from error
    return dataclasses.replace(
        attempted,
        hosts=found.sans,
        issuer=found.issuer,
        begins=found.not_before,
        expires=found.not_after,
    )


def _expires(encoded: str) -> Any:
    try:
        return certificates.read(base64.b64decode(encoded).decode()).not_after
    except (UsageError, ValueError) as error:
        return Unknown(str(error))
