"""What etcd's JSON gateway sends and takes: values in base64, numbers as text, gRPC's errors.

The messages are those of etcd's gRPC API in proto3 JSON:
https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from tornado.httpclient import HTTPClientError

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
class TxnResult:
    """`succeeded` tells whether the comparisons held; `pairs` has one list for each read."""

    succeeded: bool
    revision: int
    pairs: list[list[KeyValue]]


def unreached(endpoint: str, error: Exception) -> EtcdError:
    """The error for a request that got no answer."""
    text = f"{endpoint}: {error}"
    if "timed out" in text.lower():
        return EtcdTimeoutError(text)  # curl says it in words only
    return EtcdUnavailableError(text)


def grpc_status(error: HTTPClientError) -> dict[str, Any]:
    """The status (code, message) in the body of an HTTP error."""
    try:
        status = json.loads(error.response.body) if error.response else None
    except ValueError:
        status = None
    if isinstance(status, dict) and isinstance(status.get("error"), dict):
        status = status["error"]  # as a stream wraps it
    if isinstance(status, dict):
        return status
    text = error.response.body.decode(errors="replace").strip() if error.response else ""
    return {"message": f"HTTP {error.code} {text[:200]}".strip()}


def grpc_error(status: Mapping[str, Any]) -> EtcdError:
    """The error of this package for a gRPC status."""
    code = status.get("code", status.get("grpc_code", 0))
    message = str(status.get("message") or status.get("error") or "unknown error")
    low = message.lower()
    kind: type[EtcdError] = EtcdRequestError
    if (
        code in {_UNAUTHENTICATED, _DENIED}
        or "authentication failed" in low
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


def revision_of(answer: Mapping[str, Any]) -> int:
    """The store's revision when it answered."""
    return int(answer["header"].get("revision", 0))


async def json_lines(queue: asyncio.Queue[bytes | None]) -> AsyncIterator[dict[str, Any]]:
    """JSON objects, one a line, from chunks cut anywhere; None ends them."""
    rest = b""
    while (chunk := await queue.get()) is not None:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield json.loads(line)
