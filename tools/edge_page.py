"""Writes docs/reference/edge.md from the generator's table of web servers; --check only compares.

.venv/bin/python tools/edge_page.py [--check]
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import generated_page
from generated_page import ROOT

from proxy_gen.edge import places
from proxy_gen.edge_features import DROPPED_HEADERS, FEATURES, SERVERS, SET_HEADERS

PAGE = ROOT / "docs/reference/edge.md"
INTRO = """\
<!-- Written by tools/edge_page.py from generator/proxy_gen/edge_features.py; do not edit. -->

# Web servers in front

What `proxy-gen edge` writes for each web server, and what that does:
[how to put a web server in front](../how-to/web-server.md). Every line of the second table is
proven by the test that it names, in `tests/edge`, on the real server with a real proxy behind it.
The data path of the [conformance suite](conformance.md) runs through each of them, too; what they
do otherwise than our own proxies is in `tests/support/edge_deviations.py`.

## Servers

{servers}

## Features

{features}

## Headers

Set by the web server, whatever the client sends: {set}. `Host` arrives as the client sent it.

Never passed on: {dropped}.
"""


def page() -> str:
    """The whole page."""
    servers = [
        (
            f"`{server.name}`",
            f"{server.title} {server.version}",
            ", ".join(f"`{file}`: `{place}`" for file, place in places(server).items()),
        )
        for server in SERVERS.values()
    ]
    features = [
        (
            feature.text,
            *(feature.otherwise.get(name, "yes") for name in SERVERS),
            f"`{feature.test.replace('::', '.py::')}`",
        )
        for feature in FEATURES
    ]
    return INTRO.format(
        servers=generated_page.table(
            ("`--server`", "at least", "files, and where they belong"), servers
        ),
        features=generated_page.table(("", *SERVERS, "test"), features),
        set=_listed(SET_HEADERS),
        dropped=_listed(DROPPED_HEADERS),
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.exit(generated_page.main(PAGE, page, __doc__))
