"""``proxy-gen init``: write a values file to begin with."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from proxy_gen import starter
from proxy_gen.cli_options import quiet_option, talk
from proxy_gen.errors import OutputError
from proxy_gen.files import write_atomically
from proxy_gen.starter import Answers

_STDOUT = "-"
_SUGGESTED = Answers()
_HOST = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
)
_MEMORY = re.compile(r"[1-9][0-9]*(\.[0-9]+)?[KMGT]")


def _checked_host(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    if value and not _HOST.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no host name; write it like hub.example.org")
    return value


def _checked_memory(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    if value is not None and not _MEMORY.fullmatch(value):
        raise click.BadParameter(f"{value!r} is no amount of memory; write it like 1G or 512M")
    return value


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="values.yaml")
@click.option("--login", type=click.Choice(starter.LOGINS), help="How users log in.")
@click.option("--host", callback=_checked_host, help="The hub's public name, for an Ingress.")
@click.option("--storage", type=click.Choice(starter.STORAGES), help="Users' files.")
@click.option("--memory", callback=_checked_memory, help="Memory of each user, such as 1G.")
@click.option("--replicas", type=click.IntRange(1, 100), help="Replicas of the proxy.")
@click.option("--etcd-members", type=click.Choice(("1", "3", "5")), help="Members of etcd.")
@click.option("--dashboard/--no-dashboard", default=None, help="Traefik's dashboard.")
@click.option("--defaults", is_flag=True, help="Ask nothing; take the suggestion for the rest.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@quiet_option
def command(
    file: str,
    login: str | None,
    host: str | None,
    storage: str | None,
    memory: str | None,
    replicas: int | None,
    etcd_members: str | None,
    dashboard: bool | None,
    defaults: bool,
    force: bool,
    quiet: bool,
) -> None:
    """Ask a few questions and write a commented values file to FILE (values.yaml; - prints it).

    What an option answers is not asked. With the login dummy, which is for trying out, one password
    for everybody is drawn and written into the file.

    \b
    Example:
      proxy-gen init
      proxy-gen init values.yaml --login github --host hub.example.org --defaults
    """
    if file != _STDOUT and Path(file).exists() and not force:
        raise OutputError(f"{file}: is there already; choose another name, or give --force")

    def ask(given: Any, text: str, suggestion: Any, kind: Any = None) -> Any:
        if given is not None:
            return given
        if defaults:
            return suggestion
        return click.prompt(text, default=suggestion, type=kind, err=True)

    answers = Answers(
        login=ask(login, "How do users log in", "dummy", click.Choice(starter.LOGINS)),
        host=ask(host, "Public host name (empty: no Ingress)", "", _Checked(_checked_host)),
        storage=ask(storage, "Users' files", "dynamic", click.Choice(starter.STORAGES)),
        memory=ask(memory, "Memory of each user", _SUGGESTED.memory, _Checked(_checked_memory)),
        replicas=ask(replicas, "Replicas of the proxy", 2, click.IntRange(1, 100)),
        etcd_members=int(ask(etcd_members, "Members of etcd", "3", click.Choice(("1", "3", "5")))),
        dashboard=_confirmed(dashboard, defaults),
        password=secrets.token_urlsafe(12),
    )
    _write(file, answers)
    _tell(file, answers, talk(quiet))


def _write(file: str, answers: Answers) -> None:
    text = starter.write(answers)
    if file == _STDOUT:
        click.echo(text, nl=False)
    else:
        # A password is for its owner only.
        write_atomically(Path(file), text, mode=0o600 if answers.login == "dummy" else 0o644)


def _tell(file: str, answers: Answers, say: Callable[[str], None]) -> None:
    if answers.login == "dummy":
        where = "the file above" if file == _STDOUT else file
        say(
            f"everybody logs in with the password that stands in {where}, at "
            "hub.config.DummyAuthenticator.password; keep it out of git"
        )
    if file != _STDOUT:
        say(f"{file} written; next: proxy-gen secrets secrets.yaml, proxy-gen validate {file}")


class _Checked(click.ParamType[Any]):
    """The type of an answer that one of the options' checks looks at."""

    name = "text"

    def __init__(self, check: Any) -> None:
        self._check = check

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        return self._check(ctx, param, value)


def _confirmed(given: bool | None, defaults: bool) -> bool:
    if given is not None or defaults:
        return bool(given)
    return click.confirm("Traefik's dashboard", default=False, err=True)
