"""The launcher: the oldest socket gets every connection, and the program gets the sockets."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.support.ports import free_port

from jupyterhub_ha import shared_port
from jupyterhub_ha.shared_port import addresses, count, lead, listen, main, wait

SHOW = (
    "import os, socket; print(os.environ['LISTEN_FDS'], os.environ['LISTEN_FDNAMES'],"
    " os.environ['LISTEN_PID'] == str(os.getpid()),"
    " *(socket.socket(fileno=n).getsockname()[1] for n in (3, 4)))"
)


@contextmanager
def replicas(count: int) -> Iterator[tuple[int, list[socket.socket]]]:
    port = free_port()
    listeners = [listen(f"127.0.0.1:{port}") for _ in range(count)]
    for listener in listeners:
        listener.setblocking(False)
    try:
        yield port, listeners
    finally:
        for listener in listeners:
            listener.close()


def accepted(listeners: list[socket.socket]) -> list[int]:
    """How many connections wait at each socket; they are taken from it."""
    counts = []
    for listener in listeners:
        count = 0
        while True:
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                break
            count += 1
        counts.append(count)
    return counts


def connect(port: int, times: int = 40) -> None:
    for _ in range(times):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_every_connection_goes_to_the_oldest() -> None:
    with replicas(3) as (port, listeners):
        connect(port)
        assert accepted(listeners) == [40, 0, 0]


def test_one_that_starts_again_gets_nothing_before_the_other_is_gone() -> None:
    with replicas(2) as (port, (first, second)):
        first.close()
        with listen(f"127.0.0.1:{port}") as again:
            again.setblocking(False)
            connect(port)
            assert accepted([second, again]) == [40, 0]
            second.close()
            connect(port)
            assert accepted([again]) == [40]


def test_the_newest_leads_when_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_port, "SETTLE_SECONDS", 0)
    with replicas(3) as (port, listeners):
        assert main(["lead", f"http=127.0.0.1:{port}"]) == 0
        connect(port)
        assert accepted(listeners) == [0, 0, 40]
    assert capsys.readouterr().err == ""


def test_restarted_one_after_the_other_only_those_stop_that_get_no_connections() -> None:
    with replicas(2) as (port, [first, second]):
        address = f"127.0.0.1:{port}"
        lead(address)
        first.close()
        with listen(address) as third:
            third.setblocking(False)
            connect(port)
            assert accepted([second, third]) == [40, 0], "it is not ready yet"
            lead(address)
            connect(port)
            assert accepted([second, third]) == [0, 40]
            second.close()
            connect(port)
            assert accepted([third]) == [40]


def test_the_loss_of_the_leader_leaves_the_others() -> None:
    with replicas(3) as (port, listeners):
        lead(f"127.0.0.1:{port}")
        listeners[2].close()
        connect(port)
        assert sum(accepted(listeners[:2])) == 40


@pytest.mark.parametrize("host", ["", "[::]", "127.0.0.1", "[::1]"])
def test_the_listeners_at_an_address_are_counted(host: str) -> None:
    address = f"{host}:{free_port()}"
    with listen(address), listen(address), shared_port._bound(address) as third:
        assert shared_port._listening_at(third) == 2


@pytest.mark.parametrize("host", ["", "[::1]", "127.0.0.1"])
def test_addresses_as_traefik_writes_them(host: str) -> None:
    port = free_port()
    with listen(f"{host}:{port}") as listener:
        assert listener.getsockname()[1] == port
        if host != "[::1]":
            connect(port, 1)


def test_a_kernel_that_cannot_choose_is_told_and_no_obstacle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shared_port, "_ATTACH_REUSEPORT_CBPF", 9999)
    with replicas(1) as (port, listeners):
        connect(port, 1)
        assert accepted(listeners) == [1]
        with pytest.raises(OSError, match="not available"):
            lead(f"127.0.0.1:{port}")
        assert main(["lead", f"http=127.0.0.1:{port}"]) == 0
    said = capsys.readouterr().err
    assert "replicas that start get users at once" in said
    assert "replicas that stop still get users" in said


def test_the_addresses_of_a_configuration_are_those_that_are_shared() -> None:
    points = {
        "http": {"address": ":8000", "reusePort": True},
        "https": {"address": "[::1]:8443/tcp", "reusePort": True},
        "quic": {"address": ":8443/udp", "reusePort": True},
        "internal": {"address": "127.0.0.1:8081"},
    }
    assert addresses({"entryPoints": points}) == {"http": ":8000", "https": "[::1]:8443"}
    assert addresses({}) == {}


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:http", "127.0.0.1:65536"])
def test_what_is_no_address_is_an_error(address: str) -> None:
    with pytest.raises(OSError, match="is no port"):
        count(address)


def test_an_address_that_another_program_has_is_left_to_the_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken, free = server.getsockname()[1], free_port()
        show = "import os; print(os.environ['LISTEN_FDS'], os.environ['LISTEN_FDNAMES'])"
        program = [sys.executable, "-c", show]
        ports = [f"http=127.0.0.1:{taken}", f"dashboard=127.0.0.1:{free}"]
        done = subprocess.run(
            [sys.executable, shared_port.__file__, "open", *ports, "--", *program],
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
    assert done.stdout == "1 dashboard\n"
    assert f"http=127.0.0.1:{taken} is left to the program" in done.stderr


def test_the_program_finds_the_sockets_as_from_systemd() -> None:
    one, two = free_port(), free_port()
    ports = [f"http=127.0.0.1:{one}", f"dashboard=127.0.0.1:{two}"]
    program = [sys.executable, "-c", SHOW]
    done = subprocess.run(
        [sys.executable, shared_port.__file__, "open", *ports, "--", *program],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert done.stdout == f"2 http:dashboard True {one} {two}\n"


@pytest.mark.parametrize("words", [[], ["open"], ["open", "--", "x"], ["open", "a=:1", "--"]])
def test_words_that_mean_nothing_show_the_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert "open http=0.0.0.0:8000" in capsys.readouterr().err


def test_waiting_ends() -> None:
    assert not wait(f"http://127.0.0.1:{free_port()}/", 0.1)
    assert main(["wait", f"http://127.0.0.1:{free_port()}/", "0"]) == 1


def test_it_needs_nothing_but_the_standard_library() -> None:
    code = f"import runpy, sys; runpy.run_path({shared_port.__file__!r}); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True,
        env={"PATH": os.defpath},
    )  # fmt: skip
    assert not {"click", "yaml", "jupyterhub_ha"} & set(done.stdout.split())
