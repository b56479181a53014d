"""A Kubernetes of several nodes on this machine, for the end-to-end tests; needs root.

python -m tests.e2e.cluster up
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from . import lifecycle
from .machine import ClusterError
from .settings import WORK, Cluster


def main() -> int:
    """Run one command; 1 and a message when it cannot be done."""
    arguments = _parser().parse_args()
    # Also where a shell started it in the background, with Ctrl-C ignored.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    try:
        _run(arguments)
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cluster: interrupted", file=sys.stderr)
        return 130
    return 0


def _run(arguments: argparse.Namespace) -> None:
    cluster = lifecycle.existing(WORK)
    match arguments.command:
        case "up":
            lifecycle.up(Cluster(workers=arguments.workers))
        case "down":
            lifecycle.down(cluster)
        case "status":
            print(lifecycle.status(cluster))
        case "load-image":
            lifecycle.load_images(cluster, arguments.archive)
        case "kill-node" | "start-node":
            if arguments.node not in {node.name for node in cluster.nodes if node.schedulable}:
                raise ClusterError(f"there is no worker {arguments.node}; see `status`")
            act = {"kill-node": lifecycle.kill_node, "start-node": lifecycle.start_node}
            act[arguments.command](cluster, arguments.node)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.e2e.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start a fresh cluster")
    up.add_argument("--workers", type=int, default=3, help="how many nodes run pods (3)")
    commands.add_parser("down", help="end it and remove all it made but images and logs")
    commands.add_parser("status", help="list the machines and nodes")
    load = commands.add_parser("load-image", help="import an image archive into every node")
    load.add_argument("archive", type=Path, help="a tar file, OCI or Docker format")
    kill = commands.add_parser("kill-node", help="let a worker die: kill its process 1")
    kill.add_argument("node")
    start = commands.add_parser("start-node", help="start a worker that died")
    start.add_argument("node")
    return parser


if __name__ == "__main__":
    sys.exit(main())
