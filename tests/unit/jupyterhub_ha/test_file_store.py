"""A routing table in two files."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from jupyterhub_ha.committer import Committer
from jupyterhub_ha.errors import FileStoreError
from jupyterhub_ha.file_store import FileStore
from jupyterhub_ha.replicas import Replicas
from jupyterhub_ha.routes import Route
from jupyterhub_ha.rules_document import RulesDocument
from jupyterhub_ha.table import Delete, Layout, Put, Table

RULE = "traefik/http/routers/r/rule"
RECORD = "jupyterhub-ha/routes/r"
MARKER = Layout().marker_key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dynamic").mkdir()
    return tmp_path


def store_in(folder: Path) -> FileStore:
    return FileStore(folder / "dynamic" / "rules.toml", folder / "routes.json", Layout())


def committer_in(folder: Path) -> Committer:
    replicas = Replicas([], "unused")
    return Committer(Table(Layout()), store_in(folder), replicas, commit_timeout=20)


async def add(committer: Committer, *names: str) -> None:
    one = [
        committer.submit(f"/user/{n}/", Route(f"/user/{n}/", "http://x:1", {"user": n}))
        for n in names
    ]
    await asyncio.gather(*one)


async def test_what_is_written_is_read_by_another(folder: Path) -> None:
    store = store_in(folder)
    empty = await store.read(timeout=60)
    assert (dict(empty.pairs), empty.generation) == ({}, None)
    assert await store.write([Put(RULE, "x"), Put(RECORD, '{"a":1}')], 41, timeout=60)
    assert await store.write([Put(RULE, "y")], 42, timeout=60)
    found = await store_in(folder).read(timeout=60)
    assert found.pairs == {RULE: "y", RECORD: '{"a":1}', MARKER: "42"}
    assert found.generation == 42
    assert await store.write([Delete(RULE), Delete(RECORD)], 43, timeout=60)
    assert (await store_in(folder).read(timeout=60)).pairs == {MARKER: "43"}


async def test_the_state_is_for_the_hub_only_and_nothing_else_is_in_traefik_s_folder(
    folder: Path,
) -> None:
    old = os.umask(0)
    try:
        store = store_in(folder)
        await store.read(timeout=60)
        await store.write([Put(RULE, "x"), Put(RECORD, "{}")], 1, timeout=60)
    finally:
        os.umask(old)
    assert stat.S_IMODE(store.state.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.rules.stat().st_mode) == 0o640
    assert [file.name for file in store.rules.parent.iterdir()] == ["rules.toml"]


async def test_the_state_is_not_written_for_rules_alone(folder: Path) -> None:
    store = store_in(folder)
    await store.read(timeout=60)
    await store.write([Put(RECORD, "{}")], 1, timeout=60)
    before = store.state.stat().st_ino
    await store.write([Put(RULE, "x")], 2, timeout=60)
    assert store.state.stat().st_ino == before


async def test_another_writer_is_noticed(folder: Path) -> None:
    one, two = store_in(folder), store_in(folder)
    await one.read(timeout=60)
    await one.write([Put(RULE, "one")], 1, timeout=60)
    await two.read(timeout=60)
    assert await two.write([Put(RULE, "two")], 2, timeout=60)
    assert await one.changed()
    assert not await two.changed()
    assert not await one.write([Put(RULE, "one")], 2, timeout=60)
    assert (await one.read(timeout=60)).pairs[RULE] == "two"
    assert await one.write([Put(RULE, "one")], 3, timeout=60)


@pytest.mark.parametrize("which", ["rules", "state"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text(path.read_text()[:-20]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff\xfe"),
        lambda path: path.write_text(path.read_text().replace("x:1", "wrong:1")),
    ],
    ids=["removed", "cut", "empty", "binary", "edited"],
)
async def test_a_damaged_file_is_repaired_while_the_hub_runs(folder, which, damage) -> None:
    committer = committer_in(folder)
    await committer.adopt(60)
    await add(committer, "ada", "bob")
    path: Path = getattr(committer.store, which)
    healthy = sorted(RulesDocument("traefik/http/", committer.store.rules.read_text()).pairs())
    damage(path)
    assert await committer.store.changed()
    await committer.check()
    assert not await committer.store.changed()
    again = RulesDocument("traefik/http/", committer.store.rules.read_text()).pairs()
    assert sorted(again) == healthy
    assert "http://x:1" in again.values()
    assert "http://wrong:1" not in again.values()
    restarted = committer_in(folder)
    await restarted.adopt(60)
    assert restarted.table.routes == committer.table.routes


async def test_a_broken_state_is_kept_and_the_one_before_it_used(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    committer = committer_in(folder)
    await committer.adopt(60)
    await add(committer, "ada")
    await add(committer, "bob")
    committer.store.state.write_text("{")
    restarted = committer_in(folder)
    with caplog.at_level(logging.ERROR):
        await restarted.adopt(60)
    assert set(restarted.table.routes) == {"/user/ada/"}
    assert "routes.json cannot be read" in caplog.text
    assert "using the one before it" in caplog.text
    assert [name for name in os.listdir(folder) if "routes.json.broken-" in name]
    json.loads(committer.store.state.read_text())


async def test_there_is_a_previous_state_at_every_moment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the hub does to its files, before and after it: it may be killed between."""
    store = store_in(folder)
    previous = folder / "routes.json.previous"
    await store.read(timeout=60)
    await store.write([Put(RECORD, '{"a":1}')], 1, timeout=60)
    assert not previous.exists()
    await store.write([Put(RECORD, '{"a":2}')], 2, timeout=60)
    seen = []

    def watched(name: str) -> None:
        real = getattr(os, name)

        def call(*args: object, **options: object) -> object:
            seen.append((name, "before", previous.exists()))
            result = real(*args, **options)
            seen.append((name, "after", previous.exists()))
            return result

        monkeypatch.setattr(os, name, call)

    for name in ("link", "unlink", "replace", "rename"):
        watched(name)
    await store.write([Put(RECORD, '{"a":3}')], 3, timeout=60)
    monkeypatch.undo()
    assert {name for name, _, _ in seen} >= {"link", "replace"}
    assert [moment for moment in seen if not moment[2]] == []
    assert '"a":2' in previous.read_text()
    assert not [name for name in os.listdir(folder) if name.startswith(".")]


async def test_what_a_kill_left_of_the_previous_state_is_removed(folder: Path) -> None:
    store = store_in(folder)
    await store.read(timeout=60)
    await store.write([Put(RECORD, '{"a":1}')], 1, timeout=60)
    left = folder / ".routes.json.previous.new"
    os.link(store.state, left)
    next_one = store_in(folder)
    assert (await next_one.read(timeout=60)).pairs[RECORD] == '{"a":1}'
    assert not left.exists()


async def test_a_link_that_was_made_before_a_failed_write_is_no_hindrance(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state and the one before it are one file then."""
    store = store_in(folder)
    await store.read(timeout=60)
    await store.write([Put(RECORD, '{"a":1}')], 1, timeout=60)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr("jupyterhub_ha.atomic_file.os.fsync", full)
            with pytest.raises(FileStoreError, match="No space left"):
                await store.write([Put(RECORD, '{"a":2}')], 2, timeout=60)
        assert store.state.stat().st_ino == (folder / "routes.json.previous").stat().st_ino
        assert not [name for name in os.listdir(folder) if name.startswith(".")]
        await store.read(timeout=60)
    await store.write([Put(RECORD, '{"a":2}')], 2, timeout=60)
    assert '"a":1' in (folder / "routes.json.previous").read_text()


async def test_a_state_of_a_later_version_is_refused(folder: Path) -> None:
    committer = committer_in(folder)
    await committer.adopt(60)
    await add(committer, "ada")
    state = committer.store.state
    state.write_text(state.read_text().replace('"version":1', '"version":2'))
    before = state.read_text(), committer.store.rules.read_text()
    with pytest.raises(FileStoreError, match=r"version 2.*move the file away"):
        await committer_in(folder).adopt(60)
    assert (state.read_text(), committer.store.rules.read_text()) == before


async def test_adoption_writes_nothing_when_all_is_right(folder: Path) -> None:
    committer = committer_in(folder)
    await committer.adopt(60)
    await add(committer, *(f"student{i:03}" for i in range(100)))
    before = committer.store.rules.stat().st_ino, committer.store.state.stat().st_ino
    restarted = committer_in(folder)
    await restarted.adopt(60)
    assert restarted.table.routes == committer.table.routes
    assert restarted.generation == committer.generation
    assert (restarted.store.rules.stat().st_ino, restarted.store.state.stat().st_ino) == before


async def test_many_at_once_are_one_write(folder: Path) -> None:
    committer = committer_in(folder)
    await committer.adopt(60)
    before = committer.generation
    await add(committer, *(f"u{i}" for i in range(500)))
    assert committer.generation == before + 1


async def test_a_failed_write_leaves_the_files_and_can_be_repeated(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    committer = committer_in(folder)
    await committer.adopt(60)
    await add(committer, "ada")
    before = committer.store.rules.read_text()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("jupyterhub_ha.atomic_file.os.fsync", full)
        with pytest.raises(FileStoreError, match="No space left"):
            await add(committer, "bob")
    assert committer.store.rules.read_text() == before
    assert set(committer.table.routes) == {"/user/ada/"}
    assert not [name for name in os.listdir(folder) if name.startswith(".")]
    await add(committer, "bob")
    assert "bob" in committer.store.rules.read_text()


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    await store.read(timeout=60)
    with pytest.raises(FileStoreError, match=r"rules\.toml cannot be written: No such file"):
        await store.write([Put(RULE, "x")], 1, timeout=60)


async def test_files_on_two_file_systems_are_refused_with_the_cure(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    store = store_in(folder)
    await store.read(timeout=60)
    monkeypatch.setattr("jupyterhub_ha.atomic_file.os.replace", other)
    with pytest.raises(FileStoreError, match="put both on one"):
        await store.write([Put(RULE, "x")], 1, timeout=60)


WRITER = """
import asyncio, sys
from pathlib import Path
from jupyterhub_ha.committer import Committer
from jupyterhub_ha.file_store import FileStore
from jupyterhub_ha.replicas import Replicas
from jupyterhub_ha.routes import Route
from jupyterhub_ha.table import Layout, Table

async def main(folder):
    store = FileStore(folder / "dynamic" / "rules.toml", folder / "routes.json", Layout())
    committer = Committer(Table(Layout()), store, Replicas([], "unused"))
    await committer.adopt(60)
    for number in range(100_000):
        name = f"/user/u{number % 200:03}/"
        route = Route(name, "http://x:1", {"n": "x" * 99})
        await committer.submit(name, None if name in committer.table.routes else route)
        print(number, flush=True)

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_killed_hub_leaves_whole_files(folder: Path) -> None:
    """Killed in the middle of writes, again and again: a reader finds whole documents only."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for turn, changes in enumerate((1, 20, 33, 46, 59, 72, 85)):
        command = [sys.executable, "-c", textwrap.dedent(WRITER), str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            for _ in range(changes):
                assert process.stdout.readline()
            time.sleep(0.003 * turn)
            process.send_signal(signal.SIGKILL)
        rules = RulesDocument("traefik/http/", (folder / "dynamic" / "rules.toml").read_text())
        assert rules.pairs()[MARKER].isdigit()
        json.loads((folder / "routes.json").read_text())
        assert asyncio.run(differences(folder)) == []
        assert os.listdir(folder / "dynamic") == ["rules.toml"]
        rest = set(os.listdir(folder)) - {"dynamic", "routes.json", "routes.json.lock"}
        # The first change has none before it; whether there was a second one, nobody knows.
        assert rest == {"routes.json.previous"} or (changes == 1 and not rest)


async def differences(folder: Path) -> list[object]:
    """What the next hub finds to do after it adopted the table."""
    committer = committer_in(folder)
    await committer.adopt(10)
    return [*committer.table.difference()]
