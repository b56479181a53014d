"""``proxy-gen lint``: render, then check what was rendered."""

from __future__ import annotations

import click

from proxy_gen import lint, report, values
from proxy_gen.cli_options import (
    quiet_option,
    release_options,
    talk,
    values_options,
)
from proxy_gen.errors import ToolError
from proxy_gen.helm import Release
from proxy_gen.render import render
from proxy_gen.values import Overrides


@click.command()
@values_options
@release_options
@click.option(
    "--format",
    "form",
    type=click.Choice(report.FORMATS),
    default="text",
    show_default=True,
    help="How to print what was found.",
)
@click.option("--no-kube-score", is_flag=True, help="Do without kube-score.")
@quiet_option
def command(
    files: list[str],
    overrides: Overrides,
    secrets_file: str | None,
    release: Release,
    form: str,
    no_kube_score: bool,
    quiet: bool,
) -> None:
    """Render VALUES and check every document.

    Kubernetes schemas (offline), kube-score, references between objects, selectors and ports,
    Traefik's option names, the hub's configuration and its traits. What is found goes to stdout.

    \b
    Example:
      proxy-gen lint values.yaml
      proxy-gen lint values.yaml --kubernetes-version 1.33 --format junit > lint.xml
      proxy-gen lint values.yaml --format github --no-kube-score
    """
    say = talk(quiet)
    given = values.read(files, overrides, secrets=secrets_file)
    rendered = render(given, release)
    subject = lint.Subject(rendered.documents, given, release.kubernetes_version)
    families = [name for name in lint.FAMILIES if not (no_kube_score and name == "kube-score")]
    try:
        found = lint.run(subject, families, say)
    except ToolError as error:
        raise ToolError(f"{error}, or leave it out with --no-kube-score") from error
    click.echo(report.write(found, form), nl=False)
    for note in subject.notes:
        say(f"note: {note}")
    count = sum(len(problems) for problems in found.values())
    say(f"{len(rendered.documents)} objects: {count or 'no'} problem{'' if count == 1 else 's'}")
    if count:
        raise click.exceptions.Exit(1)
