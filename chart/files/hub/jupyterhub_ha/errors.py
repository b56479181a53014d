"""What can go wrong, drawn once.

HubProxyError
├── RouteError (ValueError)      a routespec or target that no proxy could serve
├── StoreError                   the routing table could not be read or written
│   ├── StoreConflictError       another writer keeps changing the table
│   ├── FileStoreError           the files of the table cannot be read or written
│   └── EtcdError
│       ├── EtcdTimeoutError     no answer in time; the change may have been made or not
│       ├── EtcdUnavailableError no endpoint could be reached, or none has a leader
│       ├── EtcdAuthError        wrong password, no permission, certificate refused
│       ├── EtcdCompactedError   the asked revision is gone; read anew
│       └── EtcdRequestError     etcd understood the request and refused it
├── CertificateError (ValueError) a certificate or key that cannot be served
├── IssueError                   no certificate could be obtained, or the state not be kept
├── TraefikStartError            the hub could not start Traefik
├── NoReplicaError               no Traefik replica took the change
├── HubApiError                  the hub's own API refused what the keeper of the pool asked for
├── UnitError                    systemd did not start a server's unit
├── MessageError                 an HTTP message that the in-process proxy refuses
└── ListenError                  the in-process proxy cannot listen where it should
"""

from __future__ import annotations

from typing import ClassVar


class HubProxyError(Exception):
    """Base of every error that this package raises."""


class RouteError(HubProxyError, ValueError):
    """A routespec or target that cannot be served; the message says why."""


class StoreError(HubProxyError):
    """The routing table's store could not be read or written.

    `passing` tells whether a later try may succeed without anybody doing anything.
    """

    passing: ClassVar[bool] = False


class StoreConflictError(StoreError):
    """Another writer changed the table again and again while a change was tried."""


class FileStoreError(StoreError):
    """The files of the table cannot be read or written; the message names file and reason."""


class EtcdError(StoreError):
    """Base of everything that etcd, or the way to it, answers instead of a result."""


class EtcdTimeoutError(EtcdError):
    """No answer before the deadline: a change may have been made, or not."""

    passing = True


class EtcdUnavailableError(EtcdError):
    """No endpoint could be reached, or none has a leader."""

    passing = True


class EtcdAuthError(EtcdError):
    """etcd knows neither this user nor this password, or it forbids the request."""

    passing = True  # the set-up that creates the users may run at this very moment


class EtcdCompactedError(EtcdError):
    """The revision asked for has been compacted."""

    passing = True


class EtcdRequestError(EtcdError):
    """etcd refused the request, and would do so again."""


class CertificateError(HubProxyError, ValueError):
    """A certificate or key that cannot be served; the message says why, and quotes no key."""


class IssueError(HubProxyError):
    """The authority gave no certificate, or what was obtained cannot be kept."""


class TraefikStartError(HubProxyError):
    """The hub could not start Traefik; the message says why, and what to do."""


class NoReplicaError(HubProxyError):
    """A change is written, but no Traefik replica serves it."""


class HubApiError(HubProxyError):
    """The hub's own API refused a request, or did not answer; the message says which and why."""


class UnitError(HubProxyError):
    """systemd did not start a server's unit, or does not say how it is; the message says why."""


class MessageError(HubProxyError):
    """An HTTP message that is refused, with the status that says so."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class ListenError(HubProxyError):
    """The in-process proxy cannot listen where it should; the message says where and why."""
