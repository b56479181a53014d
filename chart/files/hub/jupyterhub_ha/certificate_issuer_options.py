"""The command line of the certificates' issuer."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .certificate_acme import Lego, Order
from .certificate_binding import Binding, is_key
from .certificate_source import AcmeSource, FileSource, Pace, Source
from .certificate_state import FolderState, SecretState, State
from .certificate_times import FIRST_PAUSE, LONGEST_PAUSE, RENEW_AT
from .errors import EtcdRequestError
from .etcd_client import EtcdClient

PASSWORD = "JUPYTERHUB_HA_ETCD_CERTIFICATES_PASSWORD"  # noqa: S105  a variable's name
HMAC_KEY = "JUPYTERHUB_HA_ACME_HMAC_KEY"
USER = "certificates"


@dataclass(frozen=True, slots=True)
class Made:
    """What the command line asks for."""

    client: EtcdClient
    source: Source
    root_key: str
    interval: float


def parse(arguments: Sequence[str] | None = None) -> Made:
    """Read the command line; SystemExit where it is wrong, EtcdRequestError without a password."""
    parser = _parser()
    options = parser.parse_args(arguments)
    is_acme = bool(options.host)
    if is_acme == bool(options.tls_crt):
        parser.error("name either hosts (--host) or a certificate's files (--tls-crt, --tls-key)")
    if is_acme and not (options.email and (options.state_folder or options.state_secret)):
        parser.error("--host needs --email, and --state-folder or --state-secret")
    if bool(options.tls_crt) != bool(options.tls_key):
        parser.error("--tls-crt and --tls-key belong together")
    if options.eab_key_id and not is_key(_hmac_key()):
        parser.error(
            f"--eab-key-id needs the MAC key in {HMAC_KEY}: base64url without padding, so no"
            " = at its end, - for + and _ for /"
        )
    client = EtcdClient(
        options.endpoints,
        username=options.username,
        password=_password(options),
        ca_file=options.ca_file,
        cert_file=options.cert_file,
        key_file=options.key_file,
    )
    source: Source = FileSource(options.tls_crt, options.tls_key)
    if is_acme:
        source = _acme(options)
    return Made(client, source, options.root_key, options.interval)


def _acme(options: argparse.Namespace) -> AcmeSource:
    hosts = tuple(dict.fromkeys(host.lower() for host in options.host))
    key_id = options.eab_key_id
    binding = Binding(key_id, _hmac_key()) if key_id else None
    order = Order(hosts, options.email, options.acme_server, options.profile, binding)
    lego = Lego(options.lego, options.challenge_address, options.acme_ca_file)
    pace = Pace(options.renew_at, options.first_pause, options.longest_pause)
    state: State = (
        FolderState(options.state_folder)
        if options.state_folder
        else SecretState(options.state_secret, server=_kubernetes())
    )
    return AcmeSource(state, lego, order, pace)


def _hmac_key() -> str:
    return os.environ.get(HMAC_KEY, "").strip()


def _kubernetes() -> str:
    """The API server, as each pod is told."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _password(options: argparse.Namespace) -> str:
    """The password of the etcd user; none is needed without a user."""
    if not options.username:
        return ""
    file = options.password_file
    try:
        found = file.read_text(encoding="utf-8") if file else os.environ.get(PASSWORD, "")
    except OSError as error:
        raise EtcdRequestError(f"cannot read the password file {file}: {error.strerror}") from error
    if not found.strip():
        raise EtcdRequestError(f"no password: set {PASSWORD} or name a file that holds it")
    return str(found.strip())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jupyterhub_ha.certificate_issuer",
        description="Publish a certificate in etcd, where all Traefik replicas read it, and renew "
        "it in time. Of several only one works.",
        epilog=f"The etcd user's password: {PASSWORD}, or the file. The external account's MAC "
        f"key: {HMAC_KEY}. Exit status: 0 ended by SIGTERM, 1 cannot begin, 2 wrong usage.",
    )
    etcd = parser.add_argument_group("etcd")
    etcd.add_argument("--endpoints", nargs="+", required=True, metavar="URL")
    etcd.add_argument("--username", default=USER, help="its user (%(default)s)")
    etcd.add_argument("--password-file", type=Path, metavar="FILE")
    etcd.add_argument("--ca-file", default="", help="authority of etcd's certificates, PEM")
    etcd.add_argument("--cert-file", default="", help="client certificate without CommonName")
    etcd.add_argument("--key-file", default="", help="its private key")
    etcd.add_argument("--root-key", default="traefik", help="Traefik's root key (%(default)s)")
    files = parser.add_argument_group("a certificate that others write")
    files.add_argument("--tls-crt", type=Path, metavar="FILE", help="with its chain, PEM")
    files.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key, PEM")
    _add_acme(parser.add_argument_group("a certificate of an ACME authority"))
    parser.add_argument(
        "--interval",
        type=float,
        default=10,
        help="seconds between looks at etcd and the files (%(default)s)",
    )
    return parser


def _add_acme(acme: argparse._ArgumentGroup) -> None:
    acme.add_argument("--host", action="append", default=[], help="one of its hosts; repeatable")
    acme.add_argument("--email", default="", help="contact of the account")
    acme.add_argument(
        "--acme-server",
        default="https://acme-v02.api.letsencrypt.org/directory",
        metavar="URL",
        help="the authority's directory (%(default)s)",
    )
    acme.add_argument("--acme-ca-file", default="", help="PEM, if the system does not trust it")
    acme.add_argument("--profile", default="", help="one of the authority's profiles")
    acme.add_argument(
        "--eab-key-id",
        default="",
        metavar="ID",
        help="external account to bind ours to",
    )
    acme.add_argument("--lego", default="lego", help="the program lego 4 (%(default)s)")
    acme.add_argument(
        "--challenge-address",
        default=":8089",
        metavar="[INTERFACE]:PORT",
        help="where challenges are answered (%(default)s)",
    )
    acme.add_argument("--state-folder", type=Path, metavar="FOLDER", help="of account and key")
    acme.add_argument("--state-secret", default="", metavar="NAME", help="the same in Kubernetes")
    acme.add_argument(
        "--renew-at",
        type=float,
        default=RENEW_AT,
        metavar="SHARE",
        help="of the lifetime after which it is renewed (%(default).3f)",
    )
    acme.add_argument("--first-pause", type=float, default=FIRST_PAUSE, help=argparse.SUPPRESS)
    acme.add_argument("--longest-pause", type=float, default=LONGEST_PAUSE, help=argparse.SUPPRESS)
