"""Where a bundle for one host lies on it, and how words are written into systemd's files. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .host_layout import Ports

NAME = "jupyterhub-ha"
_PLAIN = re.compile(r"[\w@%+=:,./-]+")


@dataclass(frozen=True)
class Place:
    """The folders of a host. All lie below `prefix`, but for programs that are named elsewhere."""

    prefix: Path = Path("/")
    named_python: Path | None = None
    named_programs: Path | None = None

    @property
    def config(self) -> Path:
        """What the values make; an upgrade replaces it."""
        return self.prefix / "etc" / NAME

    @property
    def units(self) -> Path:
        """systemd's units."""
        return self.prefix / "etc/systemd/system"

    @property
    def data(self) -> Path:
        """What the services write: the hub's database, the routing table, etcd's data."""
        return self.prefix / "var/lib" / NAME

    @property
    def hub_data(self) -> Path:
        """The hub's working folder: its database, and its records of the routing table."""
        return self.data / "hub"

    @property
    def visitor_home(self) -> Path:
        """An empty folder, in whose place each visitor's server has its home folder."""
        return self.data / "visitor"

    @property
    def rules(self) -> Path:
        """The folder that Traefik watches (kind `traefik-file`)."""
        return self.data / "traefik"

    @property
    def acme(self) -> Path:
        """Where Traefik keeps what an authority gave it (`proxy.https`)."""
        return self.data / "acme"

    @property
    def certificates(self) -> Path:
        """Where the issuer keeps what an authority gave it (kind `traefik-etcd`)."""
        return self.data / "certificates"

    @property
    def shared(self) -> Path:
        """Where the service for shared notebooks keeps them (`tmpnb.share`)."""
        return self.data / "shared"

    @property
    def secrets(self) -> Path:
        """What the values name by `existingSecret`: `NAME.env` with its variables, of the host."""
        return self.config / "secrets"

    @property
    def etcd_data(self) -> Path:
        """One folder per member of etcd."""
        return self.data / "etcd"

    @property
    def launcher(self) -> Path:
        """The script that opens Traefik's ports."""
        return self.prefix / "opt" / NAME / "lib/shared_port.py"

    @property
    def kernels(self) -> Path:
        """The kernels of all users, `singleuser.kernels`."""
        return self.prefix / "opt" / NAME / "kernels"

    @property
    def kernels_script(self) -> Path:
        """The script that installs them."""
        return self.prefix / "opt" / NAME / "lib/install_kernels.py"

    @property
    def kernels_list(self) -> Path:
        """What it installs."""
        return self.config / "kernels.json"

    @property
    def programs(self) -> Path:
        """The folder of `traefik`, `etcd` and `configurable-http-proxy`."""
        return self.named_programs or self.prefix / "opt" / NAME / "bin"

    @property
    def python(self) -> Path:
        """The Python that has JupyterHub."""
        return self.named_python or self.prefix / "opt" / NAME / "venv/bin/python3"

    def in_bundle(self, file: Path) -> str:
        """Where a file of the host lies in the bundle: `root/etc/...`."""
        return f"root/{file.relative_to(self.prefix)}"


@dataclass(frozen=True)
class Options:
    """What a host is told beside the values: where it listens, and where its files lie."""

    address: str = "0.0.0.0"  # noqa: S104 - a server for others
    port: int = 8000
    https_port: int = 8443
    first_port: int = 8081
    place: Place = Place()


def choose_ports(
    *,
    public: int,
    https: int,
    dashboard: int,
    first: int,
    replicas: int,
    members: int,
    challenge: bool = False,
    share: bool = False,
) -> Ports:
    """The ports of a host, from `first` on: the hub, CHP's API, the replicas, etcd's members.

    Behind them, with `challenge`, one on which an authority's challenges are answered; and with
    `share`, the last, that of the service for shared notebooks.
    """
    numbers = iter(range(first, first + 4 + replicas + 3 * members))
    hub, api = next(numbers), next(numbers)
    return Ports(
        public=public,
        https=https,
        dashboard=dashboard,
        hub=hub,
        chp_api=api,
        replicas=tuple(next(numbers) for _ in range(replicas)),
        etcd=tuple((next(numbers), next(numbers), next(numbers)) for _ in range(members)),
        challenge=next(numbers) if challenge else 0,
        share=next(numbers) if share else 0,
    )


def exec_line(words: Sequence[str | Path]) -> str:
    """Words as `ExecStart=` reads them (systemd.service(5), "Command lines")."""
    return " ".join(_word(str(word)) for word in words)


def environment_file(variables: Mapping[str, str]) -> str:
    """Variables as `EnvironmentFile=` reads them (systemd.exec(5)); nothing in them is expanded."""
    lines = []
    for name, value in sorted(variables.items()):
        quoted = re.sub(r'(["\\`$])', r"\\\1", value)
        lines.append(f'{name}="{quoted}"\n')
    return "".join(lines)


def _word(word: str) -> str:
    doubled = word.replace("%", "%%").replace("$", "$$")
    if _PLAIN.fullmatch(word):
        return doubled
    escaped = doubled.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def authority(host: str, port: int) -> str:
    """`host:port`, with the brackets that an IPv6 address needs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
