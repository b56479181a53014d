"""The service for shared notebooks on one host: the chart's, its volume a folder. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from .bundle_basis import SHARE, Basis
from .errors import UsageError
from .host_place import authority
from .host_share import (
    BUCKET_KEYS,
    PACKAGE,
    bucket_secret,
    service_variables,
    service_words,
)
from .tree import File

USER = "jupyterhub-share"
ADDRESS = "127.0.0.2"
"""Where it listens: visitors' units reach 127.0.0.1, where the hub is, and not this one."""

_QUANTITY: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>m|[kMGT]|[KMGT]i)?")
_UNITS: Final = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("MGT", 2)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGT", 1)},
}


@dataclass(frozen=True)
class Share:
    """What a bundle has of it, from the chart's Deployment."""

    basis: Basis
    address: str = ADDRESS

    @classmethod
    def of(cls, basis: Basis) -> Share | None:
        """None where visitors share nothing."""
        return cls(basis) if basis.has_share else None

    @property
    def url(self) -> str:
        """Where hub and proxy reach it."""
        return f"http://{authority(self.address, self.basis.ports.share)}"

    @property
    def health_url(self) -> str:
        """What answers once it runs."""
        return f"{self.url}{self.basis.base_url}services/share/health"

    @cached_property
    def words(self) -> list[str]:
        """Its command."""
        return service_words(
            self.basis.container(SHARE),
            self.basis.place.python,
            address=self.address,
            port=self.basis.ports.share,
            folder=self.basis.place.shared,
        )

    @cached_property
    def environment(self) -> dict[str, str]:
        """Its variables, with the service's token; the key of a bucket is not among them."""
        return service_variables(
            self.basis.environment(SHARE, without=BUCKET_KEYS),
            hub=f"http://127.0.0.1:{self.basis.ports.hub}{self.basis.base_url}hub",
            package=self.basis.folder("share"),
        )

    @cached_property
    def bucket_secret(self) -> str:
        """The Secret with the key of the bucket; empty where a folder is the storage."""
        return bucket_secret(self.basis.container(SHARE))

    @property
    def bucket_file(self) -> Path | None:
        """In its place: a file with the two variables, which whoever runs the host writes."""
        name = self.bucket_secret
        return self.basis.place.secrets / f"{name}.env" if name else None

    @property
    def state(self) -> Path | None:
        """The folder of what is shared; None where that is a bucket."""
        return None if self.bucket_secret else self.basis.place.shared

    @property
    def memory(self) -> int | None:
        """Bytes of memory of the service and its renderings; None: as much as there is."""
        limit = self._limit("memory")
        return None if limit is None else int(limit)

    @property
    def cpu(self) -> str:
        """Of how many processors it gets the time, in percent; empty: of all."""
        limit = self._limit("cpu")
        return "" if limit is None else f"{max(int(limit * 100), 1)}%"

    @cached_property
    def files(self) -> dict[Path, File]:
        """Its package."""
        return self.basis.mounted(SHARE, {PACKAGE: "share"})

    def _limit(self, resource: str) -> Decimal | None:
        limits: dict[str, Any] = self.basis.container(SHARE).get("resources", {}).get("limits", {})
        given = limits.get(resource)
        if given is None:
            return None
        found = _QUANTITY.fullmatch(str(given))
        if not found:
            raise UsageError(
                f"tmpnb.share.resources.limits.{resource}: {given!r} is no amount; "
                "write it like 3Gi or 1.5"
            )
        return Decimal(found["number"]) * _UNITS[found["unit"] or ""]
