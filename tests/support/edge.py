"""Real web servers with the files that `proxy-gen edge` writes, in front of a proxy of ours.

Debian's are unpacked in the checkout: each gets the main configuration that its package would
bring, with folders of its own, and one process that no other outlives.
"""

from __future__ import annotations

import functools
import http.client
import os
import signal
import ssl
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from tests.support.ports import free_port, listens
from tests.support.processes import TOOLS_BIN, VENV_BIN, Service

from proxy_gen import chart
from proxy_gen.certificates import Leaf, make_ca, sign
from proxy_gen.edge import build
from proxy_gen.edge_features import TRAEFIK_FOLDER
from proxy_gen.edge_options import Asked, check
from proxy_gen.values import Values

DEBIAN = TOOLS_BIN.parent / "web-servers/root"
NAMES = ("hub.example.com", "127.0.0.1", "localhost")
_APACHE_MODULES = (
    *("mpm_event", "authz_core", "reqtimeout", "env", "headers", "rewrite", "ssl", "http2"),
    *("proxy", "proxy_http", "slotmem_shm", "proxy_balancer", "lbmethod_byrequests"),
    "proxy_hcheck",
)


@functools.cache
def _defaults() -> dict[str, Any]:
    return chart.defaults(chart.find())


class EdgeServer:
    """One web server on free ports of loopback; `files` is what `proxy-gen edge` wrote for it."""

    def __init__(
        self,
        server: str,
        folder: Path,
        upstreams: Sequence[str],
        *,
        base: str = "/",
        kind: str = "in-process",
        names: Sequence[str] = NAMES,
        **options: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.http_port, self.https_port = free_port(), free_port()
        tls = self._tls = bool(options.get("tls", True))
        certificate, key = _write_certificate(folder)
        alone = server == "haproxy"  # it has both in one file
        asked = Asked(
            server=server,
            names=names,
            upstreams=upstreams,
            certificate=str(certificate) if tls else "",
            key=str(key) if tls and not alone else "",
            http_port=self.http_port,
            https_port=self.https_port,
            addresses=["127.0.0.1"],
            **options,
        )
        given = Values({"hub": {"baseUrl": base}, "proxy": {"kind": kind}})
        edge = check(asked, given, _defaults())
        self.files = {name: file.text for name, file in build(edge).items()}
        for name, text in self.files.items():
            (folder / name).write_text(text)
        self.http_url = f"http://127.0.0.1:{self.http_port}"
        self.https_url = f"https://127.0.0.1:{self.https_port}"
        self.public_url = self.https_url if tls else self.http_url
        # Caddy would wait for every connection.
        self._end = signal.SIGQUIT if server == "caddy" else signal.SIGTERM
        self._probe = edge.prefix or "/"
        self._late = server == "traefik"
        prepare, command, self._check = _PROGRAMS[server]
        prepare(folder)
        self._service = Service(command(folder), folder / "server.log", _environment(folder))

    def __enter__(self) -> EdgeServer:
        self._service.start()
        try:
            self._service.wait_until(self._is_up, "answer")
        except BaseException:
            self._service.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._service.stop(self._end)

    @property
    def pid(self) -> int:
        """The process that carries all traffic."""
        return self._service.pid

    @property
    def trusted(self) -> list[str]:
        """Whom `values.yaml` lets our proxy believe."""
        values = yaml.safe_load(self.files["values.yaml"])
        networks: list[str]
        if "proxy" in values:
            networks = values["proxy"]["traefik"]["forwardedHeaders"]["trustedIPs"]
        else:
            networks = values["hub"]["config"]["InProcessProxy"]["trusted_networks"]
        return networks

    def context(self) -> ssl.SSLContext:
        """A client's, which trusts this server's certificate."""
        return ssl.create_default_context(cafile=self.folder / "ca.crt")

    def _is_up(self) -> bool:
        return self._has_rules() and (not self._tls or listens(self.https_port))

    def _has_rules(self) -> bool:
        """Traefik answers 404 before it has read its rules. With TLS this is a redirect: no request
        reaches the proxy, which may not be there yet.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=1)
        try:
            connection.request("GET", self._probe)
            return not self._late or connection.getresponse().status != 404
        except TimeoutError:  # it was passed on, and the caller is who would answer
            return True
        except OSError:
            return False
        finally:
            connection.close()

    def check(self) -> tuple[int, str]:
        """Exit status and words of the server's own check; Traefik has none but its start."""
        if self._check is None:
            with self:
                return 0, self.log()
        done = subprocess.run(
            [str(word) for word in self._check(self.folder)],
            env=_environment(self.folder),
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.returncode, done.stdout + done.stderr

    def log(self) -> str:
        """What the server said."""
        return self._service.log.read_text(errors="replace")


def _write_certificate(folder: Path) -> tuple[Path, Path]:
    """The certificate's file begins with the key, as HAProxy wants it; the others skip that."""
    ca = make_ca()
    pair = sign(ca, Leaf(sans=NAMES, server=True))
    certificate, key = folder / "tls.crt", folder / "tls.key"
    (folder / "ca.crt").write_text(ca.crt)
    certificate.write_text(pair.key + pair.crt)
    key.write_text(pair.key)
    for file in (certificate, key):
        file.chmod(0o600)
    return certificate, key


def _environment(folder: Path) -> dict[str, str]:
    libraries = ":".join(str(path) for path in DEBIAN.glob("usr/lib/*-linux-gnu"))
    return {
        "PATH": os.environ["PATH"],
        "LD_LIBRARY_PATH": libraries,
        "HOME": str(folder),
        # Of caddy: where it is told to reload.
        "CADDY_ADMIN": f"unix/{folder}/admin.sock",
    }


def _prepare_nginx(folder: Path) -> None:
    temporary = "".join(
        f"    {name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\n"
        "events { worker_connections 16384; }\n"
        f"http {{\n    access_log off;\n{temporary}    include {folder}/jupyterhub.conf;\n}}\n"
    )


def _nginx(folder: Path, *more: str) -> list[str | Path]:
    return [DEBIAN / "usr/sbin/nginx", "-p", folder, "-c", "nginx.conf", "-e", "stderr", *more]


def _prepare_apache(folder: Path) -> None:
    modules = DEBIAN / "usr/lib/apache2/modules"
    lines = [
        f"ServerRoot {folder}",
        f"DefaultRuntimeDir {folder}",
        f"PidFile {folder}/apache.pid",
        "ErrorLog /dev/stderr",
        "LogLevel warn",
        "ServerName hub.example.com",
        f"DocumentRoot {folder}",
        *(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in _APACHE_MODULES),
        # One process, as the tests start it, is given more threads than Debian's 25.
        *("ThreadLimit 300", "ThreadsPerChild 300", "MaxRequestWorkers 300"),
        *("ServerLimit 1", "StartServers 1"),
        *(["User nobody\nGroup nogroup"] if os.geteuid() == 0 else []),
        f"Include {folder}/jupyterhub.conf",
    ]
    (folder / "apache.conf").write_text("\n".join([*lines, ""]))


def _apache(folder: Path, *more: str) -> list[str | Path]:
    return [DEBIAN / "usr/sbin/apache2", "-f", folder / "apache.conf", *more]


def _prepare_haproxy(folder: Path) -> None:
    # These accounts are those of Debian's package, and log is the machine's.
    file = folder / "haproxy.cfg"
    lines = file.read_text().splitlines(keepends=True)
    drop = ("    user haproxy\n", "    group haproxy\n", "    log /dev/log local0\n")
    assert all(line in lines for line in drop)
    (folder / "here.cfg").write_text("".join(line for line in lines if line not in drop))


def _haproxy(folder: Path, *more: str) -> list[str | Path]:
    return [DEBIAN / "usr/sbin/haproxy", "-db", "-f", folder / "here.cfg", *more]


def _prepare_traefik(folder: Path) -> None:
    static = (folder / "traefik.toml").read_text()
    assert TRAEFIK_FOLDER in static
    (folder / "here.toml").write_text(static.replace(TRAEFIK_FOLDER, str(folder / "dynamic")))
    (folder / "dynamic").mkdir()
    (folder / "dynamic/dynamic.toml").write_text((folder / "dynamic.toml").read_text())


def _traefik(folder: Path) -> list[str | Path]:
    return [VENV_BIN / "traefik", f"--configfile={folder / 'here.toml'}"]


def _caddy(action: str) -> Callable[[Path], list[str | Path]]:
    return lambda folder: [
        *(VENV_BIN / "caddy", action, "--adapter", "caddyfile"),
        *("--config", folder / "Caddyfile"),
    ]


Command = Callable[[Path], Sequence[str | Path]]
# What is written beside the rendered files; how it is started; how it checks its configuration.
_PROGRAMS: dict[str, tuple[Callable[[Path], None], Command, Command | None]] = {
    "nginx": (_prepare_nginx, _nginx, lambda folder: _nginx(folder, "-t")),
    "apache": (
        _prepare_apache,
        lambda folder: _apache(folder, "-X"),
        lambda folder: _apache(folder, "-t"),
    ),
    "haproxy": (_prepare_haproxy, _haproxy, lambda folder: _haproxy(folder, "-c")),
    "traefik": (_prepare_traefik, _traefik, None),
    "caddy": (lambda folder: None, _caddy("run"), _caddy("validate")),
}
