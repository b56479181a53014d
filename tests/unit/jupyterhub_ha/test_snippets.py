"""Running the user's own configuration code."""

import traceback

import pytest

from jupyterhub_ha.snippets import run_snippets
from jupyterhub_ha.values import BadValuesError, Mounts, Values


def run(tmp_path, entries, namespace=None):
    namespace = {"order": []} if namespace is None else namespace
    run_snippets(Values({"hub": {"extraConfig": entries}}, Mounts(tmp_path)), namespace)
    return namespace


def test_files_come_first_then_entries_each_in_order(tmp_path):
    folder = tmp_path / "jupyterhub_config.d"
    folder.mkdir()
    for name in ("20", "10"):
        (folder / f"{name}.py").write_text(f"order.append('file {name}')")
    (folder / "ignored.txt").write_text("order.append('text')")
    entries = {"b": "order.append('b')", "00": "order.append('00')", "none": None}
    assert run(tmp_path, entries)["order"] == ["file 10", "file 20", "00", "b"]


def test_snippets_share_their_names(tmp_path):
    entries = {"a": "def f():\n    return order", "b": "f().append(1)"}
    assert run(tmp_path, entries)["order"] == [1]


def test_a_traceback_shows_the_snippets_line(tmp_path):
    with pytest.raises(ZeroDivisionError) as caught:
        run(tmp_path, {"broken": "x = 1\ny = x / 0\n"})
    text = "".join(traceback.format_exception(caught.value))
    assert 'File "hub.extraConfig.broken", line 2' in text
    assert "y = x / 0" in text
    assert "raised by the configuration snippet hub.extraConfig.broken" in text


def test_a_syntax_error_names_the_snippet(tmp_path):
    with pytest.raises(SyntaxError) as caught:
        run(tmp_path, {"typo": "if True\n  x = 1"})
    assert caught.value.filename == "hub.extraConfig.typo"


def test_entries_that_are_no_text_are_refused_before_any_runs(tmp_path):
    namespace = {"order": []}
    with pytest.raises(BadValuesError) as caught:
        run(tmp_path, {"a": "order.append(1)", "b": {"x": 1}, "c": ["y"]}, namespace)
    assert len(caught.value.problems) == 2
    assert "hub.extraConfig.b" in caught.value.problems[0]
    assert namespace["order"] == []
