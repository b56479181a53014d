"""Writes docs/reference/cli.md from the click commands themselves; --check only compares.

.venv/bin/python tools/cli_reference.py [--check]
"""

from __future__ import annotations

import inspect
import sys

import click
import generated_page
from generated_page import ROOT

from proxy_gen.cli import COMMANDS, EPILOG, main

PAGE = ROOT / "docs/reference/cli.md"

INTRO = """\
<!-- Written by tools/cli_reference.py from the commands themselves; do not edit. -->

# Commands

`proxy-gen` checks values, renders and compares documents, keeps secrets, shows how a release is,
and runs a hub on this machine. What a command is asked for goes to stdout; what it has to say goes
to stderr, and `--quiet` silences all but errors. Several values files and the `--set` family merge
as in Helm: a later one wins, null takes a default away, lists are replaced.

helm is taken from `$PROXY_GEN_HELM`, from beside Python, from the clone's `.tools/bin`, or from the
`PATH`; kube-score and kubectl likewise, from `$PROXY_GEN_KUBE_SCORE` and `$PROXY_GEN_KUBECTL`.
`$PROXY_GEN_CHART` names another chart folder than the one that comes with the command.

"""


def page() -> str:
    """The whole page."""
    context = click.Context(main, info_name="proxy-gen")
    parts = [INTRO, _paragraphs(EPILOG), ""]
    for name in COMMANDS:
        command = main.get_command(context, name)
        if command is None:
            raise SystemExit(f"{name}: no such command")
        parts += [f"## proxy-gen {name}", "", *_command(command, name, context)]
    return "\n".join(parts).rstrip() + "\n"


def _command(command: click.Command, name: str, parent: click.Context) -> list[str]:
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join(command.collect_usage_pieces(context))
    text, _, example = inspect.cleandoc(command.help or "").partition("\b\nExample:\n")
    lines = ["```text", f"proxy-gen {name} {usage}", "```", "", _paragraphs(text), ""]
    rows = [_option(one, context) for one in command.params if isinstance(one, click.Option)]
    lines += ["| option | |", "|---|---|", *rows, ""]
    return [*lines, "```text", *inspect.cleandoc(example).splitlines(), "```", ""]


def _option(option: click.Option, context: click.Context) -> str:
    cells = option.get_help_record(context) or ("", "")
    names, text = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| `{names}` | {text} |"


def _paragraphs(text: str) -> str:
    """Paragraphs in Markdown; what click keeps as it is (after \\b) becomes a block."""
    found = []
    for part in inspect.cleandoc(text).split("\n\n"):
        if part.startswith("\b"):
            found.append(f"```text\n{inspect.cleandoc(part.removeprefix(chr(8)))}\n```")
        else:
            found.append(part)
    return "\n\n".join(found).strip()


if __name__ == "__main__":
    sys.exit(generated_page.main(PAGE, page, __doc__))
