"""Visitors' servers on one host: transient units of systemd, as users that exist only meanwhile.

Each has a loopback address of its own, and systemd's filter lets it reach this one and the hub's:
so visitors do not reach each other's servers, although all are on one host. Kernels listen at files
of the unit, since whoever reaches a kernel's port may read what it publishes. A server's files are
in memory, and count as such. The hub's restart does not concern the units.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final

from jupyterhub.spawner import Spawner
from jupyterhub.traitlets import ByteSpecification
from traitlets import Bool, Enum, Integer, List, Unicode
from traitlets.config import Config

from .atomic_file import replace_file
from .errors import UnitError
from .values import Values

SPAWNER_CLASS: Final = "jupyterhub_ha.tmpnb_units.TransientUnitSpawner"

_HUB: Final = "127.0.0.1"
_PORT: Final = 8888
# Far from 127.0.0.0/16, where programs of the host listen; four million of them.
_FIRST_ADDRESS: Final = IPv4Address("127.64.0.0")
_ADDRESSES: Final = 2**22
_ENVIRONMENTS: Final = Path("/run/jupyterhub-visitors")
# Where systemd keeps its own control groups when it can filter addresses.
_FILTERING: Final = (
    Path("/sys/fs/cgroup/cgroup.controllers"),
    Path("/sys/fs/cgroup/unified/cgroup.procs"),
)
# What is no public address.
_PRIVATE: Final = (
    "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 100.64.0.0/10 "
    "::1/128 fc00::/7 fe80::/10"
)
# The name of a socket's file ends after 107 bytes, which kernels' in a home folder may exceed.
_VARIABLES: Final = {"JUPYTER_RUNTIME_DIR": "/tmp/jupyter", "SHELL": "/bin/bash"}  # noqa: S108
# systemctl(1), "Exit status", of is-active.
_ACTIVE: Final = 0
_INACTIVE: Final = (3, 4)

# DynamicUser= alone makes the system read-only and /tmp private, and forbids more rights by sudo.
_HARDENING: Final = (
    ("DynamicUser", "yes"),
    ("CapabilityBoundingSet", ""),
    ("InaccessiblePaths", "-/var/tmp"),
    ("KeyringMode", "private"),
    ("LockPersonality", "yes"),
    ("PrivateDevices", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectHome", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectProc", "invisible"),
    ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX AF_NETLINK"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallErrorNumber", "EPERM"),
    ("UMask", "0077"),
    # A kernel that takes too much is ended; the server goes on and says so.
    ("OOMPolicy", "continue"),
    ("TimeoutStopSec", "10"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one server may use; bytes, CPUs, processes and threads. None: no limit."""

    disk: int
    tasks: int
    memory: int | None = None
    cpus: float | None = None


def configure_units(c: Config, values: Values) -> None:
    """Make visitors' servers transient units, with what the values `tmpnb.sandbox` say."""
    c.JupyterHub.spawner_class = SPAWNER_CLASS
    c.TransientUnitSpawner.disk = values.get("tmpnb.sandbox.disk")
    c.TransientUnitSpawner.internet = values.get("tmpnb.sandbox.internet")


def address_of(number: int) -> str:
    """The loopback address of a user's server, by the user's number in the database."""
    return str(_FIRST_ADDRESS + number % _ADDRESSES)


def properties(
    address: str, home: str, limits: Limits, reachable: Sequence[str] | None
) -> Iterator[tuple[str, str]]:
    """A unit's properties (systemd.exec(5), systemd.resource-control(5)).

    `reachable` are the private addresses that it reaches beside the public ones; None: no public
    ones either.
    """
    yield from _HARDENING
    options = f"size={limits.disk},mode=1777,nosuid,nodev"
    yield "TemporaryFileSystem", f"{home}:{options} /dev/shm:{options}"
    yield "TasksMax", str(limits.tasks)
    if limits.memory is not None:
        yield "MemoryMax", str(limits.memory)
        yield "MemorySwapMax", "0"
    if limits.cpus is not None:
        yield "CPUQuota", f"{round(limits.cpus * 100)}%"
    yield "IPAddressDeny", "any" if reachable is None else _PRIVATE
    yield "IPAddressAllow", " ".join([_HUB, address, *(reachable or ())])


def environment_file(variables: Mapping[str, str]) -> str:
    """Variables as `EnvironmentFile=` reads them (systemd.exec(5)); nothing in them is expanded."""
    return "".join(
        '{}="{}"\n'.format(name, re.sub(r'(["\\`$])', r"\\\1", value))
        for name, value in sorted(variables.items())
    )


class TransientUnitSpawner(Spawner):  # type: ignore[misc]  # jupyterhub has no types
    """Starts each server with `systemd-run`, isolated from the host and from the other ones."""

    disk = ByteSpecification(
        "1G", config=True, help="""Bytes that a server's files may have; they are in memory."""
    )
    tasks = Integer(256, min=1, config=True, help="""Processes and threads of a server.""")
    internet = Bool(False, config=True, help="""Whether servers reach public addresses.""")
    reachable = List(
        Unicode(),
        default_value=["127.0.0.53"],
        config=True,
        help="""With `internet`: private addresses or networks that servers reach, too, such as
        those of DNS; by default systemd-resolved's.""",
    )
    kernels = Enum(
        ["ipc", "tcp"],
        default_value="ipc",
        config=True,
        help="""How a server speaks to its kernels: by files, which no other visitor reaches, or by
        ports of 127.0.0.1, at which all others can read what a kernel prints. Some kernels, such as
        R's and Julia's, know ports only.""",
    )
    slice = Unicode(
        "jupyterhub-visitors.slice",
        config=True,
        help="""The slice of all servers; limits of it are limits of all together.""",
    )
    home = Unicode(
        "/var/lib/jupyterhub-ha/visitor",
        config=True,
        help="""An empty folder, in whose place each server has its own home folder.""",
    )

    @property
    def unit(self) -> str:
        """The name of the server's unit."""
        return f"jupyterhub-visitor-{self.user.id}.service"

    async def start(self) -> tuple[str, int]:
        """Start the unit; raises UnitError with systemd's words. It may take time to answer."""
        if not any(path.exists() for path in _FILTERING):
            raise UnitError(
                "this host's systemd cannot filter addresses, and visitors would reach each "
                "other's kernels; start the host with systemd.unified_cgroup_hierarchy=1"
            )
        self.ip, self.port = address_of(self.user.id), _PORT
        environment = {**self.get_env(), **_VARIABLES, "HOME": self.home}
        file = _ENVIRONMENTS / f"{self.unit}.env"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        replace_file(file, environment_file(environment), mode=0o600, temporary=file.parent)
        try:
            status, said = await _run("systemd-run", *self._words(file, environment))
        finally:
            # systemd has read it, and nobody else is to.
            file.unlink(missing_ok=True)
        if status:
            raise UnitError(
                f"systemd did not start {self.unit}: {said}; `journalctl --unit {self.unit}` may "
                "say more"
            )
        return self.ip, self.port

    async def stop(self, now: bool = False) -> None:
        """Stop the unit and all that runs in it; comes back when nothing does."""
        await _run("systemctl", "stop", self.unit)

    async def poll(self) -> int | None:
        """None while the unit runs; raises UnitError when systemd does not say."""
        status, said = await _run("systemctl", "is-active", self.unit)
        if status == _ACTIVE:
            return None
        if status in _INACTIVE:
            return 1
        raise UnitError(f"systemd does not say whether {self.unit} runs: {said}")

    def _words(self, environment_file: Path, environment: Mapping[str, str]) -> Iterator[str]:
        yield from ("--quiet", "--collect", "--service-type=exec")
        yield from (f"--unit={self.unit}", f"--slice={self.slice}")
        yield f"--description=Notebook of {self.user.name}"
        yield f"--working-directory={self.home}"
        memory, cpus = self.mem_limit or None, self.cpu_limit or None
        limits = Limits(self.disk, self.tasks, memory, cpus)
        reachable = self.reachable if self.internet else None
        for name, value in properties(self.ip, self.home, limits, reachable):
            yield f"--property={name}={value}"
        yield f"--property=EnvironmentFile={environment_file}"
        command: list[str] = [*self.cmd, *self.get_args()]
        yield "--"
        # systemd looks for programs in places of its own.
        yield shutil.which(command[0], path=environment.get("PATH")) or command[0]
        yield from command[1:]
        yield f"--KernelManager.transport={self.kernels}"


async def _run(*words: Any) -> tuple[int, str]:
    """A command's exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode(errors="replace").strip()
