"""Installs the kernels of `singleuser.kernels` for all users: into one folder, once.

    python3 install_kernels.py kernels.json FOLDER

It runs in the users' image, or on a host, with nothing but Python's standard library and pip. Users
find the kernels when JUPYTER_PATH has FOLDER/share/jupyter. Only the kernels that are named get
there: packages bring others along, such as `python3`, which would hide the users' own.

Packages go into an environment of their own, FOLDER/env, so that users' own stays as it is; it sees
the packages of the Python that runs this, unless that is an environment itself. Exit codes: 0 every
kernel is there; 1 some are not, each named on stderr; then what was there before stays.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

# jupyter_client runs these with the Python of the user's server, which lacks the package.
_ANY_PYTHON = re.compile(r"python(3([.][0-9]+)?)?")


class KernelError(Exception):
    """A kernel cannot be installed; the message says which, why, and what to do."""


def main(arguments: list[str]) -> int:
    """Install what the file asks for; returns the exit code."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    kernels = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    problems = install(kernels, Path(arguments[1]).absolute())
    for problem in problems:
        print(f"kernels: {problem}", file=sys.stderr)
    if not problems:
        print(f"kernels: {', '.join(kernel['name'] for kernel in kernels)}")
    return 1 if problems else 0


def install(kernels: list[dict[str, object]], folder: Path) -> list[str]:
    """Install all; returns what went wrong, one text for each. Only without any it takes effect."""
    environment = folder / "env"
    try:
        install_packages([str(k["package"]) for k in kernels if k.get("package")], environment)
    except KernelError as error:
        return [str(error)]
    new = folder / f"share.{os.getpid()}"
    shutil.rmtree(new, ignore_errors=True)
    problems = []
    for kernel in kernels:
        try:
            install_one(kernel, environment, new / "jupyter/kernels")
        except KernelError as error:
            problems.append(f"{kernel['name']}: {error}")
    if problems:
        shutil.rmtree(new, ignore_errors=True)
    else:
        (new / "jupyter/kernels").mkdir(parents=True, exist_ok=True)
        replace(folder / "share", new)
    return problems


def install_packages(packages: list[str], environment: Path) -> None:
    """Make the environment and install into it, all at once so that versions fit together."""
    if not packages:
        return
    # An environment within an environment would see the system's packages and not its parent's.
    alone = sys.prefix != sys.base_prefix
    venv.EnvBuilder(system_site_packages=not alone).create(environment)
    options = ["--disable-pip-version-check", "--no-input", "--quiet"]
    if "PIP_CACHE_DIR" not in os.environ:
        options.append("--no-cache-dir")
    pip = [sys.executable, "-m", "pip", "--python", str(python_of(environment)), "install"]
    if run([*pip, *options, *packages]):
        raise KernelError(
            f"pip cannot install {', '.join(packages)}; it says why above. It may need an index "
            "that can be reached (PIP_INDEX_URL in singleuser.extraEnv), and a pip of 22.3 or later"
        )


def install_one(kernel: dict[str, object], environment: Path, target: Path) -> None:
    """Put one kernelspec into `target`, or see that the image has it."""
    name = str(kernel["name"])
    if kernel.get("prebuilt"):
        check_prebuilt(name)
        return
    if kernel.get("kernelspec"):
        copy_spec(Path(str(kernel["kernelspec"])), target / name)
        return
    if kernel.get("module"):
        # Not --sys-prefix: `jupyter kernelspec`, which it runs, may be the program of the image.
        words = [str(python_of(environment)), "-m", str(kernel["module"])]
        if run([*words, "install", f"--prefix={environment}"]):
            raise KernelError(
                f"`python -m {kernel['module']} install --prefix={environment}` fails; it says why "
                "above. Without such a command, leave out `module` or give a `kernelspec`"
            )
    found = environment / "share/jupyter/kernels"
    if not (found / name / "kernel.json").is_file():
        there = ", ".join(sorted(spec.parent.name for spec in found.glob("*/kernel.json")))
        raise KernelError(
            f"{kernel['package']} brings no kernel of this name, but {there or 'none at all'}; "
            "correct the name, or give the `module` that installs it"
        )
    copy_spec(found / name, target / name, python_of(environment))


def check_prebuilt(name: str) -> None:
    """See that the image offers a kernel by itself."""
    try:
        from jupyter_client.kernelspec import find_kernel_specs
    except ImportError as error:
        raise KernelError(f"{sys.executable} has no jupyter_client to ask; {error}") from error
    there = find_kernel_specs()
    if name not in there:
        raise KernelError(
            f"is not in this image, which has {', '.join(sorted(there)) or 'none'}; "
            "build it in, or give `package` or `kernelspec` in place of `prebuilt`"
        )


def copy_spec(source: Path, target: Path, python: Path | None = None) -> None:
    """Copy a kernelspec; one that asks for any Python gets `python`, if that is given."""
    try:
        spec = json.loads((source / "kernel.json").read_text(encoding="utf-8"))
        words = spec["argv"]
        first = words[0]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise KernelError(
            f"{source} is no kernelspec: its kernel.json cannot be read, or has no `argv` ({error})"
        ) from error
    shutil.copytree(source, target)
    if python and _ANY_PYTHON.fullmatch(str(first)):
        words[0] = str(python)
    (target / "kernel.json").write_text(json.dumps(spec, indent=1), encoding="utf-8")


def replace(link: Path, new: Path) -> None:
    """Let `link` lead to `new` from one moment to the next, and remove what it led to before."""
    before = link.resolve() if link.is_symlink() else None
    waiting = link.with_name(f"{link.name}.link")
    waiting.unlink(missing_ok=True)
    waiting.symlink_to(new.name)
    waiting.replace(link)
    if before and before != new:
        shutil.rmtree(before, ignore_errors=True)


def python_of(environment: Path) -> Path:
    """An environment's Python."""
    return environment / "bin/python"


def run(words: list[str]) -> int:
    """Run a command, which is said first; returns its exit code."""
    print(f"$ {' '.join(words)}", file=sys.stderr, flush=True)
    return subprocess.run(words, check=False, stdin=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
