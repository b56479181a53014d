"""hub_database: SQLite's write-ahead log, where there can be one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from jupyterhub_ha import hub_database


@pytest.fixture(autouse=True)
def _for_these_tests_alone() -> Iterator[None]:
    hub_database.write_ahead()
    hub_database.write_ahead()  # once is enough
    yield
    event.remove(Engine, "connect", hub_database._write_ahead)


def settings(url: str) -> tuple[str, int]:
    engine = create_engine(url)
    with engine.connect() as connection:
        mode = connection.execute(text("PRAGMA journal_mode")).scalar_one()
        waits = connection.execute(text("PRAGMA synchronous")).scalar_one()
    engine.dispose()
    return mode, waits


def test_a_file_has_a_log_and_waits_at_checkpoints(tmp_path: Path) -> None:
    assert settings(f"sqlite:///{tmp_path}/hub.sqlite") == ("wal", 1)
    assert settings(f"sqlite:///{tmp_path}/hub.sqlite") == ("wal", 1)


def test_what_reaches_the_disk_is_in_the_file_itself(tmp_path: Path) -> None:
    file = tmp_path / "hub.sqlite"
    engine = create_engine(f"sqlite:///{file}")
    with Session(engine) as session:
        session.execute(text("CREATE TABLE visits (name)"))
        session.execute(text("INSERT INTO visits VALUES ('ada')"))
        session.commit()
        assert b"ada" not in file.read_bytes()
        hub_database.reach_disk(session)
        assert b"ada" in file.read_bytes()
    engine.dispose()


def test_in_memory_nothing_changes() -> None:
    assert settings("sqlite://") == ("memory", 2)


def test_a_file_that_cannot_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "hub.sqlite"
    url = f"sqlite:///file:{file}?mode=ro&uri=true"
    event.remove(Engine, "connect", hub_database._write_ahead)
    with contextlib.closing(create_engine(f"sqlite:///{file}").raw_connection()) as connection:
        connection.cursor().execute("CREATE TABLE some (name)")
    hub_database.write_ahead()
    assert settings(url) == ("delete", 2)
