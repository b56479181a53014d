"""Where the cluster's parts are: folders, names and addresses. Nothing here acts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# What is built once and kept: beside the other tools.
TOOLS = ROOT / ".tools"
BUILT = TOOLS / "cluster"
BIN = TOOLS / "bin"
# What one run makes: certificates, logs, the nodes' disks.
WORK = ROOT / ".cluster"

# Every process of a cluster carries this name in its environment, with the work folder as value.
MARK = "JUPYTERHUB_HA_CLUSTER"
DOMAIN = "cluster.local"
MACHINES = IPv4Network("10.211.0.0/24")
PODS = IPv4Network("10.212.0.0/16")
SERVICES = IPv4Network("10.213.0.0/16")
# Addresses of Services of type LoadBalancer.
BALANCERS = IPv4Network("10.214.0.0/24")


@dataclass(frozen=True)
class Node:
    """One machine of the cluster; `number` is its place in the address ranges."""

    name: str
    number: int
    schedulable: bool = True

    @property
    def address(self) -> IPv4Address:
        """Its address in the network of the machines."""
        return MACHINES[10 + self.number]

    @property
    def pods(self) -> IPv4Network:
        """The addresses of its pods."""
        return list(PODS.subnets(new_prefix=24))[self.number]


@dataclass(frozen=True)
class Cluster:
    """A control plane and its workers, all below one work folder."""

    workers: int = 3
    folder: Path = WORK

    @property
    def name(self) -> str:
        """Names its cgroup and its interface on this machine (at most 15 letters)."""
        return "jha-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]

    @property
    def control(self) -> Node:
        """The machine of the control plane; it runs no pods."""
        return Node("control", 0, schedulable=False)

    @property
    def nodes(self) -> list[Node]:
        """All machines, the control plane first."""
        workers = range(1, self.workers + 1)
        return [self.control, *(Node(f"worker-{number}", number) for number in workers)]

    def node(self, name: str) -> Node:
        """The machine of that name; KeyError if there is none."""
        return {node.name: node for node in self.nodes}[name]

    @property
    def host_address(self) -> IPv4Address:
        """This machine's own address in the network of the machines."""
        return MACHINES[1]

    @property
    def client_addresses(self) -> list[IPv4Address]:
        """More addresses of this machine there, as if it were so many."""
        return [MACHINES[number] for number in range(100, 150)]

    @property
    def api(self) -> str:
        """The API server's URL."""
        return f"https://{self.control.address}:6443"

    @property
    def dns_address(self) -> IPv4Address:
        """The Service of the cluster's DNS."""
        return SERVICES[10]

    @property
    def pki(self) -> Path:
        """Certificates, keys and kubeconfigs."""
        return self.folder / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.pki / "admin.conf"

    @property
    def logs(self) -> Path:
        """One file per daemon: <node>-<daemon>.log."""
        return self.folder / "logs"

    @property
    def gates(self) -> Path:
        """A daemon with a gate starts when the file of that name is here."""
        return self.folder / "gates"

    def node_folder(self, name: str) -> Path:
        """What belongs to one node: its process, its images and local volumes."""
        return self.folder / "nodes" / name
