"""How a hub of temporary notebooks keeps its own database."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import Engine


def write_ahead() -> None:
    """Let SQLite keep a write-ahead log and wait for the disk at its checkpoints alone.

    A visit is a dozen commits, and in SQLite's default mode the hub stands still at each until the
    disk has all of it. A hub that is killed loses nothing by it, and the database is whole after
    a failure of power, too; what was committed since the last `reach_disk` may then be missing
    (https://www.sqlite.org/wal.html). Nothing changes for other databases, for one in memory, and
    on a file system that cannot have such a log.
    """
    if not event.contains(Engine, "connect", _write_ahead):
        event.listen(Engine, "connect", _write_ahead)


def reach_disk(session: Any) -> None:
    """Return when the disk has all that was committed; other databases than SQLite do that anyway.

    Raises SQLAlchemy's OperationalError when the disk refuses; what was committed stays.
    """
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA wal_checkpoint"))


def _write_ahead(connection: Any, _: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    with contextlib.suppress(sqlite3.OperationalError):
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode == ("wal",):  # in all others, this is what keeps it whole
            connection.execute("PRAGMA synchronous=NORMAL")
