"""etcd's options as its configuration file has them; the real etcd reads them in conformance."""

from __future__ import annotations

import pytest

from jupyterhub_ha.errors import EtcdRequestError
from jupyterhub_ha.etcd_options import document, options_of


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("--name=proxy-etcd-0", {"name": "proxy-etcd-0"}),
        ("--quota-backend-bytes=536870912", {"quota-backend-bytes": 536870912}),
        ("--enable-pprof", {"enable-pprof": True}),
        ("--strict-reconfig-check=false", {"strict-reconfig-check": False}),
        ("--grpc-keepalive-min-time=5s", {"grpc-keepalive-min-time": 5_000_000_000}),
        ("--corrupt-check-time=1h30m", {"corrupt-check-time": 5400 * 10**9}),
        ("--backend-batch-interval=1.5ms", {"backend-batch-interval": 1_500_000}),
        ("--watch-progress-notify-interval=0", {"watch-progress-notify-interval": 0}),
        ("--log-outputs=stderr,/var/log/x", {"log-outputs": ["stderr", "/var/log/x"]}),
        # A text stays one, whatever it looks like.
        ("--auto-compaction-retention=1000", {"auto-compaction-retention": "1000"}),
        ("--initial-cluster=a=https://x:1,b=https://y:1", {"initial-cluster": "a=https://x:1,b=https://y:1"}),
        ("--cert-file=/x", {"client-transport-security": {"cert-file": "/x"}}),
        ("--client-cert-auth=true", {"client-transport-security": {"client-cert-auth": True}}),
        ("--peer-cert-file=/x", {"peer-transport-security": {"cert-file": "/x"}}),
        ("--peer-client-cert-file=/x", {"peer-transport-security": {"client-cert-file": "/x"}}),
        (
            "--peer-cert-allowed-hostname=a,b",
            {"peer-transport-security": {"allowed-hostname": ["a", "b"]}},
        ),
        ("--socket-reuse-port=true", {"socket-options": {"reuse-port": True}}),
    ],
)  # fmt: skip
def test_an_option_in_the_file(word: str, expected: dict) -> None:
    assert document(options_of([word])) == expected


def test_options_of_one_section_are_together() -> None:
    words = ["--peer-cert-file=/c", "--peer-key-file=/k", "--peer-client-cert-auth=true"]
    section = {"cert-file": "/c", "key-file": "/k", "client-cert-auth": True}
    assert document(options_of(words)) == {"peer-transport-security": section}


def test_every_mistake_is_named_at_once() -> None:
    words = ["--quotta=1", "--max-txn-ops=many", "--pre-vote=yes", "--corrupt-check-time=5"]
    with pytest.raises(EtcdRequestError) as raised:
        document(options_of(words))
    said = str(raised.value)
    assert "--quotta=1: etcd's configuration file has no such option" in said
    assert "--max-txn-ops=many: is no number" in said
    assert "--pre-vote=yes: is neither true nor false" in said
    assert "--corrupt-check-time=5: is no time" in said
    assert "proxy.etcd.extraArgs" in said


def test_what_only_the_command_line_has_is_refused() -> None:
    with pytest.raises(EtcdRequestError, match="no such option"):
        document({"discovery-endpoints": "https://x"})
