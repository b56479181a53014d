"""Helm as a program: found, checked, and run without a shell; secrets go to it on its stdin."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .errors import ToolError
from .tools import find_tool

MINIMUM = (3, 16)
"""The first version with ``--skip-schema-validation``."""

_CURE = (
    "install helm 3.16 or later (https://helm.sh/docs/intro/install/), or name it in "
    "$PROXY_GEN_HELM; in a clone `make setup` builds it"
)


@dataclass(frozen=True)
class Release:
    """What ``helm template`` is told beside the values.

    With ``live`` it looks at the cluster, as an upgrade does: secrets that are there are kept. With
    ``tests`` the pod of ``helm test`` is there, too, which no deployment makes.
    """

    name: str = "hub"
    namespace: str = "default"
    kubernetes_version: str = ""
    live: bool = False
    tests: bool = False


def parse_version(text: str) -> tuple[int, int] | None:
    """Read what ``helm version --short`` prints, such as ``v3.22.0+g1234567``."""
    match = re.match(r"v?(\d+)\.(\d+)", text.strip())
    return (int(match[1]), int(match[2])) if match else None


def refuse_old(path: Path, version_text: str) -> None:
    """Raise ToolError when ``version_text`` names a version older than MINIMUM."""
    version = parse_version(version_text)
    if version is None or version < MINIMUM:
        seen = version_text.strip() or "no version"
        raise ToolError(f"{path}: {seen} is too old for this chart; {_CURE}")


class Template:
    """One running ``helm template``; other work can be done until ``result`` is asked for.

    Use it as a context manager: a process that is still running at the end is stopped.
    """

    def __init__(
        self, folder: Path, values_json: str, release: Release, *, check_schema: bool = False
    ) -> None:
        self._helm = find_tool("helm")
        arguments = [
            "template",
            release.name,
            str(folder),
            *("--namespace", release.namespace),
            *("--values", "-"),
        ]
        if not check_schema:
            arguments.append("--skip-schema-validation")
        if not release.tests:
            arguments.append("--skip-tests")
        if release.live:
            arguments += ["--dry-run=server", "--is-upgrade"]
        if release.kubernetes_version:
            arguments += ["--kube-version", release.kubernetes_version]
        self._template = self._start(*arguments, stdin=True)
        self._values = values_json

    def __enter__(self) -> Template:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._template.poll() is None:
            self._template.kill()
            self._template.communicate()

    def result(self) -> tuple[str, str]:
        """Wait; return the rendered stream and an empty text, or an empty text and the failure.

        Raises ToolError when helm itself cannot be used.
        """
        stdout, stderr = self._template.communicate(self._values)
        if self._template.returncode == 0:
            return stdout, ""
        if "unknown flag" in stderr:  # asked only now, since asking costs time at each render
            version, _ = self._start("version", "--short").communicate()
            refuse_old(self._helm, version)
        return "", stderr.strip()

    def _start(self, *arguments: str, stdin: bool = False) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                [str(self._helm), *arguments],
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            raise ToolError(f"{self._helm}: cannot be run: {error.strerror}; {_CURE}") from error


def get_release(name: str, namespace: str | None, what: Sequence[str]) -> str:
    """Return what ``helm get`` says of a live release; raises ToolError with helm's words."""
    helm = find_tool("helm")
    command = [str(helm), "get", *what, name]
    if namespace:
        command += ["--namespace", namespace]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise ToolError(
            f"helm get {' '.join(what)} {name}: {done.stderr.strip()}; "
            "check the release's name, its namespace (release:NAME@NAMESPACE) and $KUBECONFIG"
        )
    return done.stdout
