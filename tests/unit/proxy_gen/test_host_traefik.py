"""The documents of a host, from the chart's: only addresses, ports and paths differ."""

import copy
from pathlib import Path

import pytest

from proxy_gen.host_layout import Ports
from proxy_gen.host_traefik import (
    dynamic_document,
    etcd_arguments,
    etcd_words,
    map_strings,
    mover,
    static_document,
)

PORTS = Ports(
    public=8000, dashboard=9000, hub=8081, replicas=(8101, 8102), etcd=((1, 2, 3), (4, 5, 6))
)
CHART = {
    "entryPoints": {
        "http": {"address": ":8000", "transport": {"respondingTimeouts": {"readTimeout": 0}}},
        "internal": {"address": ":8080"},
        "dashboard": {"address": ":9000"},
    },
    "providers": {
        "providersThrottleDuration": "50ms",
        "file": {"filename": "/etc/traefik/dynamic.toml"},
        "etcd": {
            "endpoints": ["proxy-etcd-0.proxy-etcd:2379"],
            "rootKey": "traefik",
            "tls": {"ca": "/etc/traefik/etcd/ca.crt"},
        },
    },
}


def static(replica: int = 0, host: str = "127.0.0.1") -> dict:
    return static_document(
        CHART,
        replica=replica,
        ports=PORTS,
        host=host,
        dynamic=Path("/state/dynamic.toml"),
        move=mover(["/etc/traefik"], Path("/state/proxy")),
    )


def test_replicas_share_the_public_port_and_have_their_own_internal_one() -> None:
    first, second = static(0), static(1)
    assert first["entryPoints"]["http"]["address"] == "127.0.0.1:8000"
    assert first["entryPoints"]["http"]["reusePort"] is True
    dashboard = first["entryPoints"]["dashboard"]
    assert (dashboard["address"], dashboard["reusePort"]) == ("127.0.0.1:9000", True)
    internal = [d["entryPoints"]["internal"]["address"] for d in (first, second)]
    assert internal == ["127.0.0.1:8101", "127.0.0.1:8102"]


def test_everything_else_is_the_charts() -> None:
    before = copy.deepcopy(CHART)
    document = static()
    assert before == CHART, "the chart's document was changed"
    transport = document["entryPoints"]["http"]["transport"]
    assert transport["respondingTimeouts"] == {"readTimeout": 0}
    assert document["providers"]["providersThrottleDuration"] == "50ms"
    assert document["providers"]["etcd"]["rootKey"] == "traefik"


def test_etcd_and_its_certificates_are_found_here() -> None:
    etcd = static()["providers"]["etcd"]
    assert etcd["endpoints"] == ["127.0.0.1:1", "127.0.0.1:4"]
    assert etcd["tls"]["ca"] == "/state/proxy/etc/traefik/etcd/ca.crt"


def test_a_stopping_replica_closes_its_socket_at_once() -> None:
    for point in static()["entryPoints"].values():
        assert point["transport"]["lifeCycle"]["requestAcceptGraceTimeout"] == "0s"


def test_an_ipv6_address_is_bracketed() -> None:
    assert static(host="::1")["entryPoints"]["http"]["address"] == "[::1]:8000"


def test_the_fallback_goes_to_the_hub_here() -> None:
    chart = {
        "http": {
            "services": {"hub": {"loadBalancer": {"servers": [{"url": "http://hub:8081"}]}}},
            "middlewares": {"api": {"basicAuth": {"usersFile": "/etc/traefik/users/hub"}}},
        }
    }
    document = dynamic_document(
        chart, hub_port=18081, move=mover(["/etc/traefik"], Path("/state/proxy"))
    )
    servers = document["http"]["services"]["hub"]["loadBalancer"]["servers"]
    assert servers == [{"url": "http://127.0.0.1:18081"}]
    users = document["http"]["middlewares"]["api"]["basicAuth"]["usersFile"]
    assert users == "/state/proxy/etc/traefik/users/hub"


def test_etcds_options_are_found_beside_other_init_containers() -> None:
    member = {"name": "member", "args": ["--config-file=/f", "--", "--name=x", "--pre-vote"]}
    pod = {"initContainers": [{"name": "mine"}, member], "containers": [{"name": "etcd"}]}
    assert etcd_arguments({"spec": {"template": {"spec": pod}}}) == ["--name=x", "--pre-vote"]


def test_etcd_keeps_the_charts_flags_and_gets_this_hosts_addresses() -> None:
    words = etcd_words(
        "/bin/etcd",
        ["--name=$(POD_NAME)", "--quota-backend-bytes=100", "--cert-file=/etc/etcd/tls.crt", "--x"],
        member=1,
        ports=PORTS,
        data=Path("/state/etcd"),
        move=mover(["/etc/etcd"], Path("/state/pods")),
    )
    assert words[0] == "/bin/etcd"
    flags = dict(word.removeprefix("--").split("=", 1) for word in words[1:])
    assert flags["name"] == "member-1"
    assert flags["x"] == "true"
    assert flags["quota-backend-bytes"] == "100"
    assert flags["cert-file"] == "/state/pods/etc/etcd/tls.crt"
    assert flags["listen-client-urls"] == "https://127.0.0.1:4"
    assert flags["initial-cluster"] == "member-0=https://127.0.0.1:2,member-1=https://127.0.0.1:5"


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("/etc/traefik/a", "/root/etc/traefik/a"),
        ("/etc/traefik", "/root/etc/traefik"),
        ("/etc/traefik2/a", "/etc/traefik2/a"),
        ("etc/traefik/a", "etc/traefik/a"),
        ("PathPrefix(`/etc/traefik`)", "PathPrefix(`/etc/traefik`)"),
        ("--ca-file=/etc/traefik/ca.crt", "--ca-file=/root/etc/traefik/ca.crt"),
        ("--name=x", "--name=x"),
        ("", ""),
    ],
)
def test_only_paths_in_a_mount_move(text: str, moved: str) -> None:
    assert mover(["/etc/traefik"], Path("/root"))(text) == moved


def test_map_strings_leaves_keys_and_other_types() -> None:
    assert map_strings({"a": ["b", 1, None, True], "c": {"d": "e"}}, str.upper) == {
        "a": ["B", 1, None, True],
        "c": {"d": "E"},
    }
