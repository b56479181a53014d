"""``proxy-gen secrets``: draw, list and rotate secrets."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from proxy_gen import certificates, secret_file, secrets, values
from proxy_gen.cli_options import NAMED_FILE, quiet_option, talk
from proxy_gen.errors import UsageError
from proxy_gen.secret_file import SecretFile
from proxy_gen.terminal import table


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--list", "list_", is_flag=True, help="Show names, ages and expiry; never a value.")
@click.option(
    "--rotate",
    metavar="NAME",
    multiple=True,
    help="Draw this secret anew, for example hub.cookieSecret. May be given several times.",
)
@click.option(
    "-f",
    "--values",
    "values_files",
    metavar="FILE",
    multiple=True,
    type=NAMED_FILE,
    help="The deployment's values, for the names that the certificates carry (fullnameOverride).",
)
@click.option("--release", default="hub", show_default=True, help="The name of the Helm release.")
@click.option(
    "--san", metavar="NAME", multiple=True, help="A further DNS name or IP address of etcd."
)
@click.option(
    "--ca-days",
    type=click.IntRange(min=1),
    default=secrets.CA_DAYS,
    show_default=True,
    help="How long a new CA is valid.",
)
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=secrets.LEAF_DAYS,
    show_default=True,
    help="How long new certificates are valid.",
)
@quiet_option
def command(
    file: Path,
    list_: bool,
    rotate: tuple[str, ...],
    values_files: tuple[str, ...],
    release: str,
    san: tuple[str, ...],
    ca_days: int,
    days: int,
    quiet: bool,
) -> None:
    """Draw the secrets that FILE lacks, and keep those that it has.

    FILE is a values file, readable only by you; `proxy-gen render --secrets FILE` and
    `helm upgrade -f values.yaml -f FILE` take it. A secret that is there is never changed, except
    by --rotate. A file that this command did not write is left alone. Keep FILE out of git.

    \b
    Example:
      proxy-gen secrets secrets.yaml
      proxy-gen secrets secrets.yaml --list
      proxy-gen secrets secrets.yaml --rotate hub.cookieSecret
    """
    say = talk(quiet)
    former = secret_file.read(file)
    if list_:
        if rotate:
            raise click.UsageError("give --list or --rotate, not both")
        _print_list(former)
        return
    secret_file.refuse_foreign(file)
    name = secrets.etcd_name(values.read(values_files).data, release)
    drawn: list[secrets.Secret] = []
    tree = former.tree
    for wanted in dict.fromkeys(rotate):
        if secrets.get(tree, secrets.find(wanted)) is None:
            raise UsageError(f"{wanted}: not in {file}, so there is nothing to rotate")
        tree, changed = secrets.rotate(
            tree, wanted, etcd_name=name, san=san, ca_days=ca_days, leaf_days=days
        )
        drawn += changed
    absent = secrets.missing(tree)
    tree = secrets.draw(tree, etcd_name=name, san=san, ca_days=ca_days, leaf_days=days)
    _write(file, former, tree, [*(secret.name for secret in drawn), *absent])
    _tell(say, file, absent, drawn)
    _warn_of_names(tree, name, san)


def _write(file: Path, former: SecretFile, tree: dict[str, Any], changed: list[str]) -> None:
    if not changed:
        return
    if former.comments:
        click.echo(f"Warning: the comments that you added to {file} are not kept", err=True)
    today = datetime.datetime.now(datetime.UTC).date()
    days = dict.fromkeys(changed, today)
    secret_file.write(file, SecretFile(tree, {**former.drawn, **days}))


def _tell(
    say: Callable[[str], None], file: Path, absent: list[str], rotated: list[secrets.Secret]
) -> None:
    for secret in rotated:
        note = f" ({secret.note})" if secret.note else ""
        say(f"rotated {secret.name}; restart: {secret.restart}{note}")
    for name in absent:
        say(f"drew {name}")
    if rotated:
        say("`helm upgrade` with this file restarts what needs it")
    kept = len(secrets.SECRETS) - len(absent) - len({secret.name for secret in rotated})
    say(f"{file}: {len(absent)} drawn, {len(rotated)} rotated, {kept} kept")


def _warn_of_names(tree: dict[str, Any], etcd_name: str, san: tuple[str, ...]) -> None:
    crt = values.get(tree, ("proxy", "etcd", "tls", "server", "crt"))
    wanted = certificates.member_names(etcd_name, secrets.MAX_MEMBERS, san)
    lacking = [name for name in wanted if name not in certificates.read(str(crt)).sans]
    if lacking:
        click.echo(
            f"Warning: etcd's certificate does not name {', '.join(lacking)}; "
            "rotate it: --rotate proxy.etcd.tls.server",
            err=True,
        )


def _print_list(content: SecretFile) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    rows = []
    for entry in secret_file.entries(content, today):
        age = f"{(today - entry.drawn).days} days" if entry.drawn else "-"
        rows.append((entry.name, age, str(entry.expires or "-"), entry.remark or "ok"))
    click.echo(table(rows, ("SECRET", "AGE", "EXPIRES", "STATE")))
