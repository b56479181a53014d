"""The process that renders: its limits, and what it may not know."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.jupyterhub_ha_share.test_render import code, markdown, notebook, shows

from jupyterhub_ha_share import keys, renderer
from jupyterhub_ha_share.errors import RefusedError
from jupyterhub_ha_share.renderer import Renderer, _environment

pytestmark = pytest.mark.timeout(600)

_RENDER = """
import asyncio, sys
import jupyterhub_ha_share.renderer as it
made = asyncio.run(it.Renderer().render(sys.stdin.buffer.read()))
print(made.title, it._environment()["PYTHONPATH"])
"""


async def test_a_notebook_comes_back_with_its_page_and_title() -> None:
    given = notebook(markdown("text\n# The title"), code(shows(text__plain="42")))
    made = await Renderer().render(given)
    assert made.title == "The title"
    assert b"42" in made.page
    assert json.loads(made.notebook)["cells"][1]["outputs"][0]["data"] == {"text/plain": "42"}
    again = await Renderer().render(made.notebook)
    assert keys.digest(again.notebook) == keys.digest(made.notebook)


async def test_what_is_no_notebook_is_refused() -> None:
    with pytest.raises(RefusedError, match="cannot be shared: it cannot be read"):
        await Renderer().render(b"<html>")


async def test_what_is_nested_too_deeply_is_refused() -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    with pytest.raises(RefusedError, match="nested too deeply"):
        await Renderer().render(deep)


async def test_what_needs_too_much_memory_is_refused() -> None:
    large = notebook(code(shows(text__html="<b>" * 1_000_000)))
    with pytest.raises(RefusedError, match="memory"):
        await Renderer(memory=250, seconds=5).render(large)


async def test_what_takes_too_long_is_ended() -> None:
    slow = notebook(*(markdown("*a" * 3000) for _ in range(100)))
    begun = time.monotonic()
    with pytest.raises(RefusedError, match="memory or time"):
        await Renderer(seconds=1).render(slow)
    assert time.monotonic() - begun < 60


async def test_a_page_that_is_too_large_is_refused() -> None:
    with pytest.raises(RefusedError, match="more than 1000"):
        await Renderer(largest=1000).render(notebook(markdown("a" * 1001)))


def test_it_knows_no_secret_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert "secret" not in _environment().values()


def test_it_renders_where_a_configmap_is_mounted(tmp_path: Path) -> None:
    """As the kubelet mounts it: each file is a link into a folder whose name changes."""
    package = tmp_path / "jupyterhub_ha_share"
    data = package / "..2026_11_27"
    data.mkdir(parents=True)
    for file in Path(renderer.__file__).parent.glob("*.py"):
        shutil.copy(file, data)
        (package / file.name).symlink_to(f"..data/{file.name}")
    (package / "..data").symlink_to(data.name)
    done = subprocess.run(
        [sys.executable, "-c", _RENDER],
        input=notebook(markdown("# Shown")),
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().split() == ["Shown", str(tmp_path)]


async def test_what_ends_the_process_is_in_the_log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renderer, "_environment", lambda: {"PYTHONHOME": "/nonexistent"})
    with pytest.raises(RefusedError, match="memory"):
        await Renderer().render(notebook(markdown("x")))
    assert "a notebook's process ended with 1: " in caplog.text
