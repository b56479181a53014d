"""A real store of objects, versitygw, which checks signatures and keeps buckets as folders."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from tests.support.ports import free_port
from tests.support.processes import TOOLS_BIN, Service, answers

from jupyterhub_ha_share.s3_signature import Credentials
from jupyterhub_ha_share.s3_store import Bucket, S3Store

CREDENTIALS = Credentials("the-key-of-the-test", "the-secret-of-the-test")
BUCKET = "shared-notebooks"
REGION = "eu-central-1"


class ObjectStore:
    """A context manager; with one empty bucket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "buckets"
        (self.folder / BUCKET).mkdir(parents=True)
        meta = folder / "meta"
        meta.mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        options: list[str | Path] = [
            *("--port", f"127.0.0.1:{port}", "--region", REGION, "--health", "/health"),
            *("--access", CREDENTIALS.key, "--secret", CREDENTIALS.secret),
        ]
        words: list[str | Path] = [
            TOOLS_BIN / "versitygw",
            *options,
            "posix",
            "--sidecar",
            meta,
            self.folder,
        ]
        self._service = Service(words, folder / "versitygw.log", {})

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._service.start()
        self._service.wait_until(lambda: answers(f"{self.url}/health"), "answer", 60)

    def stop(self) -> None:
        """As when it is away."""
        self._service.kill()

    def bucket(self, prefix: str = "") -> Bucket:
        """The bucket, or a folder in it."""
        return Bucket(self.url, BUCKET, prefix, REGION)

    def store(self, prefix: str = "", page: int = 1000) -> S3Store:
        """As the service uses it, but for waits."""
        return S3Store(self.bucket(prefix), CREDENTIALS, page=page, wait=lambda _: None)
