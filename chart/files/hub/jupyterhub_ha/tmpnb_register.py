"""Who of the hub's users are temporary, and what is known of their servers.

Kept in JupyterHub's own database, so that it survives the hub: the groups `tmpnb-pool` and
`tmpnb-claimed` say whose a server is, `user_options` of the server (which a temporary user has no
other use for) its spec and who took it when. A copy in memory answers; every change is made here,
in one process and without waiting in between, so the two agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC
from ipaddress import ip_address
from typing import Any, Final

from jupyterhub import orm

from .hub_database import reach_disk
from .tmpnb_names import is_temporary
from .tmpnb_pool import Phase, Server

POOL: Final = "tmpnb-pool"
CLAIMED: Final = "tmpnb-claimed"
_KEY: Final = "tmpnb"


@dataclass(slots=True)
class Notes:
    """What the database keeps of one server beside its groups."""

    spec: str = ""
    """Empty: of an old one, whatever that was."""
    taken: float | None = None
    ticket: str = ""
    """Of the visitor who took it: whoever asks again with it gets the same server."""


@dataclass(slots=True)
class _Record:
    user: int
    notes: Notes
    launching: bool = False
    dead: bool = False


class Register:
    """The temporary users of one hub; `app` is JupyterHub's application."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._records: dict[str, _Record] = {}
        self._tickets: dict[str, str] = {}

    # -- users come and go

    def load(self) -> None:
        """Take over what the database has; servers that run are adopted as they are."""
        self._records.clear()
        self._tickets.clear()
        claimed = {user.id for user in self._group(CLAIMED).users}
        for orm_user in self._app.db.query(orm.User):
            if not is_temporary(orm_user.name):
                continue
            # A hub that was killed between a user and its group finds it here.
            self.added(orm_user)
            notes = _notes(orm_user)
            if orm_user.id not in claimed:
                notes.taken = None
            elif notes.taken is None:  # moved by hand: the best that is known
                notes.taken = orm_user.created.replace(tzinfo=UTC).timestamp()
            self._remember(orm_user, notes)

    def added(self, user: Any) -> None:
        """A user has been added: one of ours belongs to the pool."""
        orm_user = getattr(user, "orm_user", user)
        if is_temporary(orm_user.name) and not orm_user.groups:
            orm_user.groups.append(self._group(POOL))
            self._commit()

    def launch(self, name: str, spec: str) -> None:
        """A server is being started for a user that was just added."""
        orm_user = orm.User.find(self._app.db, name)
        self._remember(orm_user, Notes(spec))
        self._records[name].launching = True

    def launched(self, name: str) -> None:
        """The server is ready: from here on its spec survives the hub."""
        record = self._records[name]
        record.launching = False
        self._write(record)
        self._commit()

    def failed(self, name: str) -> None:
        """The server did not start; what is left of it is to be ended."""
        if name in self._records:
            self._records[name].launching = False

    def forget(self, name: str) -> None:
        """The user is deleted."""
        record = self._records.pop(name, None)
        if record is not None and self._tickets.get(record.notes.ticket) == name:
            del self._tickets[record.notes.ticket]

    # -- what there is

    def servers(self) -> list[Server]:
        """All of them, as they are now. A user that somebody else has deleted is forgotten."""
        for name in [n for n, record in self._records.items() if record.user not in self._users]:
            self.forget(name)
        return [self._server(name, record) for name, record in self._records.items()]

    def server(self, name: str) -> Server | None:
        """One of them, None for any other user."""
        record = self._records.get(name)
        if record is None or record.user not in self._users:
            return None
        return self._server(name, record)

    def user(self, name: str) -> Any:
        """JupyterHub's object; KeyError when there is none."""
        return self._users[self._records[name].user]

    def runs_at(self, address: str) -> bool:
        """Whether a user's server has this address for itself, as pods have."""
        if not address or ip_address(address).is_loopback:
            return False  # what connects from there may be our own proxy
        servers = self._app.db.query(orm.Server)
        return servers.filter(orm.Server.ip == address).first() is not None

    def of_ticket(self, ticket: str) -> Server | None:
        """The running server that this ticket has taken before."""
        server = self.server(self._tickets.get(ticket, ""))
        return server if server and server.usable else None

    def taken(self) -> Iterator[float]:
        """When each of the visitors' servers was taken."""
        return (r.notes.taken for r in self._records.values() if r.notes.taken is not None)

    # -- what changes

    def take(self, name: str, ticket: str, now: float) -> None:
        """Give a server of the pool to a visitor, for good. The disk has it when this returns.

        Nothing is awaited between the caller's look and this commit, so nobody gets it twice.
        """
        record = self._records[name]
        if record.notes.taken is not None:
            raise RuntimeError(f"{name} is taken already")
        orm_user = self._users[record.user].orm_user
        orm_user.groups.append(self._group(CLAIMED))
        orm_user.groups.remove(self._group(POOL))
        record.notes.taken, record.notes.ticket = now, ticket
        try:
            self._write(record)
            self._commit()
        except Exception:
            record.notes.taken, record.notes.ticket = None, ""
            raise
        self._tickets[ticket] = name
        reach_disk(self._app.db)

    def give_back(self, name: str) -> bool:
        """Nobody has seen it yet: it belongs to the pool again. False if there is none any more."""
        record = self._records.get(name)
        if record is None or record.user not in self._users:
            return False
        if self._tickets.get(record.notes.ticket) == name:
            del self._tickets[record.notes.ticket]
        orm_user = self._users[record.user].orm_user
        orm_user.groups.append(self._group(POOL))
        orm_user.groups.remove(self._group(CLAIMED))
        record.notes.taken, record.notes.ticket = None, ""
        self._write(record)
        self._commit()
        return True

    def condemn(self, name: str) -> None:
        """It does not answer: nobody gets it any more."""
        if name in self._records:
            self._records[name].dead = True

    def make_old(self) -> int:
        """Let all servers of the pool count as of an old spec; returns how many."""
        pool = [r for r in self._records.values() if r.notes.taken is None]
        for record in pool:
            record.notes.spec = ""
            self._write(record)
        self._commit()
        return len(pool)

    # -- JupyterHub's side

    @property
    def _users(self) -> Any:
        return self._app.users

    def _server(self, name: str, record: _Record) -> Server:
        notes = record.notes
        return Server(name, self._phase(record), notes.spec, notes.taken, record.dead)

    def _phase(self, record: _Record) -> Phase:
        spawner = self._users[record.user].spawner
        if spawner.pending == "stop":
            return Phase.ENDING
        # A hub that has just started looks at each server first.
        if spawner.pending or record.launching:
            return Phase.STARTING
        return Phase.READY if spawner.ready else Phase.STOPPED

    def _remember(self, orm_user: Any, notes: Notes) -> None:
        user = self._users.add(orm_user)
        self._records[orm_user.name] = _Record(user.id, notes)
        if notes.ticket:
            self._tickets[notes.ticket] = orm_user.name

    def _write(self, record: _Record) -> None:
        spawner = self._users[record.user].spawner.orm_spawner
        spawner.user_options = {_KEY: asdict(record.notes)}

    def _group(self, name: str) -> Any:
        group = orm.Group.find(self._app.db, name)
        if group is None:
            group = orm.Group(name=name)
            self._app.db.add(group)
            self._commit()
        return group

    def _commit(self) -> None:
        try:
            self._app.db.commit()
        except Exception:
            self._app.db.rollback()
            raise


def _notes(orm_user: Any) -> Notes:
    spawner = orm_user.orm_spawners.get("")
    kept = ((spawner.user_options if spawner else None) or {}).get(_KEY, {})
    try:
        return Notes(**kept)
    except TypeError:  # written by another version
        return Notes(taken=kept.get("taken"), ticket=kept.get("ticket", ""))
