"""How temporary notebooks are to be, once and for all parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .tmpnb_address import Network
from .tmpnb_ends import Life
from .tmpnb_size import Sizes


@dataclass(frozen=True, slots=True)
class Text:
    """What a page says; plain texts, no HTML."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the values `tmpnb` say to the hub."""

    sizes: Sizes
    life: Life
    concurrency: int
    server_limit: int
    claims_per_minute: int
    open_path: str
    spec: str
    preview: Text
    waiting: Text
    gone: Text
    embed_origins: Sequence[str] = ()
    share_path: str = ""
    """Of the service for shared notebooks; empty: there is none."""
    trusted: Sequence[Network] = ()
