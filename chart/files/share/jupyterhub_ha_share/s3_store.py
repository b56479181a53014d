"""Objects in a bucket of an S3-compatible store, with nothing but Python's own modules.

No image for users' servers has a client for S3, and of all that such a client can do four requests
are needed. The bucket is a part of the path, which every such store understands.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit
from xml.etree import ElementTree

from .errors import StorageError
from .s3_signature import Credentials, Request, authorization, quoted_path, quoted_query

_SECONDS: Final = 20
_TRIES: Final = 3
_LATER: Final = frozenset({429, 500, 502, 503, 504})
_CURE: Final = "see that endpoint, bucket and key belong together"
_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9.]+)</Code>")
_CURES: Final = {
    "NoSuchBucket": "make the bucket",
    "AccessDenied": "let the key read, write, delete and list there",
    "InvalidAccessKeyId": "give the key of an account of this store",
    "SignatureDoesNotMatch": "give the secret that belongs to the key",
    "AuthorizationHeaderMalformed": "give the region of the bucket",
    "PermanentRedirect": "give the endpoint of the bucket's region",
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects are kept."""

    endpoint: str
    """`https://s3.example.org`, without a path."""
    name: str
    prefix: str = ""
    """What all keys begin with; empty, or with a slash at its end."""
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes

    @property
    def code(self) -> str:
        """Of an error, such as `AccessDenied`."""
        found = _CODE.search(self.body)
        return found[1].decode() if found else ""

    def __str__(self) -> str:
        return f"{self.status} {self.code}".strip()


class S3Store:
    """One object for each; a write is seen whole by who reads later, in all stores of today."""

    def __init__(
        self,
        bucket: Bucket,
        credentials: Credentials,
        *,
        page: int = 1000,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raises StorageError when nothing can be written there; `page` keys are listed at once."""
        self._bucket = bucket
        self._credentials = credentials
        self._page = page
        self._wait = wait
        self._endpoint = urlsplit(bucket.endpoint)
        self._check()

    def write(self, key: str, content: bytes) -> None:
        """All of it or nothing."""
        answer = self._ask("PUT", self._path(key), content)
        if answer.status != HTTPStatus.OK:
            raise StorageError(f"the notebook could not be stored: {answer}")

    def read(self, key: str) -> bytes | None:
        """The object's content."""
        answer = self._ask("GET", self._path(key))
        # Without the bucket or the account, nothing is known of the object.
        if answer.status == HTTPStatus.NOT_FOUND and answer.code in {"NoSuchKey", ""}:
            return None
        if answer.status != HTTPStatus.OK:
            raise StorageError(f"the storage could not be read: {answer}")
        return answer.body

    def delete(self, key: str) -> None:
        """Stores say the same whether it was there or not; some do say 404."""
        answer = self._ask("DELETE", self._path(key))
        if answer.status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND}:
            raise StorageError(f"the notebook could not be deleted: {answer}")

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """One page after the other."""
        start = self._bucket.prefix
        query = {"list-type": "2", "prefix": start + prefix, "max-keys": str(self._page)}
        while True:
            answer = self._ask("GET", self._path(), query=query)
            if answer.status != HTTPStatus.OK:
                raise StorageError(f"the storage could not be read: {answer}")
            page = _Page(answer.body)
            for key, size in page.objects:
                yield key.removeprefix(start), size
            if not page.next:
                return
            query = {**query, "continuation-token": page.next}

    def _check(self) -> None:
        """All that it will ask for."""
        bucket = self._bucket
        listed = {"list-type": "2", "prefix": bucket.prefix, "max-keys": "1"}
        for method, key, query in (
            ("PUT", ".writable", {}),
            ("GET", ".writable", {}),
            ("GET", "", listed),
            ("DELETE", ".writable", {}),
        ):
            answer = self._ask(method, self._path(key), query=query)
            if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                cure = _CURES.get(answer.code, _CURE)
                place = f"{bucket.endpoint}/{bucket.name}"
                raise StorageError(f"{place}: {method} is answered with {answer}; {cure}")

    def _path(self, key: str = "") -> str:
        """Of an object, or of the bucket."""
        return (
            f"/{self._bucket.name}/{self._bucket.prefix}{key}" if key else f"/{self._bucket.name}"
        )

    def _ask(
        self, method: str, path: str, body: bytes = b"", query: Mapping[str, str] | None = None
    ) -> _Answer:
        """Once more after a moment where the store is busy or away: each may be done twice."""
        problem = ""
        for number in range(_TRIES):
            if number:
                self._wait(number)
            try:
                answer = self._ask_once(method, path, body, query or {})
            except (OSError, http.client.HTTPException) as error:
                problem = str(error) or type(error).__name__
                continue
            if answer.status not in _LATER:
                return answer
            problem = str(answer)
        raise StorageError(f"the storage at {self._bucket.endpoint} does not answer: {problem}")

    def _ask_once(self, method: str, path: str, body: bytes, query: Mapping[str, str]) -> _Answer:
        headers = {
            "host": self._endpoint.netloc,
            "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        }
        request = Request(method, path, query, headers)
        signed = authorization(request, self._bucket.region, self._credentials)
        https = self._endpoint.scheme == "https"
        kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
        connection = kind(self._endpoint.netloc, timeout=_SECONDS)
        try:
            connection.request(
                method,
                f"{quoted_path(path)}?{quoted_query(query)}" if query else quoted_path(path),
                body=body if method == "PUT" else None,
                headers={**headers, "authorization": signed},
            )
            given = connection.getresponse()
            return _Answer(given.status, given.read())
        finally:
            connection.close()


class _Page:
    """A part of a list; the elements' namespace differs between stores."""

    def __init__(self, body: bytes) -> None:
        self.objects: list[tuple[str, int]] = []
        self.next = ""
        try:
            # The operator's own store: what it says is no stranger's.
            root = ElementTree.fromstring(body)  # noqa: S314
            for element in root:
                name = _name(element)
                if name == "Contents":
                    found = {_name(one): one.text or "" for one in element}
                    self.objects.append((found["Key"], int(found["Size"])))
                elif name == "NextContinuationToken":
                    self.next = element.text or ""
        except (ElementTree.ParseError, KeyError, ValueError) as error:
            raise StorageError(f"the storage's list could not be read: {error}") from error


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
