"""``proxy-gen doctor``: ask a running hub from outside what is wrong with it."""

from __future__ import annotations

import datetime
import os
import re
import sys
from pathlib import Path

import click

from proxy_gen import chart, values
from proxy_gen.cli_options import EXISTING_FILE, NAMED_FILE
from proxy_gen.doctor import writing
from proxy_gen.doctor.examine import examine
from proxy_gen.doctor.facts import BODY, Asked
from proxy_gen.errors import UsageError
from proxy_gen.sizes import EXAMPLE, size_of


def _size(_context: click.Context, _parameter: click.Parameter, text: str) -> int:
    size = size_of(text)
    if size is None:
        raise click.BadParameter(f"{text!r} is no size; {EXAMPLE}")
    return size


@click.command()
@click.argument("url")
@click.option(
    "-f",
    "--values",
    "files",
    metavar="FILE",
    multiple=True,
    type=EXISTING_FILE,
    help="The values of the release; may be repeated, later ones win.",
)
@click.option("--user", metavar="NAME", default="", help="A user whose server is looked at.")
@click.option(
    "--spawn", is_flag=True, help="Start that server if it does not run, and stop it again."
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=NAMED_FILE,
    help="A file with an API token of the hub.  [default: $JUPYTERHUB_API_TOKEN]",
)
@click.option(
    "--kernel",
    "kernels",
    metavar="NAME",
    multiple=True,
    help="A kernel that must be there; may be repeated.",
)
@click.option(
    "--replica",
    "replicas",
    metavar="URL",
    multiple=True,
    help="The internal entry point of a replica, such as http://10.0.0.5:8080; may be repeated.",
)
@click.option("--ca-file", metavar="FILE", type=NAMED_FILE, help="Authorities to believe, in PEM.")
@click.option(
    "--http-port",
    type=click.IntRange(1, 65535),
    help="Where plain http is.  [default: 80 if https is at 443]",
)
@click.option(
    "--body",
    metavar="SIZE",
    default=f"{BODY >> 20}M",
    show_default=True,
    callback=_size,
    help="How large an upload must be allowed to be.",
)
@click.option(
    "--idle",
    metavar="SECONDS",
    type=click.FloatRange(0, 3600),
    default=0,
    help="Leave a websocket idle for so long.  [default: not checked]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    url: str,
    files: tuple[str, ...],
    user: str,
    spawn: bool,
    token_file: str | None,
    kernels: tuple[str, ...],
    replicas: tuple[str, ...],
    ca_file: str | None,
    http_port: int | None,
    body: int,
    idle: float,
    as_json: bool,
) -> None:
    """Ask the hub at URL, from outside, what is wrong, and name the cure.

    What can be seen without a token is always checked; a token, a user and the replicas' URLs let
    it see more. The token needs the scopes read:users, access:servers and read:metrics, with
    --spawn servers, too; it is sent to the URL's host only, over a certificate that is trusted.
    The replicas' API is asked with $TRAEFIK_API_USER (hub by default) and $TRAEFIK_API_PASSWORD;
    without a password their page for probes is. Nothing secret is printed.

    Exit codes: 0 no problem was found; 1 a problem was found; 2 it could not be done.

    \b
    Example:
      proxy-gen doctor https://hub.example.com/
      proxy-gen doctor https://hub.example.com/ --user ada --token-file token --spawn
      proxy-gen doctor https://hub.example.com/ --json | jq '.checks[] | select(.cure != "")'
    """
    if spawn and not user:
        raise UsageError("--spawn: whose server? give --user NAME")
    asked = Asked(
        url=url,
        token=_token(token_file),
        user=user,
        spawn=spawn,
        ca_file=ca_file or "",
        http_port=http_port or 0,
        body=body,
        idle=idle,
        kernels=kernels,
        replicas=replicas,
        api_user=os.environ.get("TRAEFIK_API_USER", "hub"),
        api_password=os.environ.get("TRAEFIK_API_PASSWORD", ""),
        values=_values(files),
    )
    lines = examine(asked)
    if as_json:
        click.echo(writing.as_json(url, lines, datetime.datetime.now(datetime.UTC)))
    else:
        click.echo(writing.as_text(url, lines, colour=sys.stdout.isatty()), nl=False)
    if code := writing.exit_code(lines):
        raise click.exceptions.Exit(code)


def _token(file: str | None) -> str:
    if file is None:
        token = os.environ.get("JUPYTERHUB_API_TOKEN", "")
        where = "JUPYTERHUB_API_TOKEN"
    else:
        try:
            token = Path(file).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file}: holds no token that can be read") from error
        where = file
        if not token.strip():
            raise UsageError(f"{file}: is empty; write a token into it, or leave --token-file out")
    token = token.strip()
    if token and not re.fullmatch(r"[\x21-\x7e]+", token):
        raise UsageError(f"{where}: holds no token in one word")
    return token


def _values(files: tuple[str, ...]) -> dict[str, object] | None:
    if not files:
        return None
    return values.coalesce(values.read(files).data, chart.defaults(chart.find()))
