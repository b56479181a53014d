"""``proxy-gen validate``: everything that is wrong with values, at once."""

from __future__ import annotations

import click

from proxy_gen import chart, values
from proxy_gen.cli_options import (
    host_options,
    quiet_option,
    release_options,
    talk,
    target_option,
    values_options,
)
from proxy_gen.helm import Release
from proxy_gen.host_place import Options
from proxy_gen.render import render
from proxy_gen.values import Overrides


@click.command()
@values_options
@release_options
@target_option
@host_options
@quiet_option
def command(
    files: list[str],
    overrides: Overrides,
    secrets_file: str | None,
    release: Release,
    target: str,
    host: Options,
    quiet: bool,
) -> None:
    """Check VALUES against the schema and against every rule of the chart.

    Every problem is told at once, with its file, line and path, and what would be right.

    \b
    Example:
      proxy-gen validate values.yaml
      proxy-gen validate values.yaml -f production.yaml --set proxy.traefik.replicas=3
      proxy-gen validate values-examples/single-host.yaml --target host
    """
    given = values.read(files, overrides, secrets=secrets_file)
    if target == "host":
        from proxy_gen.bundle import build  # templates cost time that a cluster does not need

        build(given, chart.defaults(chart.find()), host)
    else:
        render(given, release)
    talk(quiet)(f"{', '.join(files)}: no problems")
