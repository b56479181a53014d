"""The script that installs kernels, without packages; tests/kernels has those."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.support.processes import ROOT
from tests.support.scripts import module_of


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The chart's script as a module."""
    return module_of(ROOT / "chart/files/singleuser/install_kernels.py")


def kernelspec(folder: Path, spec: Any) -> str:
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(spec if isinstance(spec, str) else json.dumps(spec))
    return str(folder)


def test_a_second_run_has_what_it_names_and_nothing_else(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = kernelspec(tmp_path / "image/x", {"argv": ["octave"], "env": {"A": "b"}})
    target = tmp_path / "kernels"
    target.mkdir()
    assert script.install([{"name": "a", "kernelspec": source}], target) == []
    first = (target / "share").resolve()
    assert json.loads((target / "share/jupyter/kernels/a/kernel.json").read_text()) == {
        "argv": ["octave"],
        "env": {"A": "b"},
    }
    # As another process would.
    monkeypatch.setattr(script.os, "getpid", lambda: 2**22 + 1)
    assert script.install([{"name": "b", "kernelspec": source}], target) == []
    assert [spec.name for spec in (target / "share/jupyter/kernels").iterdir()] == ["b"]
    assert not first.exists()


@pytest.mark.parametrize(
    "spec", ["no JSON", "[]", {"display_name": "x"}, {"argv": []}, {"argv": None}], ids=str
)
def test_a_folder_that_is_no_kernelspec(script: ModuleType, tmp_path: Path, spec: Any) -> None:
    source = kernelspec(tmp_path / "x", spec)
    (problem,) = script.install([{"name": "a", "kernelspec": source}], tmp_path)
    assert problem.startswith(f"a: {source} is no kernelspec: its kernel.json ")
    assert not (tmp_path / "share").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["x"], "nothing half done is left"


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ("python", "/env/bin/python"),
        ("python3", "/env/bin/python"),
        ("python3.12", "/env/bin/python"),
        ("/usr/bin/python3", "/usr/bin/python3"),
        ("pythonx", "pythonx"),
        ("bash", "bash"),
    ],
)
def test_any_python_is_the_one_that_has_the_package(
    script: ModuleType, tmp_path: Path, first: str, found: str
) -> None:
    source = kernelspec(tmp_path / "x", {"argv": [first, "-m", "x"]})
    script.copy_spec(Path(source), tmp_path / "y", Path("/env/bin/python"))
    assert json.loads((tmp_path / "y/kernel.json").read_text())["argv"] == [found, "-m", "x"]
    script.copy_spec(Path(source), tmp_path / "z")
    assert json.loads((tmp_path / "z/kernel.json").read_text())["argv"][0] == first


def test_all_problems_at_once(script: ModuleType, tmp_path: Path) -> None:
    kernels = [
        {"name": "a", "kernelspec": "/no/such"},
        {"name": "no-such-kernel", "prebuilt": True},
        {"name": "python3", "prebuilt": True},
    ]
    problems = script.install(kernels, tmp_path)
    assert [problem.partition(":")[0] for problem in problems] == ["a", "no-such-kernel"]
    assert "build it in, or give `package` or `kernelspec`" in problems[1]


def test_the_command(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kernels.json"
    file.write_text('[{"name": "python3", "prebuilt": true}]')
    assert script.main([str(file), str(tmp_path)]) == 0
    assert capsys.readouterr().out == "kernels: python3\n"
    file.write_text('[{"name": "a", "kernelspec": "/no/such"}]')
    assert script.main([str(file), str(tmp_path)]) == 1
    assert "kernels: a: /no/such is no kernelspec" in capsys.readouterr().err
    assert script.main([]) == 2
