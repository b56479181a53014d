"""Which traits JupyterHub's classes have, asked of the classes that are installed here."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

_CLASSES = (
    "jupyterhub.app:JupyterHub",
    "jupyterhub.auth:DummyAuthenticator",
    "jupyterhub.auth:PAMAuthenticator",
    "jupyterhub.crypto:CryptKeeper",
    "jupyterhub.proxy:ConfigurableHTTPProxy",
    "jupyterhub.spawner:LocalProcessSpawner",
    "kubespawner:KubeSpawner",
    "jupyterhub_ha:TraefikEtcdProxy",
    "jupyterhub_ha.tmpnb_authenticator:TemporaryAuthenticator",
    "jupyterhub_ha.tmpnb_units:TransientUnitSpawner",
)
_GROUPS = ("jupyterhub.authenticators", "jupyterhub.spawners", "jupyterhub.proxies")
_KINDS = ("Authenticator", "Spawner", "Proxy")
# What every traitlets.Config section has beside traits.
_METHODS = frozenset(dir(dict)) | {"merge", "has_key"}


@dataclass(frozen=True)
class Catalogue:
    """The configurable classes by name, each with the traits that its section may have.

    A section of a base class sets traits of the classes derived from it, too, so a base has
    the traits of all of them. ``elsewhere`` are classes that are known but not installed here.
    """

    traits: Mapping[str, frozenset[str]]
    elsewhere: frozenset[str] = field(default=frozenset())

    @property
    def complete(self) -> bool:
        """Whether JupyterHub is installed here; without it, no class can be called unknown."""
        return "JupyterHub" in self.traits

    def is_unknown(self, name: str) -> bool:
        """Whether a class would have been found here if there were one of this name."""
        return self.complete and name not in self.traits and name not in self.elsewhere

    def suggest_section(self, name: str) -> str:
        """Return the class name that ``name`` was probably meant to be, or an empty text.

        Names of one kind end alike, so what stands before that is compared: ``LDAPAuthenticator``
        is no slip for ``PAMAuthenticator`` but a class of a package that is not installed here.
        """
        known = sorted({*self.traits, *self.elsewhere})
        for one in known:
            if one.lower() == name.lower():
                return one
        kind = next((kind for kind in _KINDS if name.endswith(kind)), "")
        heads = {one.removesuffix(kind): one for one in known if one.endswith(kind)}
        near = difflib.get_close_matches(name.removesuffix(kind), heads, n=1, cutoff=0.8)
        return heads[near[0]] if near else ""

    def has(self, section: str, trait: str) -> bool:
        """Tell whether the section's class has the trait; a class that is not here has all."""
        known = self.traits.get(section)
        return known is None or trait in known or trait in _METHODS or trait.startswith("_")

    def suggest_trait(self, section: str, trait: str) -> str:
        """Return the nearest trait, with its section where that is another one, or nothing."""
        own = self.traits.get(section, frozenset())
        near = difflib.get_close_matches(trait, sorted(own), n=1, cutoff=0.6)
        if near:
            return f"{section}.{near[0]}"
        for other in sorted(self.traits):
            if trait in self.traits[other]:
                return f"{other}.{trait}"
        return ""


def load(wanted: Iterable[str] = ()) -> tuple[Catalogue, list[str]]:
    """Import the classes and return the catalogue, and what could not be imported.

    ``wanted`` are import paths (``module.Class``) or entry points' names that the values set, for
    example as ``hub.config.JupyterHub.authenticator_class``.
    """
    by_name, missing = _entry_points(), []
    traits: dict[str, set[str]] = {}
    elsewhere = {value.rpartition(":")[2] for value in by_name.values()}
    places = [*_CLASSES]
    for name in wanted:
        place = by_name.get(name.lower(), name)
        places.append(place if ":" in place else ":".join(place.rpartition(".")[::2]))
    for place in dict.fromkeys(places):
        module, _, name = place.partition(":")
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError):
            missing.append(name or module)
            continue
        _collect(found, traits)
    known = {name: frozenset(names) for name, names in traits.items()}
    return Catalogue(known, frozenset(elsewhere | set(missing)) - known.keys()), missing


def _collect(found: Any, traits: dict[str, set[str]]) -> None:
    own = set(found.class_trait_names(config=True))
    for base in found.__mro__:
        if hasattr(base, "class_trait_names"):
            traits.setdefault(base.__name__, set()).update(own)


def _entry_points() -> dict[str, str]:
    return {
        point.name.lower(): point.value for group in _GROUPS for point in entry_points(group=group)
    }
