"""Real Traefik replicas that read etcd and share one public port."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from tests.support.certificates import CertFiles
from tests.support.ports import free_port
from tests.support.processes import VENV_BIN, Service, answers

from proxy_gen.certificates import make_ca

API_USERNAME = "hub"
API_PASSWORD = "an-api-password"


_FIXED = """
[global]
checkNewVersion = false
sendAnonymousUsage = false

[log]
level = "INFO"

[entryPoints.http.http]
sanitizePath = false
encodeQuerySemicolons = true
aliasHeadersStrategy = "delete"

[entryPoints.http.transport.respondingTimeouts]
readTimeout = "0s"

[serversTransport.forwardingTimeouts]
dialTimeout = "5s"

[api]

[ping]
entryPoint = "internal"
terminatingStatusCode = 503

[metrics.prometheus]
entryPoint = "internal"
addServicesLabels = true
addEntryPointsLabels = false
"""


def static_configuration(
    http: str,
    internal: str,
    dynamic: Path,
    endpoints: Sequence[str],
    certificates: CertFiles | None = None,
    throttle: str = "10ms",
    root_key: str = "traefik",
) -> str:
    """The text of a traefik.toml; `http` and `internal` are host:port."""
    text = f"""{_FIXED}
[entryPoints.http]
address = "{http}"
reusePort = true

[entryPoints.internal]
address = "{internal}"

[providers]
providersThrottleDuration = "{throttle}"

[providers.file]
filename = "{dynamic}"

[providers.etcd]
rootKey = "{root_key}"
endpoints = {json.dumps([endpoint.split("//")[1] for endpoint in endpoints])}
"""
    if certificates:
        text += f"""
[providers.etcd.tls]
ca = "{certificates.ca}"
cert = "{certificates.cert}"
key = "{certificates.key}"
"""
    return text


def dynamic_configuration(fallback: str) -> str:
    """The text of the file provider's document: the API, and all else to `fallback`.

    Without a default certificate Traefik draws an RSA key at every reload, even when no entry
    point has TLS: 15 to 90 ms for each change of a route.
    """
    default = make_ca()
    digest = base64.b64encode(hashlib.sha1(API_PASSWORD.encode()).digest()).decode()  # noqa: S324
    return f'''
[http.routers.api]
entryPoints = ["internal"]
rule = "PathPrefix(`/api`)"
service = "api@internal"
middlewares = ["api-users"]

[http.middlewares.api-users.basicAuth]
users = ["{API_USERNAME}:{{SHA}}{digest}"]

[http.routers.fallback]
entryPoints = ["http"]
rule = "PathPrefix(`/`)"
priority = 1
service = "fallback"

[[http.services.fallback.loadBalancer.servers]]
url = "{fallback}"

[tls.stores.default.defaultCertificate]
certFile = """{default.crt}"""
keyFile = """{default.key}"""
'''


class TraefikReplica(Service):
    """One Traefik; `url` is its internal entry point, `public_url` is shared by replicas."""

    def __init__(
        self,
        folder: Path,
        public_port: int,
        fallback: str,
        endpoints: Sequence[str],
        certificates: CertFiles | None = None,
        throttle: str = "10ms",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.public_url = f"http://127.0.0.1:{public_port}"
        dynamic = folder / "dynamic.toml"
        dynamic.write_text(dynamic_configuration(fallback))
        static = folder / "traefik.toml"
        static.write_text(
            static_configuration(
                f"127.0.0.1:{public_port}",
                f"127.0.0.1:{port}",
                dynamic,
                endpoints,
                certificates,
                throttle,
            )
        )
        super().__init__(
            [VENV_BIN / "traefik", f"--configfile={static}"],
            folder / "traefik.log",
            env={**os.environ, "GOGC": "400"},  # as in the chart
        )

    def start(self) -> None:
        """Start it and wait until it answers a ping."""
        super().start()
        self.wait_until(lambda: answers(f"{self.url}/ping"), "ping")
