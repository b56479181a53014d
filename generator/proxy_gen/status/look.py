"""One look at a release: everything is asked at once, and each question has its deadline.

The thin part: it asks, and leaves reading and judging to the pure modules beside it.
"""

from __future__ import annotations

import base64
import datetime
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from proxy_gen.errors import ToolError

from . import answers, judge, objects
from .facts import (
    CHP,
    IN_PROCESS,
    TRAEFIK,
    Certificate,
    Etcd,
    Fault,
    Https,
    Hub,
    Member,
    MemberState,
    Pod,
    Proxy,
    PublicCertificate,
    Replica,
    Report,
    Table,
    Unknown,
    Workload,
)
from .kubectl import Answer, Kubectl, UnreachableError

# The chart's ports, by what listens there.
HUB_PORT, TRAEFIK_PORT, CHP_PORT, ETCD_PORT = 8081, 8080, 8001, 2381

# Only the public halves are asked for: no private key ever comes into this process.
CERTIFICATE = r'{.metadata.name}{"\t"}{.data.ca\.crt}{"\t"}{.data.tls\.crt}{"\n"}'
CERTIFICATES = f"{{range .items[*]}}{CERTIFICATE}{{end}}"
HUB_PASSWORD = "{.items[*].data.hub-password}"  # noqa: S105  where it is, not what it is
CHP_TOKEN = r"{.items[*].data.hub\.config\.ConfigurableHTTPProxy\.auth_token}"  # noqa: S105

# More than any table has, so that one page holds all.
SERVICES = "/api/http/services?search=@etcd&per_page=1000000"

PAUSE = 1.0
AGAIN = 3
_MOST_AT_ONCE = 32

Read = TypeVar("Read")


@dataclass(frozen=True)
class _Release:
    """A release's objects, and how to ask for more."""

    kubectl: Kubectl
    name: str
    kind: str
    workloads: Sequence[Workload]
    pods: Sequence[Pod]

    def workload(self, component: str) -> Workload | None:
        return next((one for one in self.workloads if one.component == component), None)

    def of(self, component: str) -> list[Pod]:
        return [one for one in self.pods if one.component == component]

    def secrets(self, component: str, what: str) -> str:
        """What a JSONPath finds in the release's Secrets of a component; raises ToolError."""
        labels = f"--selector=release={self.name},component={component}"
        return self.kubectl.get("secrets", labels, f"--output=jsonpath={what}")


def look(kubectl: Kubectl, release: str | None) -> Report:
    """Ask for everything; raises ToolError or UsageError if not even the objects can be listed."""
    found = _find(kubectl, release)
    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        hub = pool.submit(_hub, found)
        members = _of_each(pool, _ask_member, found, "proxy-etcd")
        replicas = _of_each(pool, _ask_replica, found, "proxy")
        certificates = pool.submit(_certificates, found)
        https = pool.submit(_https, found)
        routes = pool.submit(_routes, found)
        fault = pool.submit(_last_fault, found)
        proxy = _proxy(found, [one.result() for one in replicas], pool)
        return Report(
            found.name,
            found.workloads[0].namespace,
            found.kind,
            next(filter(None, (one.chart for one in found.workloads)), ""),
            datetime.datetime.now(datetime.UTC).replace(microsecond=0),
            hub.result(),
            proxy,
            _etcd(found, [one.result() for one in members]),
            certificates.result(),
            routes.result(),
            fault.result(),
            https.result(),
        )


def _find(kubectl: Kubectl, wanted: str | None) -> _Release:
    selector = f"--selector=component in ({','.join(objects.COMPONENTS)})"
    listed = kubectl.get_json("deployments.apps,statefulsets.apps,pods", selector)
    workloads, pods = objects.read(listed)
    name = objects.choose_release(workloads, wanted)
    of_release = [one for one in workloads if one.release == name]
    kind = objects.kind_of(of_release)
    return _Release(kubectl, name, kind, of_release, [pod for of, pod in pods if of == name])


def _of_each(
    pool: Executor, ask: Callable[[_Release, Pod], Read], release: _Release, component: str
) -> list[Future[Read]]:
    return [pool.submit(ask, release, pod) for pod in release.of(component)]


# -- the hub


def _hub(release: _Release) -> Hub | None:
    workload = release.workload("hub")
    if workload is None:
        return None
    pods = release.of("hub")
    version: str | Unknown = Unknown("no hub is ready")
    for pod in pods:
        if pod.ready:
            path = pod.health_path or "/hub/health"
            version = _ask(release, pod, HUB_PORT, path, _hub_version)
    return Hub(workload.name, workload.wanted, tuple(pods), version)


def _hub_version(answer: Answer) -> str:
    version = answer.headers.get("x-jupyterhub-version")
    if not version:
        raise ValueError("the hub does not tell its version")
    return version


# -- the proxy


def _ask_replica(release: _Release, pod: Pod) -> Replica:
    if release.kind != TRAEFIK:
        return Replica(pod)
    table = _ask(
        release, pod, TRAEFIK_PORT, "/ready", lambda one: answers.table(one.status, one.body)
    )
    return Replica(pod, table)


def _proxy(release: _Release, replicas: list[Replica], pool: Executor) -> Proxy | None:
    """Compare the replicas; one that seems late is asked again, since the table may just change."""
    workload = release.workload("proxy")
    if workload is None:
        return None
    tables = [one.table for one in replicas if isinstance(one.table, Table)]
    served = [table.generation for table in tables if table.generation is not None]
    generation = max(served, default=None)
    for _ in range(AGAIN):
        late = [one for one in replicas if one.pod.ready and judge.is_behind(one, generation)]
        if not late:
            break
        time.sleep(PAUSE)
        asked = {
            one.pod.name: one
            for one in pool.map(lambda one: _ask_replica(release, one.pod), late)
        }  # fmt: skip
        replicas = [asked.get(one.pod.name, one) for one in replicas]
    return Proxy(workload.name, workload.wanted, tuple(replicas), generation)


def _routes(release: _Release) -> int | Unknown:
    """Count the routes where they are listed: at one replica, with the hub's password."""
    if release.kind == IN_PROCESS:
        return Unknown("they are in the hub's memory; its administrators see them")
    pod = next((one for one in release.of("proxy") if one.ready and not one.ending), None)
    if pod is None:
        return Unknown("no proxy is ready")
    try:
        if release.kind == CHP:
            # CHP reads the word "token", and nothing of its case.
            head = f"token {_secret(release, 'hub', CHP_TOKEN)}"
            port, path, count = CHP_PORT, "/api/routes", answers.count_chp_routes
        else:
            password = _secret(release, "proxy", HUB_PASSWORD)
            head = "Basic " + base64.b64encode(f"hub:{password}".encode()).decode()
            port, path, count = TRAEFIK_PORT, SERVICES, answers.count_services
    except (ToolError, ValueError) as error:
        return Unknown(str(error))
    return _ask(release, pod, port, path, lambda one: count(_body(one)), {"Authorization": head})


def _secret(release: _Release, component: str, where: str) -> str:
    found = release.secrets(component, where).strip()
    if not found:
        raise ValueError("the Secret with the password of the proxy's API was not found")
    return base64.b64decode(found).decode()


def _body(answer: Answer) -> bytes:
    if answer.status != 200:
        raise ValueError(f"the proxy's API answers {answer.status}")
    return answer.body


# -- etcd


def _ask_member(release: _Release, pod: Pod) -> Member:
    # Of itself only: with no majority, a question to all would take seconds to fail.
    return Member(pod, _ask_pod(release, pod, ETCD_PORT, _read_member))


def _read_member(get: Callable[[str], Answer]) -> MemberState:
    metrics = get("/metrics")
    return answers.member(metrics.body.decode(), get("/health?serializable=true").body)


def _etcd(release: _Release, members: list[Member]) -> Etcd | None:
    workload = release.workload("proxy-etcd")
    return Etcd(workload.name, workload.wanted, tuple(members)) if workload else None


# -- the rest


def _certificates(release: _Release) -> tuple[Certificate, ...] | Unknown | None:
    if release.kind != TRAEFIK:
        return None
    try:
        if release.workload("proxy-etcd"):
            lines = release.secrets("proxy-etcd", CERTIFICATES)
        else:  # another's etcd: the Secrets that hub and Traefik were given
            names = sorted({name for one in release.workloads for name in one.etcd_secrets})
            output = f"--output=jsonpath={CERTIFICATE}"
            lines = "".join(release.kubectl.get("secrets", name, output) for name in names)
            if not names:  # without TLS
                return None
    except ToolError as error:
        return Unknown(str(error))
    return answers.certificates_of(lines) or Unknown("no Secret with a certificate was found")


def _https(release: _Release) -> Https | None:
    workload = release.workload("proxy-certificates")
    if workload is None:
        return None
    pods = tuple(release.of("proxy-certificates"))
    return Https(workload.name, workload.wanted, pods, _published(release, workload))


def _published(release: _Release, workload: Workload) -> PublicCertificate | Unknown:
    """Read the Secret that the certificate is published from; it may not be there yet."""
    key = workload.public_key.replace(".", r"\.")
    what = rf'{{.data.{key}}}{{"\t"}}{{.data.attempts\.json}}'
    try:
        # By its name as a selector: that needs no right but to list.
        line = release.kubectl.get(
            "secrets",
            f"--field-selector=metadata.name={workload.public_secret}",
            f"--output=jsonpath={{range .items[*]}}{what}{{end}}",
        )
        return answers.public_certificate(workload.public_secret, line)
    except (ToolError, ValueError) as error:
        return Unknown(str(error))


def _last_fault(release: _Release) -> Fault | Unknown | None:
    """Return the latest of all warnings and of all containers that failed."""
    faults = [fault for pod in release.pods for fault in pod.faults]
    try:
        listed = release.kubectl.get_json("events", "--field-selector=type=Warning")
    except ToolError as error:
        return _latest(faults) or Unknown(str(error))
    event = objects.last_event(listed.get("items") or [], release.pods, release.workloads)
    return _latest([*faults, *([event] if event else [])])


def _latest(faults: Iterable[Fault]) -> Fault | None:
    return max(faults, key=lambda one: one.when, default=None)


# -- asking a pod


def _ask(
    release: _Release,
    pod: Pod,
    port: int,
    path: str,
    read: Callable[[Answer], Read],
    headers: dict[str, str] | None = None,
) -> Read | Unknown:
    return _ask_pod(release, pod, port, lambda get: read(get(path)), headers)


def _ask_pod(
    release: _Release,
    pod: Pod,
    port: int,
    read: Callable[[Callable[[str], Answer]], Read],
    headers: dict[str, str] | None = None,
) -> Read | Unknown:
    """Ask a pod one or more things over one connection; what fails is unknown, with the reason."""
    if not pod.node:
        return Unknown("it is on no node")
    try:
        with release.kubectl.forward(pod.name, port) as forwarded:
            return read(lambda path: forwarded.get(path, headers))
    except (UnreachableError, ValueError) as error:
        return Unknown(str(error))
