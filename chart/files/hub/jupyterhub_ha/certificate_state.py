"""What an issuer must not forget: its account, the certificate, how often it failed.

Named texts, which are saved all at once or not at all: in a Secret of Kubernetes, or in a file.
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from .atomic_file import read_file, replace_file
from .errors import FileStoreError, IssueError

_SECONDS = 20.0
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class State(Protocol):
    """Where the texts are kept. IssueError says what is wrong, and what to do."""

    async def load(self) -> dict[str, str]:
        """All texts; none if nothing was saved yet."""

    async def save(self, texts: Mapping[str, str]) -> None:
        """Keep these texts and no others."""


class FolderState:
    """One file with mode 0600 in a folder that others cannot enter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "certificates.json"

    async def load(self) -> dict[str, str]:
        """All texts; none if there is no file."""
        try:
            text, _ = read_file(self._file)
            found = json.loads(text) if text else {}
        except FileStoreError as error:
            raise IssueError(f"{error}; give its owner access") from error
        except ValueError as error:
            raise IssueError(f"{self._file} is no JSON; restore it, or remove it") from error
        return {str(name): str(value) for name, value in found.items()}

    async def save(self, texts: Mapping[str, str]) -> None:
        """Replace the file."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            text = json.dumps(dict(texts), indent=1) + "\n"
            replace_file(self._file, text, mode=0o600, temporary=self._folder)
        except (FileStoreError, OSError) as error:
            raise IssueError(f"{error}; make the folder writable") from error


class SecretState:
    """The data of one Secret, which must be there: a Role cannot allow to create one name only.

    `account` is the folder with the token, the authority and the namespace of a service account.
    """

    def __init__(self, name: str, *, server: str, account: Path = _ACCOUNT) -> None:
        self._name = name
        self._server = server.rstrip("/")
        self._account = account
        self._present: frozenset[str] = frozenset()

    async def load(self) -> dict[str, str]:
        """All texts of the Secret."""
        found = await self._ask("GET")
        data = found.get("data") or {}
        self._present = frozenset(data)
        return {name: base64.b64decode(value).decode() for name, value in data.items()}

    async def save(self, texts: Mapping[str, str]) -> None:
        """Replace the data in one request; labels and all else stay as they are."""
        data: dict[str, str | None] = dict.fromkeys(self._present - texts.keys())
        data |= {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
        await self._ask("PATCH", {"data": data})
        self._present = frozenset(texts)

    async def _ask(self, method: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            # Read each time: Kubernetes replaces the token before it expires.
            token = (self._account / "token").read_text().strip()
            namespace = (self._account / "namespace").read_text().strip()
            tls = ssl.create_default_context(cafile=str(self._account / "ca.crt"))
        except OSError as error:
            raise IssueError(
                f"no service account in {self._account}: {error.strerror}; mount its token"
                " (automountServiceAccountToken)"
            ) from error
        url = f"{self._server}/api/v1/namespaces/{namespace}/secrets/{self._name}"
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/merge-patch+json",
        }
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        payload = None if body is None else json.dumps(body)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, url, data=payload, headers=headers, ssl=tls) as answer,
            ):
                if answer.status != 200:
                    raise IssueError(self._refusal(method, answer.status))
                return dict(await answer.json())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise IssueError(
                f"Kubernetes' API does not answer at {self._server}: {reason}"
            ) from error

    def _refusal(self, method: str, status: int) -> str:
        cure = {
            401: "its token is not valid; restart the pod",
            403: f"allow the service account to get and patch the Secret {self._name}",
            404: "the chart makes it; run helm upgrade again",
        }.get(status, "see the log of the API server")
        return f"Secret {self._name}: {method} was refused with status {status}; {cure}"
