"""The chart's values as the hub sees them, and where the pod has everything else.

A folder (`/usr/local/etc/jupyterhub` in the pod) holds what the chart mounts; `Mounts` names its
parts. `Values` reads them. `z2jh_module` gives the same data under the names that configuration
snippets written for Zero to JupyterHub import.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import yaml

FOLDER_VARIABLE: Final = "JUPYTERHUB_HA_CONFIG_DIR"


# ConfigurationError        the values cannot be turned into a configuration
# ├── BadValuesError        one or several values are wrong; the message has one line for each
# └── MissingMountError     a file that the chart should have mounted is not there
class ConfigurationError(Exception):
    """The values cannot be turned into a configuration of the hub."""


class BadValuesError(ConfigurationError):
    """One or several values are wrong. `problems` has one text for each, path first."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(["wrong values:", *(f"  {text}" for text in self.problems)]))


class MissingMountError(ConfigurationError):
    """A file that the chart should have mounted into the hub's folder is not there."""


@dataclass(frozen=True)
class Mounts:
    """Where a hub finds its documents, below one folder. All names are Z2JH's where it has one."""

    folder: Path

    @classmethod
    def beside(cls, config_file: str | os.PathLike[str]) -> Mounts:
        """The folder named in `JUPYTERHUB_HA_CONFIG_DIR`, else the one that holds `config_file`."""
        named = os.environ.get(FOLDER_VARIABLE)
        return cls(Path(named) if named else Path(config_file).absolute().parent)

    @property
    def secret(self) -> Path:
        """The chart's Secret: `values.yaml` and one file per generated secret."""
        return self.folder / "secret"

    @property
    def existing_secret(self) -> Path:
        """The user's own Secret, `hub.existingSecret`; it wins over `secret`."""
        return self.folder / "existing-secret"

    @property
    def config(self) -> Path:
        """The chart's ConfigMap: one file per object name."""
        return self.folder / "config"

    @property
    def snippets(self) -> Path:
        """Configuration files of the user or the image, loaded in the order of their names."""
        return self.folder / "jupyterhub_config.d"

    @property
    def etcd(self) -> Path:
        """The hub's identity for etcd: `ca.crt`, `tls.crt`, `tls.key`, `password`."""
        return self.folder / "etcd"

    @property
    def proxy_api(self) -> Path:
        """The password for the API of the proxy's replicas: `hub-password`."""
        return self.folder / "proxy-api"


_REQUIRED: Final = object()


@dataclass(frozen=True)
class Values:
    """The merged values of a release, with its names and secrets.

    `data` is the tree of values. Read it with `get`; whoever wants to change a piece copies it.
    """

    data: Mapping[str, Any]
    mounts: Mounts = field(default_factory=lambda: Mounts(Path("/usr/local/etc/jupyterhub")))

    @classmethod
    def load(cls, mounts: Mounts) -> Values:
        """Read `secret/values.yaml`, with `existing-secret/values.yaml` laid over it.

        Raises MissingMountError when neither is there, BadValuesError when one is no mapping.
        """
        files = [mounts.secret / "values.yaml", mounts.existing_secret / "values.yaml"]
        found = [file for file in files if file.is_file()]
        if not found:
            raise MissingMountError(
                f"no values: neither {files[0]} nor {files[1]} exists; "
                f"mount the chart's hub Secret, or name its parent folder in {FOLDER_VARIABLE}"
            )
        data: dict[str, Any] = {}
        for file in found:
            document = yaml.safe_load(file.read_text(encoding="utf-8"))
            if document is not None and not isinstance(document, Mapping):
                raise BadValuesError([f"{file}: a mapping is needed, not {_kind(document)}"])
            data = merge(data, document or {})
        return cls(data, mounts)

    def get(self, path: str, default: Any = None) -> Any:
        """The value at a dotted path; `default` when a part of the path is absent.

        A value that is there and null is returned as None, as in Z2JH.
        """
        value: Any = self.data
        for level in path.split("."):
            if not isinstance(value, Mapping) or level not in value:
                return default
            value = value[level]
        return value

    def copy_of(self, path: str, default: Any = None) -> Any:
        """As `get`, but a deep copy, and `default` also in place of null."""
        value = self.get(path)
        return copy.deepcopy(default if value is None else value)

    def mapping(self, path: str) -> dict[str, Any]:
        """A copy of the mapping at a path, {} where there is none; BadValuesError for others."""
        value = self.copy_of(path, {})
        if not isinstance(value, dict):
            raise BadValuesError([f"{path}: a mapping is needed, not {_kind(value)}"])
        return value

    def sequence(self, path: str) -> list[Any]:
        """A copy of the list at a path, [] where there is none; BadValuesError for others."""
        value = self.copy_of(path, [])
        if not isinstance(value, list):
            raise BadValuesError([f"{path}: a list is needed, not {_kind(value)}"])
        return value

    def secret(self, key: str, default: Any = _REQUIRED) -> Any:
        """The text of a secret, from the user's own Secret first, then from the chart's.

        Raises MissingMountError when neither has the key and no default is given.
        """
        for folder in (self.mounts.existing_secret, self.mounts.secret):
            file = folder / key
            if file.is_file():
                return file.read_text(encoding="utf-8")
        if default is _REQUIRED:
            raise MissingMountError(
                f"{key} is in neither {self.mounts.existing_secret} nor {self.mounts.secret}; "
                "the chart writes it into the hub's Secret: is the Secret an older release's?"
            )
        return default

    def name(self, short: str) -> str:
        """The full name of an object of the release from its short name, such as `proxy-public`."""
        file = self.mounts.config / short
        if not file.is_file():
            raise MissingMountError(
                f"{file} is missing; the chart writes it into the hub ConfigMap"
            )
        return file.read_text(encoding="utf-8")


def merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """A new mapping: `upper` laid over `lower`, mappings key by key, all else (null too) replaced.

    Neither argument is changed, and nothing of the result is shared with them.
    """
    merged = {key: copy.deepcopy(value) for key, value in lower.items()}
    for key, value in upper.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(below, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def z2jh_module(values: Values) -> ModuleType:
    """A module with the functions that snippets import from Z2JH's helper module `z2jh`.

    See https://z2jh.jupyter.org/en/stable/administrator/advanced.html, "hub.extraConfig".
    """
    module = ModuleType("z2jh", "Access to the chart's values, under the names of Z2JH.")

    def get_config(key: str, default: Any = None) -> Any:
        """The value at a dotted path, or the default."""
        return values.get(key, default)

    def set_config_if_not_none(cparent: Any, name: str, key: str) -> None:
        """Set an attribute to the value at a dotted path unless that is null or absent."""
        value = values.get(key)
        if value is not None:
            setattr(cparent, name, value)

    def get_secret_value(key: str, default: Any = _REQUIRED) -> Any:
        """The text of a secret, or the default."""
        return values.secret(key, default)

    def get_name(name: str) -> str:
        """The full name of an object."""
        return values.name(name)

    def get_name_env(name: str, suffix: str = "") -> str:
        """The environment variable that Kubernetes sets for a Service, by its short name."""
        return os.environ[(values.name(name) + suffix).upper().replace("-", "_")]

    for function in (get_config, set_config_if_not_none, get_secret_value, get_name, get_name_env):
        function.__module__ = module.__name__
        setattr(module, function.__name__, function)
    return module


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false"}
    return names.get(type(value), "null" if value is None else f"a {type(value).__name__}")
