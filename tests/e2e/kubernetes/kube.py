"""kubectl and helm at the test cluster, as an administrator runs them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.cluster.settings import BIN
from tests.support.ports import free_port

Object = dict[str, Any]


class KubeError(Exception):
    """A command failed; the message has its errors."""


class Kube:
    """One namespace of a cluster, reached through its administrator's kubeconfig."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def run(self, program: str, *words: str, given: str | None = None, seconds: float = 600) -> str:
        """Run a program of the project's tools to its end; returns what it printed."""
        command = [str(BIN / program), f"--namespace={self.namespace}", *words]
        done = subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
            timeout=seconds,
        )
        if done.returncode:
            raise KubeError(
                f"{program} {' '.join(words[:8])}: {(done.stderr or done.stdout).strip()}"
            )
        return done.stdout

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """What kubectl printed."""
        return self.run("kubectl", *words, given=given)

    def get(self, *words: str) -> Object:
        """An object, or a list of objects, as Kubernetes has it."""
        found: Object = json.loads(self.kubectl("get", *words, "-o", "json"))
        return found

    def pods(self, component: str) -> list[Object]:
        """The pods of a component of the release that are not on their way out."""
        found = self.get("pods", "-l", f"app=jupyterhub,component={component}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def secret(self, name: str) -> dict[str, str]:
        """A Secret's content, decoded."""
        data = self.get("secret", name).get("data", {})
        return {key: base64.b64decode(text).decode() for key, text in data.items()}

    def rolled_out(self, *workloads: str, seconds: int = 180) -> None:
        """Wait until workloads such as `deployment/hub` are as they should be."""
        for workload in workloads:
            self.kubectl("rollout", "status", workload, f"--timeout={seconds}s")

    def apply(self, *objects: Object) -> None:
        """Create the objects, or make them so."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-f", "-", given=json.dumps(listed))

    @contextmanager
    def forwarded(self, target: str, port: int) -> Iterator[int]:
        """A port of this machine that leads to a pod's."""
        local = free_port()
        command = [str(BIN / "kubectl"), f"--namespace={self.namespace}", "port-forward"]
        process = subprocess.Popen(
            [*command, target, f"{local}:{port}"],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert process.stdout  # for the type: it was asked for above
            line = process.stdout.readline()
            if "Forwarding" not in line:
                raise KubeError(f"port-forward {target}: {line.strip()}")
            yield local
        finally:
            process.terminate()
            process.communicate()


def until(what: str, check: Callable[[], bool], seconds: float = 60, pause: float = 0.5) -> float:
    """Wait until a check holds; returns how long it took. TimeoutError that says what did not."""
    start = time.monotonic()
    while not check():
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"after {seconds:.0f} s: {what}")
        time.sleep(pause)
    return time.monotonic() - start
