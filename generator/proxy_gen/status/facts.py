"""What is known of a release that runs: facts as they were read, nothing judged. Pure.

Field names are those of ``proxy-gen status --format json``.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

TRAEFIK, CHP, IN_PROCESS = "traefik-etcd", "chp", "in-process"


@dataclass(frozen=True)
class Unknown:
    """Something that could not be read, and why; it is never shown as 0 or as nothing."""

    reason: str


@dataclass(frozen=True)
class Fault:
    """Something that went wrong at some time, and how often it did so far."""

    what: str
    where: str
    when: datetime.datetime
    times: int = 1


@dataclass(frozen=True)
class Pod:
    """A pod as Kubernetes sees it.

    ``restarts`` are those of all its containers; ``trouble`` says why it is not ready; ``ending``
    that it was asked to stop. ``health_path`` is what its readiness probe asks for over HTTP.
    """

    name: str
    component: str
    node: str = ""
    ready: bool = True
    restarts: int = 0
    ending: bool = False
    trouble: str = ""
    health_path: str = ""
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Workload:
    """A Deployment or a StatefulSet: how many pods of which component it should have.

    ``etcd_secrets`` are the Secrets from which its pods take a certificate for etcd,
    ``public_secret`` and ``public_key`` where the one is that they publish for browsers.
    """

    kind: str
    name: str
    component: str
    release: str
    namespace: str
    wanted: int
    chart: str = ""
    containers: tuple[str, ...] = ()
    etcd_secrets: tuple[str, ...] = ()
    public_secret: str = ""
    public_key: str = "tls.crt"


@dataclass(frozen=True)
class Table:
    """The routing table that a replica serves; ``generation`` is None if it has read none.

    ``store`` is the random name that etcd's data got when they began, empty before the hub's first
    change.
    """

    generation: int | None
    store: str = ""


@dataclass(frozen=True)
class Replica:
    """A pod of the proxy; configurable-http-proxy has no table that others must agree with."""

    pod: Pod
    table: Table | Unknown | None = None


@dataclass(frozen=True)
class MemberState:
    """What a member of etcd says of itself; sizes are bytes."""

    leads: bool
    sees_leader: bool
    learner: bool
    database: int
    quota: int
    alarms: tuple[str, ...] = ()
    version: str = ""


@dataclass(frozen=True)
class Member:
    """A member of etcd."""

    pod: Pod
    state: MemberState | Unknown


@dataclass(frozen=True)
class Hub:
    """The hub; ``version`` is JupyterHub's."""

    name: str
    wanted: int
    pods: tuple[Pod, ...]
    version: str | Unknown


@dataclass(frozen=True)
class Proxy:
    """The proxy's pods.

    ``generation`` is what all replicas should serve by now: the highest that any of them served
    when they were first asked, None if there is none.
    """

    name: str
    wanted: int
    replicas: tuple[Replica, ...]
    generation: int | None = None


@dataclass(frozen=True)
class Etcd:
    """The members of etcd."""

    name: str
    wanted: int
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Certificate:
    """A certificate in a Secret: ``name`` is whose it is; ``expires`` is UTC."""

    name: str
    secret: str
    expires: datetime.datetime | Unknown


@dataclass(frozen=True)
class PublicCertificate:
    """The certificate for browsers; ``begins`` and ``expires`` are None if there is none yet.

    ``failures`` is how often in a row the authority has given none, ``error`` why it did not the
    last time, and ``next_attempt`` when it is asked again.
    """

    secret: str
    hosts: tuple[str, ...] = ()
    issuer: str = ""
    begins: datetime.datetime | None = None
    expires: datetime.datetime | None = None
    failures: int = 0
    error: str = ""
    next_attempt: datetime.datetime | None = None


@dataclass(frozen=True)
class Https:
    """What publishes the certificate that all replicas serve, and that certificate."""

    name: str
    wanted: int
    pods: tuple[Pod, ...]
    certificate: PublicCertificate | Unknown


@dataclass(frozen=True)
class Report:
    """A release at one moment; a part is None where this kind of release has none."""

    release: str
    namespace: str
    kind: str
    chart: str
    at: datetime.datetime
    hub: Hub | None
    proxy: Proxy | None
    etcd: Etcd | None
    certificates: tuple[Certificate, ...] | Unknown | None
    routes: int | Unknown
    last_fault: Fault | Unknown | None
    https: Https | None = None
