"""A real etcd of one or more members."""

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
from tests.support.processes import TOOLS_BIN, Service, answers


class EtcdCluster:
    """etcd members on this host; a context manager, which removes their data at its end.

    With `certificates` (see write_certificates) clients and peers need mTLS. `max_txn_ops` is
    the server's limit of operations in a transaction. `health` are the URLs of the members' ports
    for probes and metrics.
    """

    def __init__(
        self,
        folder: Path,
        members: int = 1,
        certificates: Mapping[str, CertFiles] | None = None,
        max_txn_ops: int = 128,
        token_ttl: int = 300,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.certificates = certificates
        scheme = "https" if certificates else "http"
        ports = free_ports(3 * members)
        clients, peers = ports[:members], ports[members : 2 * members]
        self.endpoints = [f"{scheme}://127.0.0.1:{port}" for port in clients]
        self.health = [f"http://127.0.0.1:{port}" for port in ports[2 * members :]]
        peer_urls = [f"{scheme}://127.0.0.1:{port}" for port in peers]
        self._data = [folder / f"m{i}" for i in range(members)]
        cluster = ",".join(f"m{i}={url}" for i, url in enumerate(peer_urls))
        self.members = [
            Service(
                [
                    TOOLS_BIN / "etcd",
                    f"--name=m{i}",
                    f"--data-dir={self._data[i]}",
                    f"--listen-client-urls={self.endpoints[i]}",
                    f"--advertise-client-urls={self.endpoints[i]}",
                    f"--listen-peer-urls={peer_urls[i]}",
                    f"--initial-advertise-peer-urls={peer_urls[i]}",
                    f"--listen-metrics-urls={self.health[i]}",
                    f"--initial-cluster={cluster}",
                    f"--max-txn-ops={max_txn_ops}",
                    f"--auth-token-ttl={token_ttl}",
                    # A test's data need not survive a power cut.
                    "--unsafe-no-fsync",
                    "--log-level=warn",
                    *(_tls_options(certificates["server"]) if certificates else ()),
                ],
                folder / f"m{i}.log",
            )
            for i in range(members)
        ]

    def __enter__(self) -> EtcdCluster:
        try:
            for member in self.members:
                member.start()
            self.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for folder in self._data:
            shutil.rmtree(folder, ignore_errors=True)

    def wait(self) -> None:
        """Wait until all members that were started are ready."""
        for member, health in zip(self.members, self.health, strict=True):
            if member.running:
                member.wait_until(partial(answers, f"{health}/readyz"), "readiness")

    def wipe(self) -> None:
        """Kill all members, remove their data, and start them as a new and empty cluster."""
        self.stop()
        for folder in self._data:
            shutil.rmtree(folder)
        for member in self.members:
            member.start()
        self.wait()

    def stop(self) -> None:
        """Stop all members; their data stay."""
        for member in self.members:
            member.kill()


def _tls_options(files: CertFiles) -> list[str]:
    return [
        option
        for kind in ("", "peer-")
        for option in (
            f"--{kind}client-cert-auth",
            f"--{kind}trusted-ca-file={files.ca}",
            f"--{kind}cert-file={files.cert}",
            f"--{kind}key-file={files.key}",
        )
    ]


def set_up_users(
    endpoints: Sequence[str], root: CertFiles, passwords: Mapping[str, str], *options: str
) -> str:
    """Create users and roles with the real command; returns what it says.

    `root` are the files of root's client certificate, `passwords` are by the user's name.
    """
    command = [
        *(sys.executable, "-m", "jupyterhub_ha.etcd_setup"),
        *("--endpoints", *endpoints, "--ca-file", str(root.ca)),
        *("--cert-file", str(root.cert), "--key-file", str(root.key), *options),
    ]
    environment = {
        f"JUPYTERHUB_HA_ETCD_{user.upper()}_PASSWORD": password
        for user, password in passwords.items()
    }
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
    if done.returncode:
        raise RuntimeError(f"etcd_setup: exit status {done.returncode}: {done.stderr}")
    return done.stderr
