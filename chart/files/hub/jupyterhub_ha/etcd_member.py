"""Prepare the start of one etcd member: as part of a new cluster, or of the one that exists.

Run as ``python -m jupyterhub_ha.etcd_member --help``, where etcd is about to start. With data there
is nothing to find out. Without data it waits until it knows which of both is right, makes room for
itself in a cluster that exists, and writes etcd's configuration file. `etcd_membership` decides.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import ssl
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from .atomic_file import replace_file
from .errors import EtcdError, EtcdRequestError, StoreError
from .etcd_client import EtcdClient
from .etcd_membership import (
    EMPTY,
    Add,
    Begin,
    Cluster,
    Join,
    Member,
    Promote,
    Remove,
    Seen,
    Start,
    Wait,
    behind,
    decide,
    join_step,
    parse_cluster,
)
from .etcd_options import document, options_of
from .etcd_root import MEMBERS, ROOT_PASSWORD, Tls, change, client, list_members
from .membership_lock import membership_lock

log = logging.getLogger("etcd-member")

_PAUSE = 1.0
_ANSWER = 3.0  # seconds for another member's answer
_HEADER = "X-Jupyterhub-Ha-Etcd"


def _context(tls: Tls, *, server: bool = False) -> ssl.SSLContext | None:
    """For a connection to a peer, or from one; each side shows its certificate."""
    if not tls.cert_file:
        return None
    purpose = ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH
    context = ssl.create_default_context(purpose, cafile=tls.ca_file)
    context.load_cert_chain(tls.cert_file, tls.key_file)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


class _NoData(RequestHandler):
    """What the others find on the peer port as long as etcd does not run: 404, and why."""

    def get(self) -> None:
        self.set_header(_HEADER, EMPTY)
        self.set_status(404)


class Newcomer:
    """A member without data, on its way into a cluster.

    `options` are etcd's, `wanted` the members' names and peer URLs; `root` and `password` are what
    etcd's root shows to the members.
    """

    def __init__(
        self, options: Mapping[str, str], wanted: Cluster, root: Tls, password: str
    ) -> None:
        self._me = options.get("name", "")
        if self._me not in wanted:
            raise EtcdRequestError(
                f"{self._me} is not among the members {', '.join(wanted)}; set proxy.etcd.replicas"
            )
        self._wanted = wanted
        self._listen = urlsplit(options["listen-peer-urls"])
        self._peer = Tls(
            *(options.get(f"peer-{n}-file", "") for n in ("trusted-ca", "cert", "key"))
        )
        self._root, self._password = root, password
        self._said = ""

    async def settle(self) -> tuple[str, str]:
        """etcd's ``initial-cluster-state`` and ``initial-cluster``, as soon as they are certain."""
        server = HTTPServer(
            Application([(r".*", _NoData)], log_function=lambda _: None),
            ssl_options=_context(self._peer, server=True),
        )
        server.listen(self._listen.port or 2380, self._listen.hostname or "")
        try:
            while True:
                decision = decide(self._me, self._wanted, await self._look())
                if isinstance(decision, Begin):
                    log.info("no member has data: a new cluster begins")
                    return "new", decision.initial_cluster
                if isinstance(decision, Join) and (found := await self._join(decision)):
                    log.info("joining the cluster")
                    return "existing", found
                if isinstance(decision, Wait):
                    self._say(decision.reason)
                await asyncio.sleep(_PAUSE)
        finally:
            server.stop()
            await server.close_all_connections()

    async def _look(self) -> dict[str, Seen]:
        others = [name for name in self._wanted if name != self._me]
        answers = await asyncio.gather(*(self._ask(self._wanted[name]) for name in others))
        return dict(zip(others, answers, strict=True))

    async def _ask(self, url: str) -> Seen:
        try:
            answer = await AsyncHTTPClient().fetch(
                f"{url}/members",
                ssl_options=_context(self._peer),
                connect_timeout=_ANSWER,
                request_timeout=_ANSWER,
                raise_error=False,
            )
            if answer.code == 200:
                return [Member.of(found) for found in json.loads(answer.body)]
        except (OSError, HTTPClientError, ValueError):
            return None
        return EMPTY if answer.headers.get(_HEADER) == EMPTY else None

    async def _join(self, decision: Join) -> str:
        """Go into the cluster; its members once all know this one, or nothing yet."""
        root = client(decision.endpoints, "root", self._password, self._root)
        try:
            while not (step := await self._step(root)):
                pass
        except EtcdError as error:
            step = Wait(f"the cluster refuses or has no leader: {error}")
        finally:
            root.close()
        if isinstance(step, Start):
            return step.initial_cluster
        self._say(step.reason)
        return ""

    async def _step(self, root: EtcdClient) -> Start | Wait | None:
        """What is left to do; nothing is known of it when the members have been changed."""
        members = await list_members(root)
        step = join_step(self._me, self._wanted, members)
        if isinstance(step, Start) and (late := behind(members, await self._look())):
            return Wait(f"{', '.join(late)} does not know the members yet")
        if isinstance(step, Start | Wait):
            return step
        async with membership_lock(root, self._me) as other:
            if other:
                return Wait(f"{other} changes the members")
            await self._change(root)
        return None

    async def _change(self, root: EtcdClient) -> None:
        """Be added, or do what must be done before."""
        step = join_step(self._me, self._wanted, await list_members(root))
        if isinstance(step, Add):
            body = {"peerURLs": [self._wanted[self._me]], "isLearner": step.is_learner}
            await root.call("cluster/member/add", body)
            log.info("added to the cluster%s", " as a learner" if step.is_learner else "")
        elif isinstance(step, Remove | Promote):
            log.info("%s", await change(root, step))

    def _say(self, reason: str) -> None:
        if reason != self._said:
            log.info("waiting: %s", reason)
        self._said = reason


def has_data(options: Mapping[str, str]) -> bool:
    """Whether etcd would go on with what is in its folder, by etcd's own sign: a log of writes."""
    log_folder = options.get("wal-dir") or f"{options['data-dir']}/member/wal"
    return any(Path(log_folder).glob("*.wal"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jupyterhub_ha.etcd_member",
        description="Find out whether etcd starts a new cluster or joins one, and write its "
        "configuration file.",
        epilog=f"{MEMBERS} has the wanted members as NAME=PEER-URL,...; {ROOT_PASSWORD} the "
        "password of etcd's root. Exit status: 0 etcd can start, 1 it cannot, 2 wrong usage.",
    )
    parser.add_argument("--config-file", required=True, metavar="FILE", help="where to write it")
    parser.add_argument("--ca-file", default="", help="authority of etcd's certificates, PEM")
    parser.add_argument("--cert-file", default="", help="root's certificate, without CommonName")
    parser.add_argument("--key-file", default="", help="its private key")
    parser.add_argument("etcd", nargs="+", metavar="--NAME=VALUE", help="etcd's options, after --")
    return parser


async def _run(arguments: argparse.Namespace) -> None:
    options = options_of(arguments.etcd)
    wanted = parse_cluster(os.environ.get(MEMBERS, ""))
    document(options)  # a mistake in them is found before anything is changed
    if has_data(options):
        log.info("there are data: going on with them")
        # Only a member without data reads these; should it be one after all, it begins nothing new.
        state, cluster = "existing", ",".join(f"{name}={url}" for name, url in wanted.items())
    else:
        root = Tls(arguments.ca_file, arguments.cert_file, arguments.key_file)
        password = os.environ.get(ROOT_PASSWORD, "")
        state, cluster = await Newcomer(options, wanted, root, password).settle()
    found = {**options, "initial-cluster-state": state, "initial-cluster": cluster}
    file, text = Path(arguments.config_file), json.dumps(document(found), indent=1)
    replace_file(file, text, mode=0o600, temporary=file.parent)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parsed = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    try:
        asyncio.run(_run(parsed))
    except StoreError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    # A container's first process is not ended by a signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
