"""The network of the machines, as lines for `ip -batch`. Nothing here acts.

One bridge in a namespace of its own is the switch; each node and this machine have a cable (veth
pair) to it. Every node routes the pods of every other to that node; there is no NAT between pods.
"""

from __future__ import annotations

from .settings import BALANCERS, MACHINES, SERVICES, Cluster, Node

_BRIDGE = "switch"


def bridge() -> list[str]:
    """In the switch's namespace."""
    return [
        "link set lo up",
        f"link add {_BRIDGE} type bridge",
        f"link set {_BRIDGE} up",
    ]


def port(name: str) -> list[str]:
    """In the switch's namespace: take one cable's end."""
    return [f"link set {name} master {_BRIDGE}", f"link set {name} up"]


def host_link(cluster: Cluster, switch: int) -> list[str]:
    """On this machine: the cable to the switch, whose process is given."""
    return [f"link add {cluster.name} type veth peer name host netns {switch}"]


def host_addresses(cluster: Cluster) -> list[str]:
    """On this machine: its addresses, and the way to pods and Services. All goes with the cable."""
    addresses = [cluster.host_address, *cluster.client_addresses]
    return [
        *(f"address add {one}/{MACHINES.prefixlen} dev {cluster.name}" for one in addresses),
        f"link set {cluster.name} up",
        f"route add {SERVICES} via {cluster.control.address}",
        f"route add {BALANCERS} via {cluster.control.address}",
        *_pod_routes(cluster, None),
    ]


def node_link(node: Node, pid: int, switch: int) -> list[str]:
    """On this machine: a cable between two namespaces, given by a process of each.

    A node that comes back has its former hardware address, as a machine has: others still have it
    in their tables.
    """
    hardware = f"02:00:00:00:00:{node.number:02x}"
    return [
        f"link add eth0 address {hardware} netns {pid}"
        f" type veth peer name {node.name} netns {switch}"
    ]


def node_addresses(cluster: Cluster, node: Node) -> list[str]:
    """In the node's namespace."""
    return [
        "link set lo up",
        f"address add {node.address}/{MACHINES.prefixlen} dev eth0",
        "link set eth0 up",
        *_pod_routes(cluster, node),
        # Nothing leaves the cluster, and who tries is told at once.
        "route add unreachable default",
    ]


def _pod_routes(cluster: Cluster, own: Node | None) -> list[str]:
    others = [node for node in cluster.nodes if node.schedulable and node != own]
    return [f"route add {node.pods} via {node.address}" for node in others]
