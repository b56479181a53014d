"""The command of the service: what it says when it cannot run."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from jupyterhub_ha_share.__main__ import main


def test_without_nbconvert_it_says_what_is_missing_and_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec

    def found(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in {"nbconvert", "tinycss2"} else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", found)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "x")
    assert main([f"--storage={tmp_path}"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"nbconvert, tinycss2: {sys.executable} has no such module")
    assert "install nbconvert there" in said
    assert said.count("\n") == 1


def test_without_a_token_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    assert main([f"--storage={tmp_path}"]) == 1
    assert capsys.readouterr().err.startswith("JUPYTERHUB_API_TOKEN: is empty")


def test_a_folder_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "x")
    file = tmp_path / "file"
    file.write_text("")
    assert main([f"--storage={file}"]) == 1
    assert f"--storage {file}: " in capsys.readouterr().err
