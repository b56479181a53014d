"""Options and talk that the commands share; click lives here and in the commands only."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from .helm import Release
from .host_place import Options, Place
from .values import Overrides

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

EXISTING_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)
NAMED_FILE = click.Path(exists=True, dir_okay=False)
"""The same, where the standard input makes no sense."""


_VALUES = (
    click.argument("arguments", metavar="VALUES...", nargs=-1, type=EXISTING_FILE),
    click.option(
        "-f",
        "--values",
        "more",
        metavar="FILE",
        multiple=True,
        type=EXISTING_FILE,
        help="A further values file; later ones win. - is the standard input.",
    ),
    click.option("--set", "set_", metavar="K=V", multiple=True, help="Set a value, as in Helm."),
    click.option("--set-string", metavar="K=V", multiple=True, help="Set a text."),
    click.option("--set-json", metavar="K=JSON", multiple=True, help="Set a JSON value."),
    click.option("--set-file", metavar="K=FILE", multiple=True, help="Set a file's text."),
)


def named_folder(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Refuse an empty name, such as an unset variable's: it would be the current folder."""
    if not value:
        raise click.BadParameter("it is empty; name a folder")
    return value


def quiet_option(function: Decorated) -> Decorated:
    """Add ``-q/--quiet``: say nothing on stderr but errors."""
    return click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")(function)


def values_options(function: Decorated) -> Decorated:
    """Add the values: arguments, ``-f`` and the ``--set`` family, as Helm has them.

    The command gets ``files`` (in order, arguments first; at least one) and ``overrides``.
    """

    @functools.wraps(function)
    def wrapped(
        *args: Any,
        arguments: tuple[str, ...],
        more: tuple[str, ...],
        set_: tuple[str, ...],
        set_string: tuple[str, ...],
        set_json: tuple[str, ...],
        set_file: tuple[str, ...],
        **others: Any,
    ) -> Any:
        files = _gather_files(arguments, more)
        overrides = Overrides(set_json, set_, set_string, set_file)
        return function(*args, files=files, overrides=overrides, **others)

    for option in reversed(_VALUES):
        wrapped = option(wrapped)
    return cast(Decorated, wrapped)


def _checked_version(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value and not re.fullmatch(r"v?\d+\.\d+(\.\d+)?", value):
        raise click.BadParameter(f"{value!r} is no version; write it like 1.33")
    return value


def _checked_name(_context: click.Context, parameter: click.Parameter, value: str) -> str:
    # RFC 1123, as Kubernetes has it, which takes 63 letters for a namespace; Helm takes 53.
    longest = 63 if parameter.name == "namespace" else 53
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", value) or len(value) > longest:
        raise click.BadParameter(
            f"{value!r} is no name; use up to {longest} small letters, digits and -, such as hub"
        )
    return value


def _checked_address(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is no address; write it like 127.0.0.1, :: or 0.0.0.0 for all"
        ) from error


def release_options(function: Decorated) -> Decorated:
    """Add ``--secrets``, ``--release``, ``--namespace`` and ``--kubernetes-version``.

    The command gets ``secrets_file`` and ``release``.
    """

    @functools.wraps(function)
    def wrapped(*args: Any, name: str, namespace: str, kubernetes_version: str, **more: Any) -> Any:
        release = Release(name, namespace, kubernetes_version)
        return function(*args, release=release, **more)

    options = (
        click.option(
            "--secrets",
            "secrets_file",
            metavar="FILE",
            type=NAMED_FILE,
            help="The secrets that `proxy-gen secrets FILE` drew.",
        ),
        click.option(
            "--release",
            "name",
            default="hub",
            show_default=True,
            callback=_checked_name,
            help="Name of the Helm release.",
        ),
        click.option(
            "-n",
            "--namespace",
            default="default",
            show_default=True,
            callback=_checked_name,
            help="Its namespace.",
        ),
        click.option(
            "--kubernetes-version",
            default="",
            callback=_checked_version,
            metavar="VERSION",
            help="The cluster's version, such as 1.33.  [default: a recent one]",
        ),
    )
    for option in reversed(options):
        wrapped = option(wrapped)
    return cast(Decorated, wrapped)


def target_option(function: Decorated) -> Decorated:
    """Add ``--target``: ``cluster`` or ``host``."""
    return click.option(
        "--target",
        type=click.Choice(["cluster", "host"]),
        default="cluster",
        show_default=True,
        help="Kubernetes, or one host with systemd.",
    )(function)


def _host_options() -> list[Callable[[Decorated], Decorated]]:
    defaults = Options()
    folder = click.Path(file_okay=False, path_type=Path)
    return [
        click.option(
            "--address",
            default=defaults.address,
            show_default=True,
            callback=_checked_address,
            help="Host: the address to listen on for users.",
        ),
        click.option(
            "--port",
            type=click.IntRange(1, 65535),
            default=defaults.port,
            show_default=True,
            help="Host: the public port.",
        ),
        click.option(
            "--https-port",
            type=click.IntRange(1, 65535),
            default=defaults.https_port,
            show_default=True,
            help="Host: the public port for HTTPS, with proxy.https.",
        ),
        click.option(
            "--first-port",
            type=click.IntRange(1, 65000),
            default=defaults.first_port,
            show_default=True,
            help="Host: the first of the ports on 127.0.0.1: hub, replicas, etcd.",
        ),
        click.option(
            "--prefix",
            type=folder,
            default=Path("/"),
            show_default=True,
            help="Host: the folder that etc/, var/ and opt/ are in.",
        ),
        click.option(
            "--python",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Host: the Python that has JupyterHub.  "
            "[default: /opt/jupyterhub-ha/venv/bin/python3]",
        ),
        click.option(
            "--bin-dir",
            type=folder,
            help="Host: the folder of traefik and etcd.  [default: /opt/jupyterhub-ha/bin]",
        ),
    ]


def host_options(function: Decorated) -> Decorated:
    """Add what ``--target host`` is told; the command gets ``host``."""

    @functools.wraps(function)
    def wrapped(
        *args: Any,
        address: str,
        port: int,
        https_port: int,
        first_port: int,
        prefix: Path,
        python: Path | None,
        bin_dir: Path | None,
        **more: Any,
    ) -> Any:
        place = Place(prefix.absolute(), python, bin_dir)
        options = Options(address, port, https_port, first_port, place)
        return function(*args, host=options, **more)

    for option in reversed(_host_options()):
        wrapped = option(wrapped)
    return cast(Decorated, wrapped)


def warn_of_placeholders(names: Sequence[str], quiet: bool) -> None:
    """Warn on stderr that secrets are placeholders."""
    if names and not quiet:
        click.echo(
            f"Warning: {len(names)} secrets are placeholders that no cluster takes; "
            "draw real ones with `proxy-gen secrets FILE` and give --secrets FILE",
            err=True,
        )


def _gather_files(arguments: tuple[str, ...], more: tuple[str, ...]) -> list[str]:
    files = [*arguments, *more]
    if not files:
        raise click.UsageError(
            "no values file was given; name one (`proxy-gen init values.yaml` writes one)"
        )
    if files.count("-") > 1:
        raise click.UsageError("the standard input can be read only once; give - once")
    return files


def talk(quiet: bool) -> Callable[[str], None]:
    """Return a function that says a line on stderr, or nothing when ``quiet``."""

    def say(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    return say
