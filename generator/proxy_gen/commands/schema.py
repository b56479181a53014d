"""``proxy-gen schema``: the JSON schema of the values."""

from __future__ import annotations

import click

from proxy_gen import chart


@click.command()
def command() -> None:
    """Print the JSON schema of the values, which editors use to complete and check.

    \b
    Example:
      proxy-gen schema > values.schema.json
      # first line of values.yaml, for the YAML language server:
      # yaml-language-server: $schema=values.schema.json
    """
    click.echo(chart.schema_text(chart.find()), nl=False)
