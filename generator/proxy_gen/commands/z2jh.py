"""``proxy-gen z2jh``: the values for a release of Zero to JupyterHub that uses our proxy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from proxy_gen import values, z2jh
from proxy_gen.cli_options import EXISTING_FILE, quiet_option, talk, values_options
from proxy_gen.errors import ProblemsError
from proxy_gen.files import write_atomically
from proxy_gen.helm import Release
from proxy_gen.render import render
from proxy_gen.values import Overrides, Values

_NAMESPACE = ("hub", "external", "namespace")


@click.command()
@values_options
@click.option(
    "--release",
    "name",
    default="companion",
    show_default=True,
    help="Name of the proxy's Helm release.",
)
@click.option("-n", "--namespace", default="default", show_default=True, help="Its namespace.")
@click.option(
    "--hub-namespace",
    metavar="NAMESPACE",
    help="Namespace of the Z2JH release, as hub.external.namespace.  [default: the same]",
)
@click.option(
    "--z2jh-values",
    "theirs_files",
    metavar="FILE",
    multiple=True,
    type=EXISTING_FILE,
    help="A values file of the Z2JH release (its config.yaml): it is checked, and the entries of "
    "its lists are kept, which Helm would drop. May be given several times.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write there instead of printing.",
)
@quiet_option
def command(
    files: list[str],
    overrides: Overrides,
    name: str,
    namespace: str,
    hub_namespace: str | None,
    theirs_files: tuple[str, ...],
    output: Path | None,
    quiet: bool,
) -> None:
    """Print the values with which a Zero to JupyterHub release uses the proxy of VALUES.

    VALUES are those of the proxy's own release, with hub.enabled: false. What is printed goes
    behind the Z2JH release's own values; it holds no secret, only the names of Secrets.

    \b
    Example:
      proxy-gen z2jh companion.yaml -n jhub --z2jh-values config.yaml -o use-companion.yaml
      helm upgrade hub jupyterhub/jupyterhub -n jhub -f config.yaml -f use-companion.yaml
    """
    given = values.read(files, overrides)
    theirs = values.read(list(theirs_files))
    say = talk(quiet)
    if hub_namespace is not None:
        if (values.get(given.data, _NAMESPACE) or namespace) != hub_namespace:
            say(f"install the proxy with --set hub.external.namespace={hub_namespace}, too")
        given = _with(given, _NAMESPACE, hub_namespace)
    rendered = z2jh.find(render(given, Release(name, namespace)).documents)
    if found := z2jh.problems(theirs, rendered.service) if theirs_files else []:
        raise ProblemsError(found)
    if not theirs_files:
        lists = ", ".join(z2jh.lists(rendered.text))
        say(f"lists replace those of the Z2JH release: {lists}")
        say("give its values with --z2jh-values to have the entries of its lists kept")
    text = z2jh.complete(rendered.text, theirs.data)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_atomically(output, text)
        say(f"{output} written; give it to `helm upgrade` behind the release's own values")


def _with(given: Values, keys: tuple[str, ...], value: Any) -> Values:
    tree: Any = value
    for key in reversed(keys):
        tree = {key: tree}
    return Values(values.merge(given.data, tree), given.sources)
