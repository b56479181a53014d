"""``proxy-gen diff``: what would change."""

from __future__ import annotations

import dataclasses
import json
import sys

import click

from proxy_gen import diff, sides
from proxy_gen.cli_options import quiet_option, release_options, talk
from proxy_gen.errors import ProblemsError, UsageError
from proxy_gen.helm import Release
from proxy_gen.stream import Document
from proxy_gen.values import Overrides


@click.command()
@click.argument("old")
@click.argument("new")
@click.option("--set", "set_", metavar="K=V", multiple=True, help="Set a value in both.")
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="How to print the differences.",
)
@release_options
@quiet_option
def command(
    old: str,
    new: str,
    set_: tuple[str, ...],
    form: str,
    secrets_file: str | None,
    release: Release,
    quiet: bool,
) -> None:
    """Show what changes from OLD to NEW, by object and field.

    Each is a values file (or several, with commas between them), a folder that `proxy-gen render`
    wrote, or a live release, release:NAME@NAMESPACE. Values beside a live release are rendered as
    an upgrade of it would be, with the secrets that it has. What is secret is never shown, only
    that it changed.

    Exit codes: 0 no difference; 1 there are differences; 2 it could not be done.

    \b
    Example:
      proxy-gen diff values.yaml new.yaml
      proxy-gen diff rendered/ values.yaml --secrets secrets.yaml
      proxy-gen diff release:hub@jhub values.yaml,production.yaml --format json
    """
    options = sides.Options(Overrides(set=set_), secrets_file, release)
    before = _load(old, sides.beside(new, options))
    found = diff.compare(before, _load(new, sides.beside(old, options)))
    if form == "json":
        click.echo(json.dumps([dataclasses.asdict(one) for one in found], indent=2))
    else:
        click.echo(diff.text(found, colour=sys.stdout.isatty()), nl=False)
    objects = len({one.object for one in found})
    counted = f"{_count(len(found), 'difference')} in {_count(objects, 'object')}"
    talk(quiet)(counted if found else "no difference")
    if found:
        raise click.exceptions.Exit(1)


def _load(text: str, options: sides.Options) -> list[Document]:
    """Load one side; what is wrong with it cannot be compared, which is exit 2, as in diff."""
    try:
        return list(sides.load(text, options))
    except ProblemsError as error:
        raise UsageError(f"{text} cannot be rendered:\n{error}") from error


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
