"""``proxy-gen lint``: render, then check what was rendered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import click

from proxy_gen import chart, lint, report, values
from proxy_gen.cli_options import (
    quiet_option,
    release_options,
    talk,
    target_option,
    values_options,
)
from proxy_gen.errors import ProblemsError, ToolError
from proxy_gen.helm import Release
from proxy_gen.host_place import Options
from proxy_gen.render import render
from proxy_gen.tools import find_tool
from proxy_gen.values import Overrides, Values

# The family of what is wrong before anything is rendered.
_VALUES = "values"


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
@target_option
@click.option("--no-kube-score", is_flag=True, help="Do without kube-score.")
@quiet_option
def command(
    files: list[str],
    overrides: Overrides,
    secrets_file: str | None,
    release: Release,
    form: str,
    target: str,
    no_kube_score: bool,
    quiet: bool,
) -> None:
    """Render VALUES and check every document.

    Kubernetes schemas (offline), kube-score, references between objects, selectors and ports,
    Traefik's option names, the hub's configuration and its traits. What is found goes to stdout,
    and so does what is wrong with VALUES themselves. For a host, the hub's configuration and
    Traefik's option names are what there is to check.

    \b
    Example:
      proxy-gen lint values.yaml
      proxy-gen lint values.yaml --kubernetes-version 1.33 --format junit > lint.xml
      proxy-gen lint values.yaml --format github --no-kube-score
      proxy-gen lint values.yaml --target host
    """
    say = talk(quiet)
    if target == "host":
        if _look(lambda given: _of_host(given, say), files, overrides, secrets_file, form, say):
            raise click.exceptions.Exit(1)
        return
    families = list(lint.FAMILIES)
    missing = None
    try:
        find_tool("kube-score")
    except ToolError as error:
        missing = error
    if no_kube_score or missing:
        families.remove("kube-score")

    def of_cluster(given: Values) -> _Found:
        documents = render(given, replace(release, tests=True)).documents
        subject = lint.Subject(documents, given, release.kubernetes_version)
        return f"{len(documents)} objects", subject, families

    count = _look(of_cluster, files, overrides, secrets_file, form, say)
    if missing and not no_kube_score:
        raise ToolError(f"{missing}; or leave it out with --no-kube-score")
    if count:
        raise click.exceptions.Exit(1)


_Found = tuple[str, lint.Subject, Sequence[str]]
"""What was rendered, in words; what to look at; and by which families of rules."""


def _of_host(given: Values, say: Callable[[str], None]) -> _Found:
    from proxy_gen.bundle import build  # templates cost time that a cluster does not need

    files = build(given, chart.defaults(chart.find()), Options()).documents()
    say("for one host: Traefik's option names and the hub's configuration")
    return f"{len(files)} documents", lint.Subject((), given, "", of_host=files), lint.OF_HOST


def _look(
    make: Callable[[Values], _Found],
    files: list[str],
    overrides: Overrides,
    secrets_file: str | None,
    form: str,
    say: Callable[[str], None],
) -> int:
    """Print what is wrong with the values, else with what they make; return how many there are."""
    try:
        given = values.read(files, overrides, secrets=secrets_file)
        made, subject, families = make(given)
    except ProblemsError as error:
        click.echo(report.write({_VALUES: error.problems}, form), nl=False)
        say(f"nothing was rendered: {_counted(len(error.problems))}")
        return len(error.problems)
    found = {_VALUES: [], **lint.run(subject, families, say)}
    click.echo(report.write(found, form), nl=False)
    for note in subject.notes:
        say(f"note: {note}")
    count = sum(len(problems) for problems in found.values())
    say(f"{made}: {_counted(count)}")
    return count


def _counted(count: int) -> str:
    return f"{count or 'no'} problem{'' if count == 1 else 's'}"
