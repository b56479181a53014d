"""What etcd's JSON gateway sends and takes: values in base64, numbers as text, gRPC's errors.

The messages are those of etcd's gRPC API in proto3 JSON:
https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import (
    EtcdAuthError,
    EtcdCompactedError,
    EtcdError,
    EtcdRequestError,
    EtcdTimeoutError,
    EtcdUnavailableError,
)

# gRPC status codes: https://grpc.io/docs/guides/status-codes/
_DEADLINE, _DENIED, _OUT_OF_RANGE, _UNAVAILABLE, _UNAUTHENTICATED = 4, 7, 11, 14, 16


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key as etcd has it; `revision` is that of its last change."""

    key: str
    value: str
    revision: int


@dataclass(frozen=True, slots=True)
class Event:
    """A change that a watch saw; `deleted` keys have an empty value."""

    key: str
    value: str
    revision: int
    deleted: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What a watch tells: changes in order, and the store's revision that it has reached.

    The first has no events and tells only the revision at which the watch began.
    """

    revision: int
    events: list[Event]


@dataclass(frozen=True, slots=True)
class TxnResult:
    """`succeeded` tells whether the comparisons held; `pairs` has one list for each read."""

    succeeded: bool
    revision: int
    pairs: list[list[KeyValue]]


def grpc_status(status: int, body: bytes) -> dict[str, Any]:
    """The gRPC status (code, message) in the body of an HTTP error."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if isinstance(found, dict) and isinstance(found.get("error"), dict):
        found = found["error"]  # as a stream wraps it
    if isinstance(found, dict):
        return found
    text = body.decode(errors="replace").strip()
    return {"message": f"HTTP {status} {text[:200]}".strip()}


def grpc_error(status: Mapping[str, Any]) -> EtcdError:
    """The error of this package for a gRPC status."""
    code = status.get("code", status.get("grpc_code", 0))
    message = str(status.get("message") or status.get("error") or "unknown error")
    low = message.lower()
    kind: type[EtcdError] = EtcdRequestError
    if (
        code in {_UNAUTHENTICATED, _DENIED}
        or "authentication failed" in low
        or "permission denied" in low  # a watch says only the words
        or "commonname of client" in low  # the gateway refuses certificates that have one
        or _is_about_token(low)
    ):
        kind = EtcdAuthError
    elif code == _OUT_OF_RANGE and "compacted" in low:
        kind = EtcdCompactedError
    elif code == _UNAVAILABLE:
        # "request timed out" is also of this kind: it says so while there is no leader.
        kind = EtcdUnavailableError
    elif code == _DEADLINE:
        kind = EtcdTimeoutError
    return kind(message)


def _is_about_token(message: str) -> bool:
    return any(
        part in message
        for part in ("invalid auth token", "revision of auth store is old", "user name is empty")
    )


def token_refused(error: EtcdAuthError) -> bool:
    """Whether another token would help; it does not against a wrong password."""
    return _is_about_token(str(error).lower())


def encode(text: str) -> str:
    """A key or value as the gateway takes it."""
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def decode(text: str) -> str:
    """A key or value from the gateway; bytes that are no UTF-8 survive a round trip."""
    return base64.b64decode(text).decode("utf-8", "surrogateescape")


def prefix_end(prefix: str) -> str:
    """The end of the range of all keys with this prefix, encoded; the empty prefix has all."""
    raw = prefix.encode("utf-8", "surrogateescape").rstrip(b"\xff")
    return base64.b64encode(raw[:-1] + bytes([raw[-1] + 1]) if raw else b"\0").decode()


def pair(found: Mapping[str, Any]) -> KeyValue:
    """A ``mvccpb.KeyValue``; proto3 leaves out what is empty."""
    return KeyValue(
        decode(found["key"]), decode(found.get("value", "")), int(found.get("mod_revision", 0))
    )


def event(found: Mapping[str, Any]) -> Event:
    """A ``mvccpb.Event``."""
    changed = pair(found["kv"])
    return Event(changed.key, changed.value, changed.revision, found.get("type") == "DELETE")


def watched(result: Mapping[str, Any]) -> Changes:
    """A ``WatchResponse``; the error of one that says that the watch was cancelled."""
    if int(result.get("compact_revision", 0)):
        raise EtcdCompactedError(f"compacted up to {result['compact_revision']}")
    if result.get("canceled"):
        raise grpc_error({"message": result.get("cancel_reason", "the watch was cancelled")})
    return Changes(revision_of(result), [event(found) for found in result.get("events", ())])


def revision_of(answer: Mapping[str, Any]) -> int:
    """The store's revision when it answered."""
    return int(answer["header"].get("revision", 0))
