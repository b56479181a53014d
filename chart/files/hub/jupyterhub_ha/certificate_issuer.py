"""Publish the certificate that all Traefik replicas serve, and renew it in time.

Run as ``python -m jupyterhub_ha.certificate_issuer --help``. It stands outside the way of the
users' requests: while it is away, what was published is served. Of several only one works, the
others wait for it to end. Passwords come from files or the environment, never from the command
line.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

from .certificate import Facts, Pair, facts
from .certificate_issuer_options import parse
from .certificate_publish import LOCK_KEY, Publisher
from .certificate_source import Source
from .errors import CertificateError, EtcdError, HubProxyError, IssueError
from .etcd_client import EtcdClient
from .etcd_lock import Held, hold

log = logging.getLogger("certificates")

_LOCK_SECONDS = 15
_SOON = 1.0  # seconds until it is tried again after a lock or etcd was lost
_WHILE_WAITING = 3.0  # seconds between looks at a lock that somebody else has


class Issuer:
    """One certificate from its source to etcd, as long as run() runs."""

    def __init__(
        self,
        client: EtcdClient,
        source: Source,
        *,
        root_key: str = "traefik",
        interval: float = 10.0,
        lock_seconds: int = _LOCK_SECONDS,
    ) -> None:
        """Every `interval` seconds it looks whether etcd, and the files, are as they should be."""
        self._client = client
        self._source = source
        self._publisher = Publisher(client, root_key)
        self._interval = interval
        self._lock_seconds = lock_seconds
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._work: asyncio.Task[str] | None = None
        self._told = ""
        self._waiting_for = ""

    async def run(self) -> None:
        """Work whenever nobody else does, until it is cancelled."""
        while True:
            try:
                async with hold(self._client, LOCK_KEY, self._owner, self._lock_seconds) as lock:
                    if lock.other:
                        self._note_other(lock.other)
                    await self._serve(lock)
            except EtcdError as error:
                log.warning("etcd: %s; what was published is still served", error)
            finally:
                await self._end_work()
            await asyncio.sleep(_WHILE_WAITING if self._waiting_for else _SOON)

    def _note_other(self, other: str) -> None:
        if other != self._waiting_for:
            log.info("%s does this work; waiting for it to end", other)
        self._waiting_for = other

    async def _serve(self, lock: Held) -> None:
        """Publish and renew, as long as the lock is held."""
        while lock.is_held:
            self._waiting_for = ""
            error = await self._finished_work()
            pair, problem = await self._look()
            if await self._publisher.publish([pair] if pair else [], lock.unchanged) and pair:
                found = facts(pair.crt)
                log.info("published certificate %s for %s", found.serial, ", ".join(found.hosts))
            due = self._source.due
            if due is not None and due <= time.time() and self._work is None and not problem:
                log.info("obtaining a certificate")
                self._work = asyncio.create_task(self._source.obtain())
            await self._tell(pair, problem or error)
            await self._pause(due)

    async def _look(self) -> tuple[Pair | None, str]:
        try:
            return await self._source.current(), ""
        except (CertificateError, IssueError) as error:
            return None, str(error)

    async def _pause(self, due: float | None) -> None:
        """Until there is something to do, or to look at again."""
        seconds = self._interval
        if due is not None and self._work is None:
            seconds = min(seconds, max(due - time.time(), 0.05))
        if self._work is None:
            await asyncio.sleep(seconds)
        else:
            await asyncio.wait([self._work], timeout=seconds)

    async def _finished_work(self) -> str:
        """What went wrong with a certificate that was being obtained and no longer is."""
        work = self._work
        if work is None or not work.done():
            return ""
        self._work = None
        try:
            return await work
        except IssueError as error:
            await asyncio.sleep(self._interval)  # the source could not note when to try again
            return str(error)

    async def _end_work(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError, HubProxyError):
                await work

    async def _tell(self, pair: Pair | None, problem: str) -> None:
        """Say how it is, in the log and in etcd, when that has changed."""
        status = self.status(pair, problem)
        text = json.dumps(status)
        if text == self._told:
            return
        await self._publisher.tell(text)
        self._told = text
        log.log(logging.ERROR if status["error"] else logging.INFO, "status %s", text)

    def status(self, pair: Pair | None, problem: str) -> dict[str, Any]:
        """How it is: `state` is ok, obtaining, failing, or waiting for the first certificate."""
        more = self._source.status()
        error = problem or more.pop("error", "")
        due = self._source.due
        if self._work is not None:
            state = "obtaining"
        else:
            state = "failing" if error else "ok" if pair else "waiting"
        return {
            **more,
            "state": state,
            **_certificate_status(facts(pair.crt) if pair else None),
            "next": _iso(due) if due else "",
            "error": error,
        }


def _certificate_status(found: Facts | None) -> dict[str, Any]:
    if found is None:
        return {"serial": "", "hosts": [], "notAfter": ""}
    return {
        "serial": found.serial,
        "hosts": list(found.hosts),
        "notAfter": _iso(found.not_after),
    }


def _iso(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat(timespec="seconds")


async def _run(issuer: Issuer, client: EtcdClient) -> None:
    """Run it until SIGTERM; the lock is given back, so that the next one begins at once."""
    task = asyncio.ensure_future(issuer.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("ended; what was published is still served")
    finally:
        client.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    try:
        made = parse(arguments)
        issuer = Issuer(made.client, made.source, root_key=made.root_key, interval=made.interval)
        asyncio.run(_run(issuer, made.client))
    except HubProxyError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
