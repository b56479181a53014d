#!/usr/bin/env python3
"""Compares the wall time of `proxy-gen render` with that of `helm template` on the same values.

.venv/bin/python benchmarks/render_time.py values-examples/production.yaml
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
ALLOWED_SECONDS = 0.5


def timed(words: list[str]) -> float:
    """Wall seconds of one run; CalledProcessError when it fails."""
    start = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(values: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each run of helm and of proxy-gen, in turns, after one uncounted run of each."""
    helm = [
        str(ROOT / ".tools/bin/helm"),
        "template",
        "hub",
        str(ROOT / "chart"),
        "-f",
        str(values),
    ]
    helm_times, render_times = [], []
    with tempfile.TemporaryDirectory() as folder:
        render = [str(ROOT / ".venv/bin/proxy-gen"), "render", str(values), "-o", f"{folder}/out"]
        for number in range(rounds + 1):
            pair = timed(helm), timed(render)
            if number:
                helm_times.append(pair[0])
                render_times.append(pair[1])
                print(f"\rround {number}/{rounds}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return helm_times, render_times


def main() -> int:
    """0 when proxy-gen needs at most half a second more than helm, 1 when not."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "values", type=Path, nargs="?", default=ROOT / "values-examples/production.yaml"
    )
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    helm, render = measure(options.values, options.rounds)
    extra = median(b - a for a, b in zip(helm, render, strict=True))
    ratio = median(b / a for a, b in zip(helm, render, strict=True))
    for name, times in (("helm template", helm), ("proxy-gen render", render)):
        print(f"{name:17} median {median(times):.3f} s  ({min(times):.3f} to {max(times):.3f})")
    print(
        f"pair by pair: {extra:+.3f} s, ratio {ratio:.2f}; {options.rounds} rounds, "
        f"{os.cpu_count()} cores; at most +{ALLOWED_SECONDS} s is allowed"
    )
    return 0 if extra <= ALLOWED_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
