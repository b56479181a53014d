"""Certificates from an ACME authority (RFC 8555), obtained by the program lego.

lego answers HTTP-01 challenges itself, on the address that it is given; Traefik's replicas lead
requests for them there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .certificate_binding import Binding, explained
from .errors import IssueError

ACCOUNT, ACCOUNT_KEY, ACCOUNT_SERVER = "account.json", "account.key", "account.server"
ACCOUNT_BINDING = "account.binding"
CRT, KEY, ORDER, RESOURCE = "tls.crt", "tls.key", "order.json", "resource.json"

_PASSED = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR", "TZ")
_PASSED_TO_ANY = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_LONGEST = 600  # characters of an error
_STAMP = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (?:\[\w+\] )?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of whom: one certificate for all hosts. The profile may be empty.

    `binding` is the external account that the authority binds ours to, where it wants one.
    """

    hosts: tuple[str, ...]
    email: str
    server: str
    profile: str = ""
    binding: Binding | None = None

    def text(self) -> str:
        """The order as it is kept beside its certificate; without the key of an account."""
        parts = asdict(self) | {"binding": self.binding.mark if self.binding else ""}
        if not self.binding:
            del parts["binding"]  # as it was before there were any: the certificate stays
        return json.dumps(parts, sort_keys=True)

    def is_kept_in(self, texts: Mapping[str, str]) -> bool:
        """Whether the certificate among these texts is of this very order."""
        return texts.get(ORDER) == self.text() and bool(texts.get(CRT)) and bool(texts.get(KEY))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be kept after an attempt, and why it failed; empty where it did not."""

    texts: dict[str, str]
    error: str = ""


@dataclass(frozen=True, slots=True)
class Lego:
    """The program; `http_address` is interface:port, on which it answers challenges.

    `ca_file` is the authority behind an ACME server that no system trusts. An attempt ends after
    `seconds`.
    """

    program: str
    http_address: str
    ca_file: str = ""
    seconds: float = 300.0
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    async def obtain(self, order: Order, texts: Mapping[str, str]) -> Outcome:
        """Ask for a certificate with the account among `texts`, or with a new one.

        Of an account that another ACME server has given, only the key is used on; of one that is
        bound to another external account, nothing. A certificate of the same order is renewed, so
        that the authority knows what it replaces; any other one is new. IssueError if the program
        cannot be run.
        """
        known = _of_this_server(texts, order)
        renew = order.is_kept_in(known) and ACCOUNT in known and RESOURCE in known
        with tempfile.TemporaryDirectory(prefix="lego-") as name:  # mode 0700
            files = _Files(Path(name), order)
            files.write(known, with_certificate=renew)
            code, said = await self._run(self._arguments(order, name, renew=renew), name, order)
            kept = {**known, **files.read_account(), ACCOUNT_SERVER: order.server}
            if order.binding:
                kept[ACCOUNT_BINDING] = order.binding.key_id
            if code:
                error = explained(complaint(said), order.binding)
                return Outcome(_without_lost_account(kept, said), error)
            found = files.read_certificate()
        if not found:
            return Outcome(kept, "lego ended well, but left no certificate")
        return Outcome({**kept, **found, ORDER: order.text()})

    def _arguments(self, order: Order, path: str, *, renew: bool) -> list[str]:
        words = [self.program, "--accept-tos", "--path", path, "--server", order.server]
        words += ["--email", order.email, "--http", "--http.port", self.http_address]
        words += [word for host in order.hosts for word in ("--domains", host)]
        if renew:
            # When is decided here; lego's own delay would add up to eight minutes.
            words += ["renew", "--days", "-1", "--no-random-sleep", "--force-cert-domains"]
        else:
            words += ["run"]
        return words + (["--profile", order.profile] if order.profile else [])

    async def _run(self, words: list[str], home: str, order: Order) -> tuple[int, str]:
        """Exit status and output."""
        variables = {
            name: value
            for name, value in self.environment.items()
            if name in _PASSED or name.upper() in _PASSED_TO_ANY
        }
        if self.ca_file:
            variables["LEGO_CA_CERTIFICATES"] = self.ca_file
        if order.binding:
            variables |= order.binding.variables()
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={**variables, "HOME": home},
                start_new_session=True,
            )
        except OSError as error:
            raise IssueError(f"lego cannot be run, {words[0]}: {error.strerror}") from error
        try:
            async with asyncio.timeout(self.seconds):
                output, _ = await process.communicate()
            return process.returncode or 0, output.decode(errors="replace")
        except TimeoutError:
            return 1, f"lego had not ended after {self.seconds:.0f} s"
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()


class _Files:
    """lego's folder: accounts/<server>/<email>/..., certificates/<first host>.*"""

    def __init__(self, root: Path, order: Order) -> None:
        server = urlsplit(order.server).netloc.replace(":", "_")
        account = root / "accounts" / server / order.email
        self._account = {
            ACCOUNT: account / "account.json",
            ACCOUNT_KEY: account / "keys" / f"{order.email}.key",
        }
        first = root / "certificates" / order.hosts[0]
        self._certificate = {
            CRT: first.with_name(f"{first.name}.crt"),
            KEY: first.with_name(f"{first.name}.key"),
            RESOURCE: first.with_name(f"{first.name}.json"),
        }

    def write(self, texts: Mapping[str, str], *, with_certificate: bool) -> None:
        files = {**self._account, **(self._certificate if with_certificate else {})}
        for name, path in files.items():
            if name in texts:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(texts[name])

    def read_account(self) -> dict[str, str]:
        return _read(self._account)

    def read_certificate(self) -> dict[str, str]:
        found = _read(self._certificate)
        return found if CRT in found and KEY in found else {}


def _read(files: Mapping[str, Path]) -> dict[str, str]:
    return {name: path.read_text() for name, path in files.items() if path.is_file()}


def _of_this_server(texts: Mapping[str, str], order: Order) -> dict[str, str]:
    """Without an account that another ACME server has given: this one would refuse its address.

    To the key of an account that is bound otherwise a server would answer with that account.
    """
    gone: set[str] = set()
    if texts.get(ACCOUNT_SERVER) != order.server:
        gone = {ACCOUNT}
    if order.binding and texts.get(ACCOUNT_BINDING, "") != order.binding.key_id:
        gone = {ACCOUNT, ACCOUNT_KEY}
    return {name: text for name, text in texts.items() if name not in gone}


def _without_lost_account(texts: dict[str, str], said: str) -> dict[str, str]:
    """Without the account if the authority says that it has none: the next attempt makes one."""
    if "accountDoesNotExist" not in said:
        return texts
    return {name: text for name, text in texts.items() if name not in {ACCOUNT, ACCOUNT_KEY}}


def complaint(said: str) -> str:
    """What went wrong, in one line, from lego's output: what follows its last notes on progress."""
    lines = [line.strip() for line in _STAMP.sub("", said).splitlines() if line.strip()]
    start = next((i for i, line in enumerate(lines) if line.startswith("Could not")), None)
    if start is None:
        start = next((i for i, line in enumerate(lines) if "error" in line.lower()), -3)
    text = " ".join(lines[start:]) or "lego failed and said nothing"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def kept_attempts(texts: Mapping[str, str], name: str) -> dict[str, Any]:
    """A JSON object among the texts; empty where it is missing or none."""
    try:
        found = json.loads(texts.get(name, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
