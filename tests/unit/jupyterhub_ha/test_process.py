"""Processes that outlive who started them."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterhub_ha.process import Process, Record

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True);"
    " time.sleep(600)",
]


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    started = Process(tmp_path / "it.pid")
    yield started
    started.kill()
    assert not started.alive or asyncio.run(started.stop(0)) is None


def start(process: Process, command: list[str] = SLEEP) -> None:
    process.start(command, process.pid_file.with_suffix(".log"), port=7, configuration="c")


async def said(process: Process, text: str) -> None:
    async with asyncio.timeout(20):
        while text not in process.pid_file.with_suffix(".log").read_text():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_another_finds_what_one_has_started(process: Process) -> None:
    start(process)
    found = Process(process.pid_file)
    assert found.alive
    assert found.record == process.record
    assert (found.record.port, found.record.configuration) == (7, "c")
    assert os.getsid(found.record.pid) == found.record.pid, "Ctrl-C in the terminal would end it"
    assert stat.S_IMODE(process.pid_file.with_suffix(".log").stat().st_mode) == 0o600
    await process.stop(10)
    assert not process.alive
    assert not found.alive
    assert not process.pid_file.exists()


async def test_what_ignores_sigterm_is_killed(process: Process) -> None:
    start(process, STUBBORN)
    await said(process, "up")
    found = Process(process.pid_file)
    await process.stop(0.2)
    assert not found.alive


def test_the_number_of_an_ended_process_is_not_taken_for_it(process: Process) -> None:
    start(process)
    record = process.record
    assert record is not None
    process.record = Record(record.pid, "another boot 1", 7, "c")
    process.save()
    assert not Process(process.pid_file).alive
    process.record = record


def test_a_process_that_only_waits_to_be_collected_is_not_alive(process: Process) -> None:
    start(process)
    found = Process(process.pid_file)
    assert process.record is not None
    os.kill(process.record.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.record.pid, os.WEXITED | os.WNOWAIT)
    assert not found.alive
    assert not process.alive


def test_it_outlives_who_started_it(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from jupyterhub_ha.process import Process
Process(Path({str(tmp_path / "it.pid")!r})).start(
    {SLEEP!r}, Path({str(tmp_path / "it.log")!r}), port=1, configuration=""
)
import os
os._exit(0)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    found = Process(tmp_path / "it.pid")
    try:
        assert found.alive
    finally:
        found.kill()


@pytest.mark.parametrize("text", ["", "17", "{}", '{"pid": 1}', "[]"])
def test_a_file_that_tells_nothing_is_no_process(tmp_path: Path, text: str) -> None:
    (tmp_path / "it.pid").write_text(text)
    assert Process(tmp_path / "it.pid").record is None
    assert not Process(tmp_path / "it.pid").alive


async def test_the_hub_s_secrets_are_not_passed_on(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFIGPROXY_AUTH_TOKEN", "hush")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    start(process, [sys.executable, "-c", "import os; print(sorted(os.environ), 'end')"])
    await said(process, "end")
    names = process.pid_file.with_suffix(".log").read_text()
    assert "LC_ALL" in names
    assert "PATH" in names
    assert "CONFIGPROXY" not in names


async def test_it_gets_defaults_only_where_the_hub_sets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [sys.executable, "-c", "import os; print(os.environ['GOGC'], end='.', flush=True)"]
    for number, given in enumerate(["", "50"]):
        if given:
            monkeypatch.setenv("GOGC", given)
        log = tmp_path / f"{number}.log"
        process = Process(tmp_path / f"{number}.pid")
        process.start(command, log, port=7, configuration="c", defaults={"GOGC": "400"})
        async with asyncio.timeout(20):
            while not log.read_text().endswith("."):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert log.read_text() == f"{given or 400}."
        await process.stop(5)
