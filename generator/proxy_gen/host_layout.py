"""Where a hub on this machine keeps its files, and which ports it uses."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import UsageError
from .files import write_atomically

_FIRST = 10000
_KERNELS_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True)
class Layout:
    """The folders of one hub below its state folder."""

    state: Path

    @property
    def pods(self) -> Path:
        """What the chart would mount, one folder per workload (`hub`, `proxy`, `proxy-etcd`)."""
        return self.state / "pods"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.state / "logs"

    @property
    def etcd_data(self) -> Path:
        """The members' data folders, empty at each start."""
        return self.state / "etcd"

    @property
    def traefik(self) -> Path:
        """The replicas' traefik.toml files and the dynamic file that they share."""
        return self.state / "traefik"

    @property
    def hub(self) -> Path:
        """The hub's working folder: its database and the configuration for this machine."""
        return self.state / "hub"

    @property
    def homes(self) -> Path:
        """The users' home folders."""
        return self.state / "homes"

    @property
    def shared(self) -> Path:
        """Notebooks that visitors share, `tmpnb.share`."""
        return self.state / "shared"

    @property
    def kernels(self) -> Path:
        """The kernels of all users, `singleuser.kernels`."""
        return self.state / "kernels"

    @property
    def secrets(self) -> Path:
        """The values file with every secret, mode 0600."""
        return self.state / "secrets.yaml"

    @property
    def supervisor(self) -> Path:
        """The supervisor's configuration."""
        return self.state / "supervisord.conf"

    def create(self) -> None:
        """Make the folders, etcd's empty; nobody else may look into them: they hold secrets."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o700)
        # No server of a user outlives a run, so there is no route to keep; and members that
        # remember other ports or passwords than today's would not start.
        shutil.rmtree(self.etcd_data, ignore_errors=True)
        for folder in (
            self.pods,
            self.logs,
            self.etcd_data,
            self.traefik,
            self.hub,
            self.homes,
        ):
            folder.mkdir(exist_ok=True)


@dataclass(frozen=True)
class Ports:
    """The ports of one hub; all but `public` and `dashboard` listen on loopback only."""

    public: int
    dashboard: int
    hub: int
    replicas: tuple[int, ...]
    etcd: tuple[tuple[int, int, int], ...]
    """Per member: clients, peers, health."""
    https: int = 0
    """The public port for HTTPS, where Traefik ends it."""
    chp_api: int = 0
    """Where configurable-http-proxy takes its orders."""
    challenge: int = 0
    """Where the issuer answers an authority's challenges, which Traefik leads there."""
    share: int = 0
    """Where the service for shared notebooks listens."""

    @property
    def twice(self) -> int | None:
        """A port that two of them have; None if there is none."""
        single = (self.public, self.https, self.dashboard, self.hub, self.chp_api)
        of_etcd = (port for member in self.etcd for port in member)
        used = (*single, *self.replicas, *of_etcd, self.challenge, self.share)
        counts = Counter(port for port in used if port)
        return next((port for port, count in counts.items() if count > 1), None)

    @property
    def etcd_urls(self) -> list[str]:
        """Where each member serves clients."""
        return [f"https://127.0.0.1:{client}" for client, _, _ in self.etcd]


def choose_ports(
    file: Path,
    *,
    host: str,
    public: int | None,
    dashboard: int | None,
    replicas: int,
    members: int,
    share: bool = False,
) -> Ports:
    """Ports that are free now; those of the last run again where they still are.

    `public` and `dashboard` are taken as given; 0 or None means any free one, with the last run's
    (at first 8000 and 9000) preferred for None. The choice is kept in `file`. UsageError when a
    given port is taken.
    """
    last = _read(file)
    with _Chooser() as chooser:
        ports = Ports(
            public=chooser.take("public", host, public, last, 8000),
            dashboard=chooser.take("dashboard", host, dashboard, last, 9000),
            hub=chooser.take("hub", "127.0.0.1", None, last),
            replicas=tuple(
                chooser.take(f"replica-{n}", "127.0.0.1", None, last) for n in range(replicas)
            ),
            etcd=tuple(
                (
                    chooser.take(f"etcd-{n}-client", "127.0.0.1", None, last),
                    chooser.take(f"etcd-{n}-peer", "127.0.0.1", None, last),
                    chooser.take(f"etcd-{n}-health", "127.0.0.1", None, last),
                )
                for n in range(members)
            ),
            share=chooser.take("share", "127.0.0.1", None, last) if share else 0,
        )
    write_atomically(file, json.dumps(chooser.chosen, indent=2) + "\n")
    return ports


class _Chooser:
    """Holds every chosen port open until all are chosen, so that none is chosen twice."""

    def __init__(self) -> None:
        self.chosen: dict[str, int] = {}
        self._open = contextlib.ExitStack()

    def __enter__(self) -> _Chooser:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def take(
        self, name: str, host: str, given: int | None, last: Mapping[str, int], first: int = 0
    ) -> int:
        for wish in [given] if given else _wishes(last.get(name, first) if given is None else 0):
            listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
            # As the servers themselves do: a port in TIME_WAIT is free.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((host, wish))
                listener.listen()
            except OSError as error:
                listener.close()
                if given:
                    raise UsageError(
                        f"--{name.replace('public', 'port')} {given}: {host}:{given} cannot be used"
                        f" ({error.strerror}); give another port, or 0 for any free one"
                    ) from error
                continue
            self._open.enter_context(contextlib.closing(listener))
            self.chosen[name] = int(listener.getsockname()[1])
            return self.chosen[name]
        raise UsageError(f"{host}: no free port")


def _wishes(preferred: int) -> Iterator[int]:
    """Ports to try: `preferred` unless it is 0, then any.

    Those lie below the range from which the kernel draws the ports of outgoing connections: one
    from that range may be gone by the time the server that it is meant for starts.
    """
    if preferred:
        yield preferred
    try:
        low = int(_KERNELS_RANGE.read_text().split()[0])
    except (OSError, ValueError):
        low = 0
    for _ in range(1000):
        # No secret depends on it.
        yield random.randrange(_FIRST, low if low > 2 * _FIRST else 32768)  # noqa: S311


def _read(file: Path) -> dict[str, int]:
    try:
        return {str(k): int(v) for k, v in json.loads(file.read_text()).items()}
    except (OSError, ValueError):
        return {}
