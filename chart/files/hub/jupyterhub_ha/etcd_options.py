"""etcd's command line options as its configuration file has them.

The image has no shell, so what is known only when a pod starts reaches etcd in a file, and a file
replaces all options of the command line. The file takes numbers as numbers, times in nanoseconds,
lists as lists and the certificates in two sections; it passes over a name that it does not know,
where the command line refuses it. Options of etcd 3.7.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import EtcdRequestError


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TEXTS = _names("""
    advertise-client-urls auth-token auto-compaction-mode auto-compaction-retention
    backend-bbolt-freelist-type cors data-dir distributed-tracing-address
    distributed-tracing-instance-id distributed-tracing-service-name feature-gates host-whitelist
    initial-advertise-peer-urls initial-cluster initial-cluster-state initial-cluster-token
    listen-client-http-urls listen-client-urls listen-metrics-urls listen-peer-urls log-format
    log-level log-rotation-config-json logger metrics name tls-max-version tls-min-version wal-dir
""")
_NUMBERS = _names("""
    auth-token-ttl backend-batch-limit bcrypt-cost bootstrap-defrag-threshold-megabytes
    compaction-batch-limit distributed-tracing-sampling-rate election-timeout heartbeat-interval
    max-concurrent-streams max-learners max-request-bytes max-snapshots max-txn-ops max-wals
    quota-backend-bytes self-signed-cert-validity snapshot-catchup-entries snapshot-count
""")
_SWITCHES = _names("""
    enable-distributed-tracing enable-grpc-gateway enable-log-rotation enable-pprof
    force-new-cluster initial-election-tick-advance memory-mlock pre-vote strict-reconfig-check
    unsafe-no-fsync
""")
_TIMES = _names("""
    backend-batch-interval compact-hash-check-time compaction-sleep-interval corrupt-check-time
    downgrade-check-time grpc-keepalive-interval grpc-keepalive-min-time grpc-keepalive-timeout
    warning-apply-duration warning-unary-request-duration watch-progress-notify-interval
""")
_LISTS = frozenset({"cipher-suites", "log-outputs"})
_CLIENT, _PEER, _SOCKET = "client-transport-security", "peer-transport-security", "socket-options"
_BOTH = (
    *("cert-file", "key-file", "client-cert-file", "client-key-file"),
    *("client-cert-auth", "trusted-ca-file", "auto-tls"),
)
# Option -> section and name in it.
_SECTIONS: Mapping[str, tuple[str, str]] = {
    **{name: (_CLIENT, name) for name in _BOTH},
    **{f"peer-{name}": (_PEER, name) for name in (*_BOTH, "skip-client-san-verification")},
    "client-cert-allowed-hostname": (_CLIENT, "allowed-hostname"),
    "peer-cert-allowed-hostname": (_PEER, "allowed-hostname"),
    "peer-cert-allowed-cn": (_PEER, "allowed-cn"),
    "socket-reuse-port": (_SOCKET, "reuse-port"),
    "socket-reuse-address": (_SOCKET, "reuse-address"),
}
KNOWN = _TEXTS | _NUMBERS | _SWITCHES | _TIMES | _LISTS | _SECTIONS.keys()
_SECTION_SWITCHES = frozenset(
    {"client-cert-auth", "auto-tls", "skip-client-san-verification", "reuse-port", "reuse-address"}
)
_SECTION_LISTS = frozenset({"allowed-hostname", "allowed-cn"})
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}


def options_of(words: Iterable[str]) -> dict[str, str]:
    """Name and value of each word, such as ``--name=x``; a word without a value is a switch."""
    options = {}
    for word in words:
        name, separator, value = re.sub("^--?", "", word).partition("=")
        options[name] = value if separator else "true"
    return options


def document(options: Mapping[str, str]) -> dict[str, Any]:
    """The configuration file for these options.

    Raises EtcdRequestError that names every option which the file cannot have, and every value
    that is not of its option's kind.
    """
    found: dict[str, Any] = {}
    problems = []
    for name, text in options.items():
        section, key = _SECTIONS.get(name, ("", name))
        try:
            value = _value(key, text, in_section=bool(section))
        except (ValueError, KeyError) as error:
            problems.append(f"--{name}={text}: {error.args[0]}")
            continue
        if section:
            found.setdefault(section, {})[key] = value
        else:
            found[key] = value
    if problems:
        said = "; ".join(problems)
        raise EtcdRequestError(f"{said}. Correct or remove it (proxy.etcd.extraArgs)")
    return found


def _value(name: str, text: str, *, in_section: bool) -> Any:
    if name in (_SECTION_SWITCHES if in_section else _SWITCHES):
        if text not in {"true", "false"}:
            raise ValueError("is neither true nor false")
        return text == "true"
    if name in (_SECTION_LISTS if in_section else _LISTS):
        return text.split(",")
    if name in _NUMBERS:
        if not re.fullmatch(r"-?\d+", text):
            raise ValueError("is no number")
        return int(text)
    if name in _TIMES:
        return _nanoseconds(text)
    if in_section or name in _TEXTS:
        return text
    raise KeyError("etcd's configuration file has no such option")


def _nanoseconds(text: str) -> int:
    """A time as Go writes it: 100ms, 1m30s, 1.5h."""
    unit = r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)"
    if text == "0":
        return 0
    if not re.fullmatch(f"(?:{unit})+", text):
        raise ValueError("is no time such as 5s")
    return round(sum(float(count) * _NANOSECONDS[u] for count, u in re.findall(unit, text)))
