"""``proxy-gen render``: write every document that the values make."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from proxy_gen import chart, documents, secrets, stream, tree, values
from proxy_gen.cli_options import (
    host_options,
    named_folder,
    quiet_option,
    release_options,
    talk,
    target_option,
    values_options,
    warn_of_placeholders,
)
from proxy_gen.helm import Release
from proxy_gen.host_place import Options
from proxy_gen.render import render
from proxy_gen.terminal import table
from proxy_gen.tree import File, Written
from proxy_gen.values import Overrides

_CLUSTER, _HOST = "proxy-gen render", "proxy-gen render --target host"


@click.command()
@values_options
@release_options
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    default="rendered",
    show_default=True,
    callback=named_folder,
    help="The folder to write into; - prints all objects as one YAML stream.",
)
@click.option(
    "--only",
    type=click.Choice(list(documents.SHORT_NAMES)),
    help="Print this one document and write nothing.",
)
@click.option("--force", is_flag=True, help="Overwrite rendered files that were edited since.")
@target_option
@host_options
@quiet_option
def command(
    files: list[str],
    overrides: Overrides,
    secrets_file: str | None,
    release: Release,
    output: str,
    only: str | None,
    force: bool,
    target: str,
    host: Options,
    quiet: bool,
) -> None:
    """Write traefik.toml, etcd-statefulset.yaml, hub/ and manifests/ for VALUES.

    With --target host: units, configuration and a README.md for one host without Kubernetes.

    The same input makes the same bytes. Secrets come from --secrets; without it they are
    placeholders that no cluster takes. Files that a former render wrote and this one does not are
    removed; files that it did not write are never touched.

    \b
    Example:
      proxy-gen secrets secrets.yaml
      proxy-gen render values.yaml --secrets secrets.yaml -o rendered/
      proxy-gen render values.yaml --only traefik.toml
      proxy-gen render values.yaml -o - | kubectl diff -f -
      proxy-gen render values.yaml --target host --secrets secrets.yaml -o bundle/
    """
    given = values.read(files, overrides, secrets=secrets_file)
    if target == "host":
        if only or output == "-":
            raise click.UsageError(
                "--target host writes a folder: name one with -o, without --only"
            )
        from proxy_gen.bundle import build  # templates cost time that a cluster does not need

        bundle = build(given, chart.defaults(chart.find()), host)
        warn_of_placeholders(bundle.placeholders, quiet)
        _write(bundle.files, Path(output), _HOST, force, quiet)
        talk(quiet)(f"{output}/README.md says how to install it")
        return
    rendered = render(given, release)
    warn_of_placeholders(rendered.placeholders, quiet)
    if only:
        click.echo(documents.only(rendered.documents, only), nl=False)
    elif output == "-":
        click.echo(stream.join(rendered.documents), nl=False)
    else:
        documents_there = documents.extract(rendered.documents)
        files_there = documents_there | documents.manifests(rendered.documents)
        _write(files_there, Path(output), _CLUSTER, force, quiet)
        if any(True for _ in secrets.walk(given.data)):
            talk(quiet)(
                f"{output} holds secrets now: keep it out of git, and let nobody else read it"
            )


def _write(files: Mapping[str, File], folder: Path, command: str, force: bool, quiet: bool) -> None:
    written = tree.write(folder, files, command, force=force)
    say = talk(quiet)
    say(table([(one.path, one.state) for one in written], ("FILE", "STATE")))
    say(f"{folder}: {_counted(written)}")


def _counted(written: list[Written]) -> str:
    states = [one.state for one in written]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states)))
