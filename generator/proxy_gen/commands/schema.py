"""``proxy-gen schema``: the JSON schema of the values."""

from __future__ import annotations

import json
from typing import Any

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
    click.echo(json.dumps(_partial(chart.schema(chart.find())), indent=2))


def _partial(node: dict[str, Any]) -> dict[str, Any]:
    """The schema without ``required``: a file of one's own has only what differs."""
    rest = {key: value for key, value in node.items() if key != "required"}
    if "properties" in rest:
        rest["properties"] = {key: _partial(value) for key, value in rest["properties"].items()}
    return rest
