"""etcd's pods on this host: what the init container does, then etcd, as a kubelet runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.support.certificates import CertFiles
from tests.support.ports import free_ports
from tests.support.processes import ROOT, TOOLS_BIN, Service, answers

from jupyterhub_ha.etcd_client import EtcdClient

ROOT_PASSWORD, HUB_PASSWORD = "the-root-password", "the-hub-password"
PACKAGE = ROOT / "chart/files/hub"
# One process: the init container's program, and then etcd in its place.
_POD = """
import os, sys
from jupyterhub_ha.etcd_member import main
etcd, file, *options = sys.argv[1:]
code = main([f"--config-file={file}", *options])
if code:
    sys.exit(code)
os.execv(etcd, [etcd, f"--config-file={file}"])
"""


class EtcdPods:
    """Up to `count` members, of which `wanted` are to be there; a context manager.

    `certificates` are those of `server` and `root`. `options` are added to etcd's, or replace them.
    """

    def __init__(
        self,
        folder: Path,
        certificates: Mapping[str, CertFiles],
        count: int = 5,
        options: Mapping[str, str] | None = None,
        name: str = "m",
    ) -> None:
        self.certificates = certificates
        self.wanted = count
        self.passwords = {"root": ROOT_PASSWORD, "hub": HUB_PASSWORD}
        self._folder = folder
        self._options = dict(options or {})
        ports = free_ports(3 * count)
        self.names = [f"{name}{number}" for number in range(count)]
        self.endpoints = [f"https://127.0.0.1:{port}" for port in ports[:count]]
        self.peers = [f"https://127.0.0.1:{port}" for port in ports[count : 2 * count]]
        self.health = [f"http://127.0.0.1:{port}" for port in ports[2 * count :]]
        self.pods = [self._pod(number) for number in range(count)]

    def __enter__(self) -> EtcdPods:
        return self

    def __exit__(self, *_: object) -> None:
        self.lose(*range(len(self.pods)))

    @property
    def running(self) -> list[int]:
        """The numbers of the pods that run."""
        return [number for number, pod in enumerate(self.pods) if pod.running]

    def start(self, *numbers: int) -> None:
        """Start these pods, or all that are wanted and do not run."""
        for number in numbers or range(self.wanted):
            pod = self.pods[number]
            if not pod.running:
                pod.env = self._environment()
                pod.start()

    def wait(self, *numbers: int, timeout: float = 60) -> None:
        """Wait until these members are ready, or all that run."""
        for number in numbers or self.running:
            ready = partial(answers, f"{self.health[number]}/readyz")
            self.pods[number].wait_until(ready, "readiness", timeout)

    def lose(self, *numbers: int) -> None:
        """Kill these pods, and lose their volumes."""
        for number in numbers:
            self.pods[number].kill()
        for number in numbers:
            shutil.rmtree(self._data(number), ignore_errors=True)

    def has_data(self, number: int) -> bool:
        """Whether etcd has begun to write in this pod."""
        return self._data(number).exists()

    def log(self, number: int) -> str:
        """What the pod has said so far."""
        return self.pods[number].log.read_text(errors="replace")

    def client(self, *numbers: int, timeout: float = 10.0) -> EtcdClient:
        """A client of these members, or of all, as root."""
        files = self.certificates["root"]
        return EtcdClient(
            [self.endpoints[number] for number in numbers or range(len(self.pods))],
            username="root",
            password=self.passwords["root"],
            ca_file=str(files.ca),
            cert_file=str(files.cert),
            key_file=str(files.key),
            timeout=timeout,
        )

    def set_up(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the set-up's program, as its Job does."""
        endpoints = self.endpoints[: self.wanted]
        command = [sys.executable, "-m", "jupyterhub_ha.etcd_setup", *self._root(), *options]
        return subprocess.run(
            [*command, "--endpoints", *endpoints],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=150,
        )

    def _data(self, number: int) -> Path:
        return self._folder / f"data-{number}"

    def _environment(self) -> dict[str, str]:
        pairs = list(zip(self.names, self.peers, strict=True))[: self.wanted]
        return os.environ | {
            "PYTHONPATH": str(PACKAGE),
            "JUPYTERHUB_HA_ETCD_MEMBERS": ",".join(f"{name}={url}" for name, url in pairs),
            "JUPYTERHUB_HA_ETCD_ROOT_PASSWORD": self.passwords["root"],
            "JUPYTERHUB_HA_ETCD_HUB_PASSWORD": self.passwords["hub"],
        }

    def _root(self) -> Sequence[str]:
        root = self.certificates["root"]
        return (f"--ca-file={root.ca}", f"--cert-file={root.cert}", f"--key-file={root.key}")

    def _pod(self, number: int) -> Service:
        server = self.certificates["server"]
        options = {
            "unsafe-no-fsync": "true",  # a test's data need not survive a power cut
            "log-level": "warn",
            "client-cert-auth": "true",
            "trusted-ca-file": str(server.ca),
            "cert-file": str(server.cert),
            "key-file": str(server.key),
            "peer-client-cert-auth": "true",
            "peer-trusted-ca-file": str(server.ca),
            "peer-cert-file": str(server.cert),
            "peer-key-file": str(server.key),
            **self._options,
            "name": self.names[number],
            "data-dir": str(self._data(number)),
            "listen-client-urls": self.endpoints[number],
            "advertise-client-urls": self.endpoints[number],
            "listen-peer-urls": self.peers[number],
            "initial-advertise-peer-urls": self.peers[number],
            "listen-metrics-urls": self.health[number],
        }
        words = [f"--{option}={value}" for option, value in options.items()]
        file = self._folder / f"etcd-{number}.json"
        command: list[str | Path] = [sys.executable, "-c", _POD, TOOLS_BIN / "etcd", file]
        command += [*self._root(), "--", *words]
        return Service(command, self._folder / f"{self.names[number]}.log")
