"""``proxy-gen install``: pinned Traefik, etcd and lego into a folder, verified before use."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from proxy_gen import install
from proxy_gen.cli_options import quiet_option, talk
from proxy_gen.download import Progress
from proxy_gen.install import Program, Source
from proxy_gen.terminal import table


@click.command()
@click.argument("programs", metavar="PROGRAM...", nargs=-1, required=True)
@click.option(
    "--into",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("/opt/jupyterhub-ha/bin"),
    show_default=True,
    help="The folder to put them into.",
)
@click.option(
    "--mirror",
    metavar="URL",
    default=install.MIRROR,
    show_default=True,
    help="Where the releases are; the paths below it are GitHub's.",
)
@click.option(
    "--packaged", is_flag=True, help="Take the program from the installed Python package."
)
@click.option(
    "--file", "files", metavar="PROGRAM=PATH", multiple=True, help="Take this file, and fetch none."
)
@click.option(
    "--sha256",
    "hashes",
    metavar="PROGRAM=HEX",
    multiple=True,
    help="The hash that the archive (or the file) must have.",
)
@click.option("--force", is_flag=True, help="Replace a program that was not put there by this.")
@quiet_option
def command(
    programs: tuple[str, ...],
    folder: Path,
    mirror: str,
    packaged: bool,
    files: tuple[str, ...],
    hashes: tuple[str, ...],
    force: bool,
    quiet: bool,
) -> None:
    """Put traefik, etcd or lego into a folder, in the version that is tested with this one.

    They come from the official release, and are put in place only when the SHA-256 is right: the
    one of --sha256, or else the one that the release itself publishes, by https. What is there
    already is not fetched again.

    \b
    Example:
      proxy-gen install traefik etcd
      proxy-gen install traefik --into bin/ --packaged
      proxy-gen install etcd --mirror https://mirror.example.org/github
    """
    known = install.names()
    if unknown := sorted(set(programs) - set(known)):
        raise click.UsageError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    given = {name: Path(path) for name, path in _pairs("--file", files, programs).items()}
    sums = _pairs("--sha256", hashes, programs)
    for name, text in sums.items():
        if not re.fullmatch("[0-9a-fA-F]{64}", text):
            raise click.UsageError(f"--sha256 {name}={text}: 64 hex digits are needed")
    source = Source(mirror, given, packaged, sums)
    done = [
        install.install(Program.named(name), folder, source, force=force, tell=_progress(quiet))
        for name in dict.fromkeys(programs)
    ]
    rows = [(one.name, one.version, one.state, one.verified) for one in done]
    talk(quiet)(table(rows, ("PROGRAM", "VERSION", "STATE", "VERIFIED BY")))


def _pairs(option: str, texts: tuple[str, ...], programs: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(text.partition("=")[::2] for text in texts)
    if wrong := [name for name, value in pairs.items() if name not in programs or not value]:
        raise click.UsageError(f"{option} {wrong[0]}: write PROGRAM=..., for one that is installed")
    return pairs


def _progress(quiet: bool) -> Progress:
    """A line that counts on a terminal; nothing elsewhere."""
    live = sys.stderr.isatty() and not quiet

    def tell(url: str, count: int, total: int) -> None:
        if live:
            share = f" ({100 * count // total} %)" if total else ""
            name = url.rpartition("/")[2]
            end = "\n" if count == total else ""
            click.echo(f"\r{name}: {count / 2**20:.1f} MiB{share}{end}", nl=False, err=True)

    return tell
