"""The wall time of `proxy-gen render`, and that of `helm template` on the same values."""

from __future__ import annotations

import asyncio
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import ROOT, TOOLS_BIN, VENV_BIN

from benchmarks.bench import Bench, Size


@dataclass(frozen=True)
class Plan:
    """Rounds, after one that is not counted."""

    rounds: int


PLANS: dict[Size, Plan] = {"full": Plan(9), "quick": Plan(5), "smoke": Plan(1)}
EXAMPLE = "production.yaml"


async def run(bench: Bench) -> None:
    """The two in turns."""
    plan = PLANS[bench.size]
    bench.progress.expect(plan.rounds)
    values = str(ROOT / "values-examples" / EXAMPLE)
    folder = bench.folder / "rendered"
    commands: dict[str, list[str | Path]] = {
        "helm template": [TOOLS_BIN / "helm", "template", "hub", ROOT / "chart", "-f", values],
        "proxy-gen render": [VENV_BIN / "proxy-gen", "render", values, "-o", folder],
    }
    for number in range(plan.rounds + 1):
        if number:
            bench.progress.step(f"round {number}")
        for name, command in commands.items():
            with bench.tolerating(name):
                seconds = await asyncio.to_thread(_timed, [str(word) for word in command])
                if number:
                    bench.record(EXAMPLE, name, number, time=seconds)


def _timed(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start
