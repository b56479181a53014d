"""``proxy-gen edge``: a virtual host of a web server that stands in front of our proxy."""

from __future__ import annotations

from pathlib import Path

import click

from proxy_gen import chart, tree, values
from proxy_gen.cli_options import named_folder, quiet_option, talk, values_options
from proxy_gen.edge import build
from proxy_gen.edge_features import SERVERS
from proxy_gen.edge_options import DEFAULT_UPSTREAM, Asked, check
from proxy_gen.render import schema_problems
from proxy_gen.terminal import table
from proxy_gen.values import Overrides

_PORT = click.IntRange(1, 65535)


@click.command()
@values_options
@click.option(
    "--server", type=click.Choice(list(SERVERS)), required=True, help="The web server in front."
)
@click.option(
    "--name",
    "names",
    metavar="NAME",
    multiple=True,
    help="Host name of the virtual host; may be repeated.  [default: proxy.https.hosts, then "
    "ingress.hosts]",
)
@click.option(
    "--upstream",
    "upstreams",
    metavar="HOST:PORT",
    multiple=True,
    help=f"A replica or Service of our proxy; may be repeated.  [default: {DEFAULT_UPSTREAM}]",
)
@click.option(
    "--from",
    "sources",
    metavar="CIDR",
    multiple=True,
    help="Addresses from which the web server reaches our proxy, which believes X-Forwarded-* from "
    "nobody else; may be repeated.  [default: loopback, where every upstream is there]",
)
@click.option(
    "--certificate",
    metavar="FILE",
    default="",
    help="With the chain.  [default: /etc/ssl/certs/NAME.crt]",
)
@click.option("--key", metavar="FILE", default="", help="[default: /etc/ssl/private/NAME.key]")
@click.option("--no-tls", is_flag=True, help="Plain http only.")
@click.option(
    "--tls-in-front",
    is_flag=True,
    help="With --no-tls: another server in front ends TLS, so the hub is told https.",
)
@click.option(
    "--max-body",
    metavar="SIZE",
    default="",
    help="Refuse larger request bodies, such as 2G.  [default: no limit]",
)
@click.option(
    "--address",
    "addresses",
    metavar="ADDRESS",
    multiple=True,
    help="Listen there only; may be repeated.  [default: all addresses]",
)
@click.option("--http-port", type=_PORT, default=80, show_default=True, help="Port for http.")
@click.option("--https-port", type=_PORT, default=443, show_default=True, help="Port for https.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    default="edge",
    show_default=True,
    callback=named_folder,
    help="The folder to write into.",
)
@click.option("--force", is_flag=True, help="Overwrite written files that were edited since.")
@quiet_option
def command(
    files: list[str],
    overrides: Overrides,
    server: str,
    names: tuple[str, ...],
    upstreams: tuple[str, ...],
    sources: tuple[str, ...],
    certificate: str,
    key: str,
    no_tls: bool,
    tls_in_front: bool,
    max_body: str,
    addresses: tuple[str, ...],
    http_port: int,
    https_port: int,
    output: str,
    force: bool,
    quiet: bool,
) -> None:
    """Write a virtual host for a web server in front of the proxy of VALUES.

    It serves hub.baseUrl and nothing else of the host, and ends TLS. Beside the server's files
    there are values.yaml, for our side to match, and README.md, which says how to install, check
    and reload it.

    \b
    Example:
      proxy-gen edge values.yaml --server nginx --name hub.example.com -o edge/
      proxy-gen edge values.yaml --server haproxy --name hub.example.com \\
        --upstream 10.0.0.5:80 --upstream 10.0.0.6:80 --from 10.0.0.7/32
    """
    if output == "-":
        raise click.UsageError("there are several files: name a folder with -o")
    given = values.read(files, overrides)
    folder = chart.find()
    asked = Asked(
        server=server,
        names=names,
        upstreams=upstreams,
        certificate=certificate,
        key=key,
        tls=not no_tls,
        tls_in_front=tls_in_front,
        max_body=max_body,
        http_port=http_port,
        https_port=https_port,
        addresses=addresses,
        sources=sources,
    )
    edge = check(asked, given, chart.defaults(folder), schema_problems(given, folder))
    written = tree.write(Path(output), build(edge), "proxy-gen edge", force=force)
    say = talk(quiet)
    say(table([(one.path, one.state) for one in written], ("FILE", "STATE")))
    say(f"{output}/README.md says how to install it, for {edge.url}")
