"""A rendered folder: stale files go, foreign ones are never touched, edits are seen."""

import json

import pytest

from proxy_gen import tree
from proxy_gen.errors import OutputError
from proxy_gen.tree import File

COMMAND = "proxy-gen render"


def files(**texts):
    return {path.replace("__", "/"): File(text) for path, text in texts.items()}


def states(written):
    return {one.path: one.state for one in written}


def snapshot(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_new_same_changed_removed(tmp_path):
    assert states(tree.write(tmp_path, files(a="1", d__b="2"), COMMAND)) == {
        "a": "new",
        "d/b": "new",
    }
    assert states(tree.write(tmp_path, files(a="1", d__b="3"), COMMAND)) == {
        "a": "same",
        "d/b": "changed",
    }
    assert states(tree.write(tmp_path, files(a="1"), COMMAND)) == {"a": "same", "d/b": "removed"}
    assert not (tmp_path / "d").exists()


def test_twice_is_the_same_bytes(tmp_path):
    tree.write(tmp_path / "1", files(a="1", d__b="2"), COMMAND)
    tree.write(tmp_path / "2", files(a="1", d__b="2"), COMMAND)
    assert snapshot(tmp_path / "1") == snapshot(tmp_path / "2")


def test_unchanged_files_are_not_written_again(tmp_path):
    tree.write(tmp_path, files(a="1"), COMMAND)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    tree.write(tmp_path, files(a="1"), COMMAND)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["a", "d"])
def test_foreign_file_in_the_way(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match=f"in the way: {name}"):
        tree.write(tmp_path, files(a="1", d__b="2"), COMMAND, force=True)
    assert snapshot(tmp_path) == {name: b"mine"}


def test_link_in_the_way_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "d").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="in the way: d"):
        tree.write(tmp_path / "out", files(d__b="2"), COMMAND)
    assert snapshot(tmp_path / "elsewhere") == {}


def test_file_instead_of_a_folder(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="is a file, not a folder"):
        tree.write(tmp_path / "out", files(a="1"), COMMAND)


def test_foreign_files_stay(tmp_path):
    tree.write(tmp_path, files(d__b="2"), COMMAND)
    (tmp_path / "d" / "mine").write_text("mine")
    tree.write(tmp_path, files(a="1"), COMMAND)
    assert (tmp_path / "d" / "mine").read_text() == "mine"
    assert not (tmp_path / "d" / "b").exists()


def test_edited_file_is_refused_and_forced(tmp_path):
    tree.write(tmp_path, files(a="1", b="1"), COMMAND)
    (tmp_path / "a").write_text("edited")
    with pytest.raises(OutputError, match="edited since they were written: a;"):
        tree.write(tmp_path, files(a="2", b="2"), COMMAND)
    assert (tmp_path / "b").read_text() == "1"
    assert states(tree.write(tmp_path, files(a="2", b="2"), COMMAND, force=True))["a"] == "changed"


def test_stale_edited_file_is_kept_and_told(tmp_path):
    tree.write(tmp_path, files(a="1", b="1"), COMMAND)
    (tmp_path / "b").write_text("edited")
    assert states(tree.write(tmp_path, files(a="1"), COMMAND)) == {"a": "same", "b": "edited, kept"}
    assert (tmp_path / "b").read_text() == "edited"


def test_private_files(tmp_path):
    tree.write(tmp_path, {"s": File("x", private=True), "p": File("y")}, COMMAND)
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "p").stat().st_mode & 0o777 == 0o644


def test_crash_half_way_leaves_files_that_are_known(tmp_path, monkeypatch):
    tree.write(tmp_path, files(a="1", b="1"), COMMAND)
    real, count = tree.write_atomically, []

    def failing(file, content, **options):
        count.append(file.name)
        if file.name == "b":
            raise OutputError("disk full")
        real(file, content, **options)

    monkeypatch.setattr(tree, "write_atomically", failing)
    with pytest.raises(OutputError, match="disk full"):
        tree.write(tmp_path, files(a="2", b="2", c="2"), COMMAND)
    monkeypatch.undo()
    assert (tmp_path / "a").read_text() == "2"
    written = states(tree.write(tmp_path, files(a="3", b="3"), COMMAND))
    assert written["a"] == written["b"] == "changed"


def test_read_gives_back_what_was_written(tmp_path):
    tree.write(tmp_path, files(a="1", d__b="2"), COMMAND)
    (tmp_path / "mine").write_text("x")
    assert tree.read(tmp_path) == {"a": "1", "d/b": "2"}


def test_read_refuses_other_folders(tmp_path):
    with pytest.raises(OutputError, match="proxy-gen render"):
        tree.read(tmp_path)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x"])
def test_record_cannot_reach_outside(tmp_path, path):
    (tmp_path / tree.RECORD).write_text(json.dumps({"files": {path: ["0"]}}))
    with pytest.raises(OutputError, match="is not inside"):
        tree.write(tmp_path, files(a="1"), COMMAND)


@pytest.mark.parametrize("text", ["", "[]", '{"files": [1]}', "{"])
def test_broken_record_is_told(tmp_path, text):
    (tmp_path / tree.RECORD).write_text(text)
    with pytest.raises(OutputError, match="cannot be read"):
        tree.write(tmp_path, files(a="1"), COMMAND)


def test_a_folder_of_another_command_is_left_alone(tmp_path):
    tree.write(tmp_path, files(a="1"), "proxy-gen edge")
    before = snapshot(tmp_path)
    with pytest.raises(OutputError, match=r"was written by `proxy-gen edge`, .* another folder"):
        tree.write(tmp_path, files(b="1"), COMMAND, force=True)
    assert snapshot(tmp_path) == before


def test_a_file_above_the_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="/file: is a file, not a folder"):
        tree.write(tmp_path / "file/below/it", files(a="1"), COMMAND)
