"""What the register of temporary servers reads from the hub's database."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from jupyterhub import orm

from jupyterhub_ha.tmpnb_register import Register


@pytest.fixture
def register() -> Iterator[Register]:
    session = orm.new_session_factory("sqlite:///:memory:")()
    for ip in ("10.1.2.3", "127.64.0.7", "2001:db8::7"):
        session.add(orm.Server(proto="http", ip=ip, port=8888, base_url="/user/a/"))
    session.commit()
    yield Register(SimpleNamespace(db=session))
    session.close()
    session.get_bind().dispose()


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("10.1.2.3", True),
        ("2001:db8::7", True),
        ("10.1.2.4", False),
        # From there our own proxy connects, too.
        ("127.64.0.7", False),
        ("::1", False),
        ("", False),
    ],
)
def test_a_server_with_an_address_for_itself_is_known_by_it(
    register: Register, address: str, known: bool
) -> None:
    assert register.runs_at(address) is known
