"""The script that collects static files, on made-up folders; tests/tmpnb has JupyterLab's."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from tests.support.processes import ROOT
from tests.support.scripts import module_of

FILE = ROOT / "chart/files/singleuser/collect_static.py"
SCRIPT = "a = 1;\n" * 200


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The chart's script as a module."""
    return module_of(FILE)


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def names(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


def test_files_with_a_hash_get_to_their_paths_and_others_do_not(
    script: ModuleType, tmp_path: Path
) -> None:
    lab, extensions = tmp_path / "lab", tmp_path / "extensions"
    write(lab / "main.efd36b46f3b45eb8.js", SCRIPT)
    write(lab / "d5b0a3566b352ee9.woff", SCRIPT)
    write(lab / "style.js", SCRIPT)
    write(lab / "package.json", SCRIPT)
    write(extensions / "@a/b/static/remoteEntry.5cbb9d2323598fbda535.js", "x")
    found = iter([("static/lab", lab), ("lab/extensions", extensions)])
    count, size, sent = script.collect(found, tmp_path / "out")
    assert names(tmp_path / "out") == {
        "static/lab/main.efd36b46f3b45eb8.js",
        "static/lab/main.efd36b46f3b45eb8.js.gz",
        "static/lab/d5b0a3566b352ee9.woff",  # compressed already, whatever it is here
        "lab/extensions/@a/b/static/remoteEntry.5cbb9d2323598fbda535.js",  # would only grow
    }
    packed = (tmp_path / "out/static/lab/main.efd36b46f3b45eb8.js.gz").read_bytes()
    assert gzip.decompress(packed).decode() == SCRIPT
    assert (count, size, sent) == (3, 2 * len(SCRIPT) + 1, len(SCRIPT) + 1 + len(packed))


def test_the_first_folder_of_a_path_wins_as_in_jupyter(script: ModuleType, tmp_path: Path) -> None:
    name = "a/static/1.0123456789abcdef.js"
    folders = [tmp_path / "env", tmp_path / "usr", tmp_path / "none"]
    for folder in folders[:2]:
        write(folder / name, folder.name)
    count, _, _ = script.collect((("lab/extensions", f) for f in folders), tmp_path / "out")
    assert count == 1
    assert (tmp_path / "out/lab/extensions" / name).read_text() == "env"


def test_every_pod_has_the_same_bytes_and_times_also_when_it_collects_again(
    script: ModuleType, tmp_path: Path
) -> None:
    source = write(tmp_path / "lab/1.0123456789abcdef.js", SCRIPT)
    os.utime(source, (1_700_000_000, 1_700_000_000))
    seen = []
    for target in ("one", "two", "two"):
        assert script.collect(iter([("static/lab", source.parent)]), tmp_path / target)[0] == 1
        files = sorted((tmp_path / target).rglob("*.js*"))
        seen.append([(file.name, file.read_bytes(), file.stat().st_mtime) for file in files])
    assert len(seen[0]) == 2
    assert seen[0] == seen[1] == seen[2]
    assert {mtime for _, _, mtime in seen[0]} == {1_700_000_000}


def test_an_image_without_jupyter_server_is_told(tmp_path: Path) -> None:
    # -S -I: a Python that has the standard library alone.
    words = [sys.executable, "-S", "-I", str(FILE), str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "No module named 'jupyter_core'" in done.stderr
    assert "put the Python that has it first on the image's PATH" in done.stderr
    assert "tmpnb.static.enabled to false" in done.stderr


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of packages that are imported
def test_an_extension_that_fails_costs_only_its_own_files(
    script: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path / "bad_one.py", "raise RuntimeError('no licence')")
    text = '{"ServerApp": {"jpserver_extensions": {"bad_one": true}}}'
    write(tmp_path / "config/jupyter_server_config.d/bad_one.json", text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path / "config"))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    found = list(script.folders())
    assert capsys.readouterr().err == (
        "static files: without those of bad_one: RuntimeError('no licence')\n"
    )
    assert found[0] == ("lab/extensions", tmp_path / "share/labextensions")
    (lab,) = [folder for path, folder in found if path == "static/lab"]
    assert (lab / "index.html").is_file()
