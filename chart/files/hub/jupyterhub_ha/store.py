"""Where a routing table is kept: what the committer asks of etcd, or of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .table import Operation


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All keys of the store at one moment.

    `generation` is the number of the last write, None if it is not known (a store that is new,
    or was lost).
    """

    pairs: Mapping[str, str]
    generation: int | None


class Store(Protocol):
    """Keys of one table, written in transactions by one writer who notices every other.

    Every call raises a StoreError; where its `passing` is true, a later try may succeed.
    """

    name: str
    """What messages call it, for example "etcd"."""
    max_operations: int
    """Operations in one transaction, without the generation's."""
    max_bytes: int
    """Size of keys and values in one transaction."""
    read_seconds: float
    """How long a read may take before trying anew is better than waiting."""

    async def read(self, *, timeout: float) -> Snapshot:
        """Everything under the table's prefixes, of one moment."""

    async def write(
        self, operations: Sequence[Operation], generation: int, *, timeout: float
    ) -> bool:
        """Make all operations together and set the generation.

        False, and nothing is changed, if somebody else wrote since our last read or write.
        """

    async def changed(self) -> bool:
        """Whether anybody wrote since our last read or write; cheap."""

    def close(self) -> None:
        """Give back what is open; the next call opens it again."""
