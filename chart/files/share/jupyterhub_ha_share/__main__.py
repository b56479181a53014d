"""Run the service: `python -m jupyterhub_ha_share --storage /var/lib/share`.

The hub's variables for services say the rest: JUPYTERHUB_API_TOKEN, JUPYTERHUB_API_URL,
JUPYTERHUB_BASE_URL and JUPYTERHUB_SERVICE_PREFIX. For a bucket, AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY are the key of an account.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import importlib.util
import logging
import os
import re
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from jupyterhub.services.auth import HubOAuth
from tornado.httpserver import HTTPServer
from tornado.web import Application

from .errors import StorageError
from .handlers import Site, routes
from .renderer import Renderer
from .s3_signature import Credentials
from .s3_store import Bucket, S3Store
from .shares import Limits, Shares
from .store import FolderStore, Store

SERVICE: Final = "share"
_SWEEP_SECONDS: Final = 3600
_MEGABYTE: Final = 1_000_000
# What makes pages of notebooks, in a process of its own: its failure would look like a notebook's.
_NEEDED: Final = ("nbconvert", "nbformat", "bleach", "tinycss2")
_log = logging.getLogger("jupyterhub_ha_share")


def main(words: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM; 1 with a line that says why when that cannot be."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    options = _parser().parse_args(words)
    token = os.environ.get("JUPYTERHUB_API_TOKEN", "")
    if not token:
        print("JUPYTERHUB_API_TOKEN: is empty; give it the service's token", file=sys.stderr)
        return 1
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        print(
            f"{', '.join(missing)}: {sys.executable} has no such module, and makes no page of a "
            "notebook without; install nbconvert there (pip install 'nbconvert>=7.16'), or run the "
            "service in users' environment or image, which has it",
            file=sys.stderr,
        )
        return 1
    try:
        store = _store(options)
    except StorageError as error:
        print(f"--storage {error}", file=sys.stderr)
        return 1
    asyncio.run(_serve(options, store, token))
    return 0


def _store(options: argparse.Namespace) -> Store:
    scheme, found, rest = options.storage.partition("://")
    if not found:
        return FolderStore(Path(options.storage))
    name, _, prefix = rest.partition("/")
    if scheme != "s3" or not name:
        raise StorageError(f"{options.storage}: is no folder, and no s3://BUCKET/PREFIX")
    if not re.fullmatch(r"https?://[^/@?#]+", options.s3_endpoint):
        raise StorageError(
            f"{options.storage}: --s3-endpoint {options.s3_endpoint!r} is not as "
            "https://s3.example.org, without a path; give the store's"
        )
    given = [os.environ.get(key, "") for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    if not all(given):
        raise StorageError(
            f"{options.storage}: AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY is empty; give both"
        )
    prefix = prefix.strip("/")
    start = f"{prefix}/" if prefix else ""
    return S3Store(Bucket(options.s3_endpoint, name, start, options.s3_region), Credentials(*given))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jupyterhub_ha_share", description=__doc__)
    add = parser.add_argument
    add("--storage", required=True, help="for all that is shared: a folder, or s3://BUCKET/PREFIX")
    add("--s3-endpoint", default="", help="URL of the store with that bucket, without a path")
    add("--s3-region", default="us-east-1", help="of the bucket, where the store has regions")
    add("--address", default="", help="where to listen; every address by default")
    add("--port", type=int, default=8080)
    add("--max-size", type=float, default=10, help="megabytes of one notebook")
    add("--days", type=float, default=90, help="how long one is shared; 0: for ever")
    add("--per-visitor", type=int, default=20, help="notebooks that one visitor may share")
    add("--total-size", type=float, default=5000, help="megabytes of all together")
    add("--render-memory", type=int, default=1024, help="MiB of memory to render one notebook")
    add("--render-seconds", type=int, default=30, help="seconds to render one notebook")
    return parser


async def _serve(options: argparse.Namespace, store: Store, token: str) -> None:
    base = os.environ.get("JUPYTERHUB_BASE_URL", "/")
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", f"{base}services/{SERVICE}/")
    auth = HubOAuth(
        oauth_client_id=f"service-{SERVICE}",
        base_url=prefix,
        hub_prefix=f"{base}hub/",
        access_scopes={f"access:services!service={SERVICE}"},
        # Users of visitors go with their servers, and who has lost one is to get another.
        cache_max_age=5,
        # A token of a server, which programs in notebooks have, is of no use here.
        allow_token_in_url=False,
    )
    max_size = int(options.max_size * _MEGABYTE)
    limits = Limits(options.days, options.per_visitor, int(options.total_size * _MEGABYTE))
    shares = Shares(store, limits)
    renderer = Renderer(
        seconds=options.render_seconds, memory=options.render_memory, largest=4 * max_size
    )
    with ThreadPoolExecutor(8) as threads:
        site = Site(shares, renderer, auth, prefix, base, max_size, threads)
        # The same in all replicas, and of no use to who knows it from elsewhere.
        secret = hashlib.sha256(f"cookies of share: {token}".encode()).hexdigest()
        application = Application(routes(site), cookie_secret=secret, xsrf_cookies=True)
        # A little above, so that who is above the limit gets to know that.
        server = HTTPServer(application, xheaders=True, max_body_size=max_size + _MEGABYTE)
        server.listen(options.port, options.address or None)
        _log.info("Listening at port %s, for %s", options.port, prefix)
        sweeping = asyncio.ensure_future(_sweep(site))
        await _ended()
        sweeping.cancel()
        server.stop()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeping
        await server.close_all_connections()


async def _sweep(site: Site) -> None:
    """Delete what has expired, now and then; a storage that fails is asked again."""
    while True:
        try:
            over = await site.run(site.shares.sweep)
            if over:
                _log.info("%s shared notebooks have expired", over)
        except StorageError as error:
            _log.warning("What has expired could not be deleted: %s", error)
        await asyncio.sleep(_SWEEP_SECONDS)


async def _ended() -> None:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    await end.wait()


if __name__ == "__main__":
    sys.exit(main())
