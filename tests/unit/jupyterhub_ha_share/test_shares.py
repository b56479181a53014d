"""What is shared, by whom and until when."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from jupyterhub_ha_share import keys
from jupyterhub_ha_share.errors import FullError, NotSharedError, StorageError
from jupyterhub_ha_share.renderer import Rendered
from jupyterhub_ha_share.shares import Limits, Shares
from jupyterhub_ha_share.store import FolderStore

DAY = 86400


class World:
    """Shares in a folder, and a clock."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.now = 1_000_000.0
        self.store = FolderStore(folder)
        self.shares = Shares(self.store, limits or Limits(days=10), lambda: self.now)

    def kept(self) -> set[str]:
        return {key.partition("/")[0] for key, _ in self.store.list("")}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def made(text: str = "a") -> Rendered:
    return Rendered(text.encode(), f"<p>{text}</p>".encode(), text)


def test_what_is_shared_is_found_by_everybody(world: World) -> None:
    record = world.shares.add("ada", "work/my notes.ipynb", made()).record
    found = world.shares.find(record.identity)
    assert found == record
    assert (found.name, found.title, found.expires) == ("my notes.ipynb", "a", 1_000_000 + 10 * DAY)
    assert world.shares.notebook(record.identity) == b"a"
    assert world.shares.page(record.identity) == b"<p>a</p>"
    assert world.shares.of("ada") == [record]
    assert world.shares.of("bob") == []


def test_it_is_there_after_a_restart(world: World, tmp_path: Path) -> None:
    record = world.shares.add("ada", "a", made()).record
    assert World(tmp_path).shares.find(record.identity) == record


def test_what_has_expired_is_not_shown_and_goes(world: World) -> None:
    identity = world.shares.add("ada", "a", made()).record.identity
    world.now += 10 * DAY
    for ask in (world.shares.find, world.shares.notebook):
        with pytest.raises(NotSharedError):
            ask(identity)
    assert world.shares.of("ada") == []
    assert world.shares.sweep() == 1
    assert world.kept() == set()


def test_without_days_it_stays(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(days=0))
    identity = world.shares.add("ada", "a", made()).record.identity
    world.now += 10_000 * DAY
    assert world.shares.sweep() == 0
    assert world.shares.find(identity).expires == 0


def test_the_visitor_and_who_has_the_secret_delete_it_and_nobody_else(world: World) -> None:
    one = world.shares.add("ada", "a", made("a"))
    two = world.shares.add("ada", "b", made("b"))
    for wrong in ({"owner": "bob"}, {"secret": two.secret}, {"secret": ""}, {"owner": ""}):
        with pytest.raises(NotSharedError):
            world.shares.delete(one.record.identity, **wrong)
    assert world.shares.delete(one.record.identity, owner="ada") is True
    assert world.shares.delete(two.record.identity, secret=two.secret) is True
    assert world.kept() == set()


def test_the_same_contents_are_kept_once_and_go_with_the_last_who_shares_them(world: World) -> None:
    ada = world.shares.add("ada", "a", made())
    bob = world.shares.add("bob", "b", made())
    assert ada.record.identity == bob.record.identity
    assert len(list(world.store.list("notebooks/"))) == 1
    assert world.shares.delete(ada.record.identity, secret=ada.secret) is False
    assert world.shares.notebook(bob.record.identity) == b"a"
    assert world.shares.delete(bob.record.identity, owner="bob") is True
    assert world.kept() == set()


def test_who_shares_the_same_again_has_one_that_lasts_longer(world: World) -> None:
    first = world.shares.add("ada", "a", made())
    world.now += 5 * DAY
    second = world.shares.add("ada", "a", made())
    assert world.shares.of("ada") == [second.record]
    with pytest.raises(NotSharedError):
        world.shares.delete(first.record.identity, secret=first.secret)
    world.now += 6 * DAY
    assert world.shares.find(first.record.identity) == second.record


def test_a_visitor_may_share_so_many(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(per_visitor=2))
    identities = [world.shares.add("ada", "a", made(text)).record.identity for text in "ab"]
    with pytest.raises(FullError, match="You share 2 notebooks"):
        world.shares.add("ada", "a", made("c"))
    world.shares.add("ada", "a", made("a"))
    world.shares.add("bob", "a", made("c"))
    world.shares.delete(identities[0], owner="ada")
    world.shares.add("ada", "a", made("d"))


def test_all_together_may_fill_so_much(tmp_path: Path) -> None:
    world = World(tmp_path, Limits(total=20))
    identity = world.shares.add("ada", "a", made("a")).record.identity  # 1 and 8 bytes
    world.shares.add("bob", "a", made("b"))
    with pytest.raises(FullError, match="no room"):
        world.shares.add("eve", "a", made("c"))
    world.shares.delete(identity, owner="ada")
    world.shares.add("eve", "a", made("c"))


def test_a_key_is_nothing_that_leads_elsewhere(world: World) -> None:
    for identity in ("../../etc/passwd", "", "A" * 26, "a" * 25):
        with pytest.raises(NotSharedError):
            world.shares.find(identity)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("notes.ipynb", "notes.ipynb"),
        ("a/b\\c.ipynb", "c.ipynb"),
        ("Übung 1 (neu).ipynb", "Übung 1 (neu).ipynb"),
        ('x"\r\nSet-Cookie: a', "x_Set-Cookie_ a.ipynb"),
        ("../..", "notebook.ipynb"),
        ("", "notebook.ipynb"),
        ("<script>", "_script_.ipynb"),
    ],
)
def test_a_name_is_a_plain_file_name(given: str, name: str) -> None:
    assert keys.file_name(given) == name


def test_an_identity_has_130_bits() -> None:
    assert keys.is_identity(keys.digest(b"a"))
    assert len(keys.digest(b"a")) * 5 == 130
    assert keys.digest(b"a") != keys.digest(b"b")


# --- the folder


def test_what_was_half_written_is_nothing(tmp_path: Path) -> None:
    FolderStore(tmp_path)
    (tmp_path / ".half/0123").write_text("half")
    store = FolderStore(tmp_path)
    assert list(store.list("notebooks/")) == []
    assert not (tmp_path / ".half/0123").exists()


def test_a_full_disk_leaves_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="could not be stored: No space left"):
        store.write("notebooks/a", b"a")
    assert list(store.list("")) == []


def test_a_place_that_is_no_folder_is_refused_with_the_cure(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StorageError, match="let it be a folder"):
        FolderStore(file)
