"""``proxy-gen validate``: everything that is wrong with values, at once."""

from __future__ import annotations

import click

from proxy_gen import values
from proxy_gen.cli_options import (
    quiet_option,
    release_options,
    talk,
    values_options,
)
from proxy_gen.helm import Release
from proxy_gen.render import render
from proxy_gen.values import Overrides


@click.command()
@values_options
@release_options
@quiet_option
def command(
    files: list[str],
    overrides: Overrides,
    secrets_file: str | None,
    release: Release,
    quiet: bool,
) -> None:
    """Check VALUES against the schema and against every rule of the chart.

    Every problem is told at once, with its file, line and path, and what would be right.

    \b
    Example:
      proxy-gen validate values.yaml
      proxy-gen validate values.yaml -f production.yaml --set proxy.traefik.replicas=3
    """
    render(values.read(files, overrides, secrets=secrets_file), release)
    talk(quiet)(f"{', '.join(files)}: no problems")
