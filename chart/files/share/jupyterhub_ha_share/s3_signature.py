"""How a request to an S3-compatible store is signed: AWS Signature Version 4. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of an account of the store."""

    key: str
    secret: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is signed of it."""

    method: str
    path: str
    """Neither quoted nor with a query."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """With `host`, `x-amz-date` and `x-amz-content-sha256`, all names in small letters."""


def quoted_path(path: str) -> str:
    """As it is sent, and as it is signed."""
    return quote(path, safe="/-_.~")


def quoted_query(query: Mapping[str, str]) -> str:
    """As it is sent, and as it is signed."""
    pairs = sorted((quote(key, safe="-_.~"), quote(query[key], safe="-_.~")) for key in query)
    return "&".join(f"{key}={value}" for key, value in pairs)


def authorization(request: Request, region: str, credentials: Credentials) -> str:
    """The header that says who asks, and proves it."""
    names = sorted(request.headers)
    lines = [
        request.method,
        quoted_path(request.path),
        quoted_query(request.query),
        *(f"{name}:{request.headers[name].strip()}" for name in names),
        "",
        ";".join(names),
        request.headers["x-amz-content-sha256"],
    ]
    moment = request.headers["x-amz-date"]
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = "\n".join([_ALGORITHM, moment, scope, digest])
    key = f"AWS4{credentials.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return (
        f"{_ALGORITHM} Credential={credentials.key}/{scope},"
        f"SignedHeaders={';'.join(names)},Signature={signature}"
    )
