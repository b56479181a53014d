"""What Traefik is told at its start; tests/contract compares it with the chart's."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from jupyterhub_ha.traefik_documents import address, base_rules, static_document, users_line


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("", ":80"),
        ("*", ":80"),
        ("0.0.0.0", ":80"),  # noqa: S104
        ("::", ":80"),
        ("127.0.0.1", "127.0.0.1:80"),
        ("::1", "[::1]:80"),
        ("hub.example.org", "hub.example.org:80"),
    ],
)
def test_addresses_are_as_traefik_takes_them(host: str, expected: str) -> None:
    assert address(host, 80) == expected


def test_tls_is_only_where_it_is_wanted() -> None:
    def http(tls: bool) -> dict[str, object]:
        document = static_document(
            public=":443", internal="127.0.0.1:1", directory=Path("/d"), tls=tls
        )
        return document["entryPoints"]["http"]["http"]

    assert http(True)["tls"] == {}
    assert "tls" not in http(False)


def test_a_transport_is_for_the_hub_too() -> None:
    files = {name: Path("/x") for name in ("users_file", "cert_file", "key_file")}
    document = base_rules(
        hub="https://127.0.0.1:8081", servers_transport={"rootCAs": ["/ca.pem"]}, **files
    )["http"]
    (name,) = document["serversTransports"]
    assert document["services"]["hub"]["loadBalancer"]["serversTransport"] == name
    assert "serversTransports" not in base_rules(hub="http://x:1", **files)["http"]


def test_the_line_of_a_user_holds_the_hash_only() -> None:
    digest = base64.b64encode(hashlib.sha1(b"hush", usedforsecurity=False).digest()).decode()
    assert users_line("me", "hush") == f"me:{{SHA}}{digest}\n"
