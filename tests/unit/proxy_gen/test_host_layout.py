"""Ports of a hub on this machine: free, different, and the same again after a restart."""

import socket
import stat
from pathlib import Path

import pytest

from proxy_gen.errors import UsageError
from proxy_gen.host_layout import Layout, Ports, choose_ports


def choose(file: Path, public: int | None = 0, replicas: int = 2, members: int = 3) -> Ports:
    return choose_ports(
        file, host="127.0.0.1", public=public, dashboard=0, replicas=replicas, members=members
    )


def flat(ports: Ports) -> list[int]:
    etcd = [port for member in ports.etcd for port in member]
    return [ports.public, ports.dashboard, ports.hub, *ports.replicas, *etcd]


def test_all_ports_are_different(tmp_path: Path) -> None:
    ports = choose(tmp_path / "ports.json")
    assert len(ports.replicas) == 2
    assert len(ports.etcd) == 3
    assert len(set(flat(ports))) == len(flat(ports)) == 14


def test_a_second_run_has_the_inner_ports_of_the_first(tmp_path: Path) -> None:
    first = choose(tmp_path / "ports.json")
    second = choose(tmp_path / "ports.json")
    assert (second.etcd, second.hub, second.replicas) == (first.etcd, first.hub, first.replicas)


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    first = choose(tmp_path / "ports.json")
    with socket.create_server(("127.0.0.1", first.hub)):
        second = choose(tmp_path / "ports.json")
    assert second.hub != first.hub
    assert second.etcd == first.etcd


def test_a_given_port_is_taken_or_refused_with_the_cure(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"--port {port}: .*give another port, or 0"):
            choose(tmp_path / "ports.json", public=port)
    assert choose(tmp_path / "ports.json", public=port).public == port


def test_an_unreadable_record_of_the_last_run_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("{half")
    assert choose(tmp_path / "ports.json").hub > 0


def test_the_folders_are_for_this_account_only(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "state")
    layout.create()
    (layout.homes / "alice").mkdir()
    (layout.etcd_data / "member-0").mkdir()
    layout.create()
    assert (layout.homes / "alice").is_dir(), "a user's files were lost"
    assert not list(layout.etcd_data.iterdir()), "a member of the last run would not start"
    assert stat.S_IMODE(layout.state.stat().st_mode) == 0o700
    assert layout.homes.is_dir()
    assert layout.logs.is_dir()


def test_chosen_ports_are_not_those_of_outgoing_connections(tmp_path: Path) -> None:
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = flat(choose(tmp_path / "ports.json", replicas=20))
    assert all(10000 <= port < low for port in ports), ports
