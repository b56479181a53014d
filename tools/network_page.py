"""Writes docs/reference/network.md from tests/chart/network.yaml, the table that the tests hold the
chart's network policies to; --check only compares.

.venv/bin/python tools/network_page.py [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import generated_page
import yaml
from generated_page import ROOT

PAGE = ROOT / "docs/reference/network.md"
TABLE = ROOT / "tests/chart/network.yaml"
INTRO = """\
<!-- Written by tools/network_page.py from tests/chart/network.yaml; do not edit. -->

# Who may reach whom

What the chart's network policies, all on by default, let through, for these examples:

{examples}

The tests render each of them, add users' pods as KubeSpawner makes them, and have
[netpol-analyzer](https://github.com/np-guard/netpol-analyzer) evaluate the policies: between two
peers exactly the ports of the first table are open. Policies work only where the cluster's network
plugin enforces them; [the cluster of the tests](../how-to/cluster.md) does, by kube-router.

Plugins differ in one thing: some take rules for addresses (`egressAllowRules`) for the addresses of
pods, too, others only for those outside the cluster. The tables read them in the latter way. What
the second table says of the release's own pods holds either way, since the receiving side alone
refuses it.

## Peers

{peers}

The *entrance* is the pod that users' requests come to: the proxy, or the hub with
`proxy.kind: in-process`.

## Allowed

{allowed}

## Refused

Everything else is refused. Among it:

{refused}

## More

Pods of yours get in by a label, which opens one door each: `hub.jupyter.org/network-access-hub`,
`-singleuser`, `-proxy-http`, `-proxy-api`, `-proxy-dashboard` and `-proxy-etcd`, with the value
`"true"`. In another namespace they need `interNamespaceAccessLabels: accept` in the `networkPolicy`
of the component, too. Other rules go to `ingress` and `egress` beside it; see
[values](values.md).
"""


def page() -> str:
    """The whole page."""
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return INTRO.format(
        examples="\n".join(
            f"- `values-examples/{name}.yaml`: {text}" for name, text in table["examples"].items()
        ),
        peers=generated_page.table(
            ("peer", ""), [(name, text) for name, text in table["peers"].items()]
        ),
        allowed=generated_page.table(_HEAD, [_row(row) for row in table["allowed"]]),
        refused=generated_page.table(_HEAD, [_row(row) for row in table["refused"]]),
    )


_HEAD = ("from", "to", "port", "where", "why")


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    ports = ", ".join(str(port) for port in row["ports"])
    return _listed(row["from"]), _listed(row["to"]), ports, row.get("when", ""), row["why"]


def _listed(peers: str | list[str]) -> str:
    return peers if isinstance(peers, str) else ", ".join(peers)


if __name__ == "__main__":
    sys.exit(generated_page.main(PAGE, page, __doc__))
