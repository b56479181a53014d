"""proxy-gen's commands, run in this process."""

from __future__ import annotations

from typing import Any

from click.testing import CliRunner, Result
from tests.support.processes import ROOT

from proxy_gen.cli import main

MINIMAL = ROOT / "values-examples/minimal.yaml"


def run(*arguments: object, code: int = 0, **options: Any) -> Result:
    """Run a command that must end with `code`; `options` go to CliRunner.invoke."""
    result = CliRunner().invoke(main, [str(one) for one in arguments], **options)
    assert result.exit_code == code, result.output
    return result
