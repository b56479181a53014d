"""Files that are replaced as a whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from jupyterhub_ha.atomic_file import mark_of, read_file, replace_file
from jupyterhub_ha.errors import FileStoreError


def test_a_file_is_replaced_and_known_by_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert read_file(path) == ("", None)
    assert mark_of(path) is None
    first = replace_file(path, "one", mode=0o640, temporary=tmp_path)
    assert (read_file(path), mark_of(path)) == (("one", first), first)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    second = replace_file(path, "one", mode=0o600, temporary=tmp_path)
    assert second != first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_what_has_no_encoding_does_not_stop_the_others(tmp_path: Path) -> None:
    replace_file(tmp_path / "file", "a\ud800b", mode=0o600, temporary=tmp_path)
    assert read_file(tmp_path / "file")[0] == "a?b"
    (tmp_path / "file").write_bytes(b"a\xffb")
    assert read_file(tmp_path / "file")[0] == "a\ufffdb"


@pytest.mark.parametrize("what", ["file", "temporary"])
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, what: str) -> None:
    away = tmp_path / "away"
    path, temporary = (away / "x", tmp_path) if what == "file" else (tmp_path / "x", away)
    with pytest.raises(FileStoreError, match=r"away.*No such file"):
        replace_file(path, "x", mode=0o600, temporary=temporary)
    assert os.listdir(tmp_path) == []


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileStoreError, match="cannot be read"):
        read_file(tmp_path)
