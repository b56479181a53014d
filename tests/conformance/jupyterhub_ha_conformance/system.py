"""What the suite must know of a proxy: one small class."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from jupyterhub.proxy import Proxy


class System(Protocol):
    """A proxy with all that it needs behind it, started on enter and gone after exit.

    The suite calls `MySystem(folder)`, and `MySystem(folder, host_routing=True)` for routes by host
    name; `folder` is an empty one for what the proxy writes. A system is started once for many
    tests, and each test leaves an empty routing table.

    Attributes that a system may have beyond these, and what the suite does without them:

    `deviations`: mapping of test to reason
        Which tests this proxy is known to fail, and why: `test_it`, or `test_it[case]` for one
        case. They become strict expected failures: one that passes is reported, too. Default: none.
    `name`: str
        The column's heading in the table of features. Default: the class's name.
    `told_headers`: mapping of header to value
        What the proxy tells each server beside `Via`, `Forwarded`, `X-Real-IP` and `X-Forwarded-*`,
        of a request by http, such as `{"X-Scheme": "http"}`. The suite asks for exactly these.
        Default: none, so that any other header is one that was made up.
    `pids()`: list of int
        The processes that carry the users' traffic. Without it the memory of a proxy is not
        measured: those tests are skipped. With more than one, the suite sends a request several
        times on new connections, to meet each of them.
    `restart()`: None
        End the proxy's processes and start them again; return when they answer. Without it, the
        tests of a restarted proxy are skipped.
    `end_hub(proxy)`: coroutine
        Let go of a Proxy object as when its hub ends while the proxy stays. Default: nothing but
        `proxy.stop()` after each test if `proxy.should_start`, as JupyterHub does.
    """

    public_url: str
    """Where users reach the proxy, `http://host:port`."""
    hub_port: int
    """A free port of 127.0.0.1, on which the suite puts the hub."""

    def __init__(self, folder: Path, *, host_routing: bool = False) -> None: ...

    def __enter__(self) -> Any: ...

    def __exit__(self, *_: object) -> None: ...

    def make_proxy(self) -> Proxy:
        """A new object of JupyterHub's Proxy class, configured as a hub would have it.

        The suite awaits its `start()` if its `should_start` is true.
        """


def name_of(system: type[System]) -> str:
    """The heading of a system's column."""
    return str(getattr(system, "name", system.__name__))


def deviations_of(system: type[System]) -> dict[str, str]:
    """Test, or test with case, to the reason why it fails."""
    return dict(getattr(system, "deviations", {}))


def told_headers_of(system: System) -> dict[str, str]:
    """The further headers by which a proxy tells servers of the client, in lower case."""
    told: dict[str, str] = dict(getattr(system, "told_headers", {}))
    return {name.lower(): value for name, value in told.items()}


def replicas_of(system: System) -> int:
    """How many processes share the public URL."""
    return len(system.pids()) if hasattr(system, "pids") else 1
