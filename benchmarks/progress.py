"""How far the run is: a bar on a terminal, a line for each measure elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress


class Progress:
    """A context manager; all is written to stderr."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._console = Console(stderr=True)
        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[step]}"),
            console=self._console,
            disable=not self._live,
        )
        self._task = self._bar.add_task("", total=None, step="")
        self._began = 0.0

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, measure: str) -> None:
        """A measure begins."""
        self._began = time.monotonic()
        self._bar.reset(self._task, total=None, description=measure, step="starting")
        if not self._live:
            self.tell(f"{measure} ...")

    def expect(self, steps: int) -> None:
        """So many steps will follow."""
        self._bar.update(self._task, total=steps, completed=0)

    def step(self, what: str) -> None:
        """One more step begins."""
        self._bar.update(self._task, advance=1, step=what)

    def end(self, measure: str) -> None:
        """A measure has ended."""
        self.tell(f"{measure}: {time.monotonic() - self._began:.0f} s")

    def tell(self, what: str) -> None:
        """A line that stays."""
        self._console.print(what, markup=False, highlight=False)
