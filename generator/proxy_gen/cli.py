"""The command ``proxy-gen``: it only wires; each sub-command is a module that is loaded when used.

Exit codes of every command: 0 done and nothing found; 1 the input was read and has problems,
``diff`` found a difference, ``status`` a release that is not well, or ``doctor`` a problem; 2 it
could not be done (wrong usage, missing program, unreadable file).
"""

from __future__ import annotations

import importlib
from typing import IO, Any

import click

from .errors import ProblemsError, ProxyGenError

# Name of the sub-command -> its module in proxy_gen.commands and its line in the list of commands.
# The line stands here so that `proxy-gen --help` loads none of them.
COMMANDS = {
    "init": ("init", "Write a commented values file to begin with."),
    "secrets": ("secrets", "Draw and keep every secret in one values file."),
    "validate": ("validate", "Check values: the schema, then every rule of the chart."),
    "render": ("render", "Write every document that the values make."),
    "lint": ("lint", "Render, then check what was rendered."),
    "diff": ("diff", "Show what would change, by object and field."),
    "edge": ("edge", "Write a virtual host for a web server in front of the proxy."),
    "z2jh": ("z2jh", "Print the values with which a Z2JH release uses this proxy."),
    "status": ("status", "Show how a release on Kubernetes is."),
    "doctor": ("doctor", "Ask a running hub, from outside, what is wrong with it."),
    "up": ("up", "Run the whole hub on this machine, in the foreground."),
    "install": ("install", "Put pinned Traefik and etcd into a folder."),
    "schema": ("schema", "Print the JSON schema of the values, for editors."),
}


class Failure(click.ClickException):
    """An error of the generator as click shows it: a message and an exit code."""

    def __init__(self, error: ProxyGenError) -> None:
        super().__init__(str(error))
        self.error = error
        # click reads it from the instance; its stubs call it a class variable.
        setattr(self, "exit_code", error.exit_code)  # noqa: B010

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message to stderr; every problem has its own line, and they are counted."""
        if not isinstance(self.error, ProblemsError):
            click.echo(f"Error: {self.message}", file=file, err=True)
            return
        for problem in self.error.problems:
            click.echo(str(problem), file=file, err=True)
        count = len(self.error.problems)
        click.echo(f"{count} problem{'' if count == 1 else 's'} found", file=file, err=True)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return its ``command``."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command = importlib.import_module(f"{__package__}.commands.{module}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.command is no click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown one name the nearest."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if not near or "did you mean" in error.message.lower():
                raise
            text = f"{error.message} Did you mean {near[0]!r}?"
            raise click.UsageError(text, ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of the generator becomes a message."""
        try:
            return super().invoke(ctx)
        except ProxyGenError as error:
            raise Failure(error) from error


EPILOG = """\
Exit codes: 0 done; 1 the values have problems, diff found a difference, or status or doctor
something that is wrong; 2 it could not be done (wrong usage, missing program, unreadable file).

Shell completion: add this to ~/.bashrc (zsh_source and fish_source for the other shells):

\b
  eval "$(_PROXY_GEN_COMPLETE=bash_source proxy-gen)"
"""


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="jupyterhub-ha", prog_name="proxy-gen")
def main() -> None:
    """From one values file to a highly available JupyterHub: check it, render it, run it.

    \b
    Example:
      proxy-gen init values.yaml
      proxy-gen validate values.yaml
      proxy-gen render values.yaml -o rendered/
    """


if __name__ == "__main__":
    main()
