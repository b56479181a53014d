"""Collects those static files of Jupyter's pages whose names carry a hash, for another web server.

    python3 collect_static.py FOLDER

It runs in the users' image, and asks Jupyter Server there which folders it serves. Below FOLDER the
files have the paths that browsers ask for, but for `/user/NAME/` before them. Beside each file that
becomes smaller by it stands the same one compressed, with `.gz`.

Only names with a hash of the content are taken, since users may have servers of several images:
what has the same name is the same then, and what is not here comes from the user's server. Exit
codes: 0 there are such files; 1 there are none.
"""

from __future__ import annotations

import gzip
import importlib
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HASHED = re.compile(r"(.*[.])?[0-9a-f]{16,}[.][0-9a-z]+")
"""Names of files with a hash, as webpack writes them; the proxy's rule has the same."""

_TEXT = {"css", "eot", "html", "js", "json", "map", "mjs", "svg", "ttf", "txt", "wasm"}


def main(arguments: list[str]) -> int:
    """Collect what the image has; returns the exit code."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    count, size, packed = collect(folders(), Path(arguments[0]))
    if not count:
        print(
            f"static files: {sys.executable} has no Jupyter Server with files whose names carry a "
            "hash, as JupyterLab has; put the Python that has it first on the image's PATH, or "
            "set tmpnb.static.enabled to false",
            file=sys.stderr,
        )
        return 1
    print(f"static files: {count}, {size} bytes, {packed} bytes as they are sent")
    return 0


def collect(found: Iterable[tuple[str, Path]], target: Path) -> tuple[int, int, int]:
    """Copy files of the folders to their paths below `target`; the first one of a path wins.

    Returns how many there are, their bytes, and their bytes where the smaller one of both counts.
    """
    copies: set[Path] = set()
    size = packed = 0
    for path, folder in found:
        for file in hashed(folder):
            copy = target / path / file.relative_to(folder)
            if copy in copies:
                continue
            copies.add(copy)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)
            copy.chmod(0o644)
            size += copy.stat().st_size
            packed += compress(copy)
    return len(copies), size, packed


def hashed(folder: Path) -> Iterator[Path]:
    """The files below a folder whose names carry a hash."""
    for root, _, names in os.walk(folder):
        yield from (Path(root, name) for name in sorted(names) if HASHED.fullmatch(name))


def compress(file: Path) -> int:
    """Write a `.gz` beside a file that is a text, if it is a tenth smaller; returns its bytes.

    The same file gives the same bytes, and the same time of change, in each pod.
    """
    content = file.read_bytes()
    if file.suffix[1:] not in _TEXT:
        return len(content)
    smaller = gzip.compress(content, 9, mtime=0)
    if len(smaller) > 0.9 * len(content):
        return len(content)
    beside = file.with_name(f"{file.name}.gz")
    beside.write_bytes(smaller)
    beside.chmod(0o644)
    changed = file.stat().st_mtime
    os.utime(beside, (changed, changed))
    return len(smaller)


def folders() -> Iterator[tuple[str, Path]]:
    """Path and folder of what Jupyter Server serves: JupyterLab's and its own extensions'."""
    try:
        from jupyter_core.paths import jupyter_config_path, jupyter_path
        from jupyter_server.extension.config import ExtensionConfigManager
    except ImportError as error:
        print(f"static files: {error}", file=sys.stderr)
        return
    yield from (("lab/extensions", Path(path)) for path in jupyter_path("labextensions"))
    manager: Any = ExtensionConfigManager(read_config_path=jupyter_config_path())
    for name, enabled in sorted(manager.get_jpserver_extensions().items()):
        if not enabled:
            continue
        try:
            yield from _extension(name)
        except Exception as error:  # whatever a package does when it is imported
            print(f"static files: without those of {name}: {error!r}", file=sys.stderr)


def _extension(name: str) -> Iterator[tuple[str, Path]]:
    module = importlib.import_module(name)
    for point in getattr(module, "_jupyter_server_extension_points", list)():
        if "app" in point:
            app = point["app"]()
            paths = [*app.static_paths, getattr(app, "static_dir", "")]
            yield from ((f"static/{app.name}", Path(path)) for path in paths if path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
