"""A stand-in for a cloud's load balancer: gives Services of type LoadBalancer an address.

This machine routes those addresses to the control plane, which no test kills, and whose kube-proxy
spreads connections over all ready pods. With `externalTrafficPolicy: Local` there is no such pod on
the control plane: use the nodes' ports then.

Two arguments: the API server's URL and the folder of certificates.
"""

from __future__ import annotations

import json
import ssl
import sys
import time
import urllib.request
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network
from typing import Any

from .settings import BALANCERS

_PAUSE = 1.0


def assignments(
    services: Iterable[Mapping[str, Any]], addresses: IPv4Network
) -> dict[tuple[str, str], str]:
    """(namespace, name) -> address, for each Service that waits for one; lowest free first."""
    balanced = [item for item in services if item["spec"].get("type") == "LoadBalancer"]
    given = {_key(item): _addresses(item) for item in balanced}
    taken = {address for known in given.values() for address in known}
    free = (str(address) for address in addresses.hosts() if str(address) not in taken)
    waiting = sorted(key for key, known in given.items() if not known)
    return dict(zip(waiting, free, strict=False))


def main() -> None:
    """Never returns; ends with an error when the API server is away, and is started again."""
    api, pki = sys.argv[1:]
    context = ssl.create_default_context(cafile=f"{pki}/ca.crt")
    context.load_cert_chain(f"{pki}/admin.crt", f"{pki}/admin.key")
    while True:
        services = json.loads(_request(context, f"{api}/api/v1/services"))["items"]
        for (namespace, name), address in assignments(services, BALANCERS).items():
            url = f"{api}/api/v1/namespaces/{namespace}/services/{name}/status"
            status = {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}
            _request(context, url, status)
            print(f"{namespace}/{name}: {address}", flush=True)
        time.sleep(_PAUSE)


def _request(context: ssl.SSLContext, url: str, patch: dict[str, Any] | None = None) -> bytes:
    request = urllib.request.Request(  # noqa: S310
        url,
        data=json.dumps(patch).encode() if patch else None,
        method="PATCH" if patch else "GET",
        headers={"Content-Type": "application/merge-patch+json"} if patch else {},
    )
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
        body: bytes = answer.read()
    return body


def _key(service: Mapping[str, Any]) -> tuple[str, str]:
    return service["metadata"]["namespace"], service["metadata"]["name"]


def _addresses(service: Mapping[str, Any]) -> list[str]:
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return [entry["ip"] for entry in ingress if "ip" in entry]


if __name__ == "__main__":
    main()
