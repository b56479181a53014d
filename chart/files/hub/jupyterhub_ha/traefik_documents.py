"""What Traefik is told at its start, where the hub starts it on one host. Pure: no I/O.

The chart says the same to its replicas; where the two differ, tests/contract names the reason.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

API_USERNAME = "hub"

Document = dict[str, Any]


def static_document(
    *,
    public: str,
    internal: str,
    directory: Path,
    tls: bool = False,
    trusted_ips: Sequence[str] = (),
    log_level: str = "INFO",
    drain_seconds: int = 10,
) -> Document:
    """Traefik's static configuration. `public` and `internal` are host:port of the entry points.

    Everything in `directory` is dynamic configuration.
    """
    entry_points = _entry_points(
        public=public,
        internal=internal,
        tls=tls,
        trusted_ips=trusted_ips,
        drain_seconds=drain_seconds,
    )
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": log_level, "format": "json"},
        "entryPoints": entry_points,
        "ping": {"entryPoint": "internal", "terminatingStatusCode": 503},
        "api": {"dashboard": False, "insecure": False, "disableDashboardAd": True},
        "metrics": {
            "prometheus": {
                "entryPoint": "internal",
                # The counters by service have the same sums, and these would cost a tenth.
                "addEntryPointsLabels": False,
                "addServicesLabels": True,
                "addRoutersLabels": False,
                # With a password: on one host users run programs that reach this port, and the
                # names of services are those of users.
                "manualRouting": True,
            }
        },
        "providers": {
            "providersThrottleDuration": "10ms",
            "file": {"directory": str(directory), "watch": True},
        },
        "serversTransport": {
            "forwardingTimeouts": {
                "dialTimeout": "10s",
                "responseHeaderTimeout": "0s",
                "idleConnTimeout": "90s",
            }
        },
    }


def _entry_points(
    *, public: str, internal: str, tls: bool, trusted_ips: Sequence[str], drain_seconds: int
) -> Document:
    # A stopping Traefik closes its socket at once: with reusePort the kernel gives new connections
    # to the next one.
    life_cycle = {"requestAcceptGraceTimeout": "0s", "graceTimeOut": f"{drain_seconds}s"}
    no_aliases = {"aliasHeadersStrategy": "delete"}
    return {
        "http": {
            "address": public,
            "reusePort": True,
            "transport": {
                "lifeCycle": life_cycle,
                "respondingTimeouts": {
                    "readTimeout": "0s",
                    "writeTimeout": "0s",
                    "idleTimeout": "180s",
                },
            },
            "forwardedHeaders": {"trustedIPs": list(trusted_ips)},
            "http": {
                "sanitizePath": False,
                "encodeQuerySemicolons": True,
                **no_aliases,
                **({"tls": {}} if tls else {}),
            },
        },
        "internal": {
            "address": internal,
            "http": no_aliases,
            "transport": {"lifeCycle": life_cycle},
        },
    }


def base_rules(
    *,
    hub: str,
    users_file: Path,
    cert_file: Path,
    key_file: Path,
    servers_transport: Mapping[str, Any] | None = None,
) -> Document:
    """The rules that are there before any route: the API, its metrics, and all else to `hub`.

    The certificate is the one that is shown; where nothing has TLS, it only spares Traefik drawing
    an RSA key at each reload. `servers_transport` is how servers with https are asked.
    """
    service: Document = {"servers": [{"url": hub}]}
    if servers_transport:
        service["serversTransport"] = SERVERS_TRANSPORT
    internal = {"entryPoints": ["internal"], "middlewares": ["api-users"]}
    http: Document = {
        "routers": {
            "fallback": {
                "entryPoints": ["http"],
                "rule": "PathPrefix(`/`)",
                "priority": 1,
                "service": "hub",
            },
            "api": {"rule": "PathPrefix(`/api`)", "service": "api@internal", **internal},
            "metrics": {"rule": "Path(`/metrics`)", "service": "prometheus@internal", **internal},
        },
        "middlewares": {
            "api-users": {"basicAuth": {"usersFile": str(users_file), "removeHeader": True}}
        },
        "services": {"hub": {"loadBalancer": service}},
    }
    if servers_transport:
        http["serversTransports"] = {SERVERS_TRANSPORT: dict(servers_transport)}
    certificate = {"certFile": str(cert_file), "keyFile": str(key_file)}
    return {"http": http, "tls": {"stores": {"default": {"defaultCertificate": certificate}}}}


SERVERS_TRANSPORT = "jupyterhub-internal-ssl"
"""Name of the serversTransport for JupyterHub's internal_ssl."""


def users_line(username: str, password: str) -> str:
    """The line of an API's user in a usersFile (htpasswd).

    SHA-1, since bcrypt would cost tens of milliseconds at each poll of the hub, and the password
    is drawn, long and random.
    """
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return f"{username}:{{SHA}}{base64.b64encode(digest).decode()}\n"


def address(host: str, port: int) -> str:
    """An address as Traefik takes it; an empty host or ``*`` are all addresses."""
    host = "" if host in {"*", "0.0.0.0", "::"} else host  # noqa: S104 - compared, not bound
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
