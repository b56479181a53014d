"""The web servers that `proxy-gen edge` writes for, and what each of them does as it is written.

This is the only place that says so: the templates' file names, the page in docs/reference and the
tests are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Server:
    """One web server: how it is called, its files, and what it cannot do."""

    name: str
    title: str
    version: str
    files: tuple[str, ...]
    place: str
    """Where the first file belongs on Debian; Traefik's others are in TRAEFIK_FOLDER."""
    is_whole: bool = False
    """Whether the first file is all of the server's configuration, and not one site's."""
    can_limit_bodies: bool = True
    many_addresses: bool = True
    templates: tuple[str, ...] = ()
    """Of the files, in their order; none: the files' names with .j2."""

    @property
    def documents(self) -> dict[str, str]:
        """File to template."""
        return dict(zip(self.files, self.templates or (f"{f}.j2" for f in self.files), strict=True))


SERVERS = {
    server.name: server
    for server in (
        Server(
            "nginx",
            "nginx",
            "1.22",
            ("jupyterhub.conf",),
            "/etc/nginx/conf.d/jupyterhub.conf",
            templates=("nginx.conf.j2",),
        ),
        Server(
            "apache",
            "Apache httpd",
            "2.4.47",
            ("jupyterhub.conf",),
            "/etc/apache2/sites-available/jupyterhub.conf",
            templates=("apache.conf.j2",),
        ),
        Server(
            "traefik",
            "Traefik",
            "3.7",
            ("traefik.toml", "dynamic.toml"),
            "/etc/traefik/traefik.toml",
            is_whole=True,
            can_limit_bodies=False,
            many_addresses=False,
        ),
        Server(
            "haproxy", "HAProxy", "2.6", ("haproxy.cfg",), "/etc/haproxy/haproxy.cfg", is_whole=True
        ),
        Server("caddy", "Caddy", "2.11", ("Caddyfile",), "/etc/caddy/Caddyfile", is_whole=True),
    )
}

TRAEFIK_FOLDER = "/etc/traefik/dynamic"

# TLS 1.2 with forward secrecy and authenticated ciphers alone; those of TLS 1.3 need no choice.
CIPHERS = tuple(
    f"ECDHE-{signature}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for signature in ("ECDSA", "RSA")
)

SET_HEADERS = (
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Real-IP",
    "X-Scheme",
)
"""Each is set by the web server, whatever the client sends."""

# What else applications take for the word of a proxy. Ours believes the web server, so the web
# server must not let a client's through.
DROPPED_HEADERS = (
    "Forwarded",
    "Front-End-Https",
    "X-Forwarded-Method",
    "X-Forwarded-Prefix",
    "X-Forwarded-Scheme",
    "X-Forwarded-Server",
    "X-Forwarded-Ssl",
    "X-Forwarded-Tls-Client-Cert",
    "X-Forwarded-Tls-Client-Cert-Info",
    "X-Forwarded-Uri",
)


@dataclass(frozen=True)
class Feature:
    """What users get, the test that proves it, and the servers that do it otherwise.

    `test` is file::function below `tests/edge`; `otherwise` has the cell of a server that differs.
    """

    text: str
    test: str
    otherwise: dict[str, str] = field(default_factory=dict)


_TOLD = "yes, where the length is told"
_PASSIVE = "yes, by failed requests"
_ACTIVE = "yes, a connection every 2 s"

FEATURES = (
    Feature(
        "The server's own check finds nothing wrong",
        "test_check::test_its_own_check",
        {"traefik": "it has none; it starts without an error"},
    ),
    Feature("`http://` leads to `https://`, path and query kept", "test_urls::test_http_to_https"),
    Feature("TLS 1.2 and 1.3, nothing older", "test_tls::test_versions_of_tls"),
    Feature("HTTP/2 to the browser", "test_tls::test_http_2"),
    Feature("`/jupyter` leads to `/jupyter/`", "test_urls::test_the_slash_at_the_end"),
    Feature(
        "A sub-path leaves the rest of the host alone", "test_urls::test_other_paths_are_not_ours"
    ),
    Feature(
        "Percent-encoded paths and double slashes arrive unchanged",
        "test_urls::test_paths_arrive_unchanged",
    ),
    Feature("Websockets, only for who asks for one", "test_streams::test_websockets"),
    Feature("Events arrive one by one", "test_streams::test_events_one_by_one"),
    Feature("Uploads are streamed, without a limit", "test_streams::test_a_large_upload"),
    Feature(
        "`--max-body` refuses more with 413",
        "test_streams::test_a_limit_for_bodies",
        {
            "traefik": "no, it would keep each body on its disk: the option is refused",
            "apache": _TOLD,
            "haproxy": _TOLD,
        },
    ),
    Feature("Connections to the proxy are kept", "test_streams::test_connections_are_kept"),
    Feature(
        "A client cannot forge `X-Forwarded-*`, `X-Real-IP`, `X-Scheme`",
        "test_headers::test_a_client_forges_nothing",
    ),
    Feature(
        "The proxy believes nobody else",
        "test_headers::test_the_proxy_believes_the_web_server_alone",
    ),
    Feature(
        "A dead replica of the proxy is left out",
        "test_replicas::test_a_dead_replica",
        {
            "nginx": _PASSIVE,
            "caddy": _PASSIVE,
            "traefik": _PASSIVE,
            "apache": _ACTIVE,
            "haproxy": _ACTIVE,
        },
    ),
)
