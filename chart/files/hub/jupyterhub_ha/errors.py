"""What can go wrong, drawn once.

HubProxyError
├── RouteError (ValueError)      a routespec or target that no proxy could serve
├── EtcdError
│   ├── EtcdTimeoutError         no answer in time; the change may have been made or not
│   ├── EtcdUnavailableError     no endpoint could be reached, or none has a leader
│   ├── EtcdAuthError            wrong password, no permission, certificate refused
│   ├── EtcdCompactedError       the asked revision is gone; read anew
│   ├── EtcdConflictError        another writer keeps changing the table
│   └── EtcdRequestError         etcd understood the request and refused it
└── NoReplicaError               no Traefik replica took the change
"""

from __future__ import annotations


class HubProxyError(Exception):
    """Base of every error that this package raises."""


class RouteError(HubProxyError, ValueError):
    """A routespec or target that cannot be served; the message says why."""


class EtcdError(HubProxyError):
    """Base of everything that etcd, or the way to it, answers instead of a result."""


class EtcdTimeoutError(EtcdError):
    """No answer before the deadline: a change may have been made, or not."""


class EtcdUnavailableError(EtcdError):
    """No endpoint could be reached, or none has a leader."""


class EtcdAuthError(EtcdError):
    """etcd knows neither this user nor this password, or it forbids the request."""


class EtcdCompactedError(EtcdError):
    """The revision asked for has been compacted."""


class EtcdConflictError(EtcdError):
    """Another writer changed the table again and again while a change was tried."""


class EtcdRequestError(EtcdError):
    """etcd refused the request, and would do so again."""


class NoReplicaError(HubProxyError):
    """A change is in etcd, but no Traefik replica serves it."""
