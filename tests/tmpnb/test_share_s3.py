"""Shared notebooks in a bucket: the store against a real one, and the whole service on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin

import pytest
from tests.support.s3 import BUCKET, CREDENTIALS, REGION, ObjectStore
from tests.support.share import SharingHub, share
from tests.support.tmpnb import VisitorSession, come
from tests.unit.jupyterhub_ha_share.test_render import markdown, notebook

from jupyterhub_ha_share.errors import NotSharedError, StorageError
from jupyterhub_ha_share.renderer import Rendered
from jupyterhub_ha_share.s3_store import S3Store
from jupyterhub_ha_share.shares import Limits, Shares

pytestmark = pytest.mark.timeout(900)
DAY = 86400


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with ObjectStore(tmp_path_factory.mktemp("s3")) as objects:
        yield objects


def test_what_is_written_is_read_listed_and_deleted(objects: ObjectStore) -> None:
    store = objects.store("a/")
    store.write("notebooks/x.ipynb", b"one")
    store.write("notebooks/x.ipynb", b"another")
    store.write("pages/x.html", b"")
    assert store.read("notebooks/x.ipynb") == b"another"
    assert store.read("notebooks/y.ipynb") is None
    assert list(store.list("notebooks/")) == [("notebooks/x.ipynb", 7)]
    assert objects.store("b/").read("notebooks/x.ipynb") is None, "a folder of its own"
    for _ in range(2):
        store.delete("notebooks/x.ipynb")
    assert store.read("notebooks/x.ipynb") is None
    assert list(store.list("")) == [("pages/x.html", 0)]


def test_a_list_of_several_pages(objects: ObjectStore) -> None:
    store = objects.store("many/", page=3)
    keys = [f"shares/{number}/a & b.json" for number in range(7)]
    for key in keys:
        store.write(key, b"x")
    assert [key for key, _ in store.list("shares/")] == keys


def test_shares_are_kept_and_go_as_in_a_folder(objects: ObjectStore) -> None:
    now = [1_000_000.0]
    shares = Shares(objects.store("shares-test/"), Limits(days=10), lambda: now[0])
    made = Rendered(b"{}", b"<p>", "Title")
    created = shares.add("ada", "a.ipynb", made)
    identity = created.record.identity
    again = Shares(objects.store("shares-test/"), Limits(days=10), lambda: now[0])
    assert again.find(identity) == created.record
    assert again.of("ada") == [created.record]
    assert again.notebook(identity) == b"{}"
    assert again.add("bob", "b.ipynb", made).record.identity == identity
    assert shares.delete(identity, secret=created.secret) is False
    now[0] += 10 * DAY
    assert again.sweep() == 1
    with pytest.raises(NotSharedError):
        shares.find(identity)
    assert list(objects.store("shares-test/").list("")) == []


@pytest.mark.parametrize(
    ("change", "answer", "cure"),
    [
        ({"name": "another-bucket"}, "404 NoSuchBucket", "make the bucket"),
        ({"key": "nobody"}, "404 XAdminUserNotFound", "see that endpoint, bucket and key"),
        ({"secret": "wrong"}, "403 SignatureDoesNotMatch", "give the secret that belongs"),
        ({"region": "us-east-1"}, "400 AuthorizationHeaderMalformed", "give the region"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_wrong_is_said_at_the_start(
    objects: ObjectStore, change: dict[str, str], answer: str, cure: str
) -> None:
    of_bucket = {key: value for key, value in change.items() if key in {"name", "region"}}
    of_account = {key: value for key, value in change.items() if key not in of_bucket}
    bucket = replace(objects.bucket(), **of_bucket)
    with pytest.raises(StorageError) as caught:
        S3Store(bucket, replace(CREDENTIALS, **of_account))
    assert f"{objects.url}/{bucket.name}: PUT is answered with {answer}; {cure}" in str(
        caught.value
    )


def test_a_store_that_is_away_is_asked_again_and_no_notebook_is_said_to_be_gone(
    tmp_path: Path,
) -> None:
    waits: list[float] = []
    with ObjectStore(tmp_path) as objects:
        store = S3Store(objects.bucket(), CREDENTIALS, wait=waits.append)
        store.write("notebooks/x", b"kept")
        objects.stop()
        for ask in (store.read, store.delete, lambda key: list(store.list(key))):
            with pytest.raises(StorageError, match=f"{objects.url} does not answer: "):
                ask("notebooks/x")
        assert waits == [1, 2] * 3
        objects.start()
        assert store.read("notebooks/x") == b"kept"
        shutil.rmtree(objects.folder / BUCKET)
        with pytest.raises(StorageError, match="404 NoSuchBucket"):
            store.read("notebooks/x")


async def test_the_whole_service_on_a_bucket(objects: ObjectStore, tmp_path: Path) -> None:
    words = {
        "storage": f"s3://{BUCKET}/service",
        "s3-endpoint": objects.url,
        "s3-region": REGION,
    }
    env = {"AWS_ACCESS_KEY_ID": CREDENTIALS.key, "AWS_SECRET_ACCESS_KEY": CREDENTIALS.secret}
    pool = {"size": 1, "concurrency": 1}
    with SharingHub(tmp_path, words, {"pool": pool}, env=env) as hub:
        await hub.until(600, ready=1)
        visitor = VisitorSession(hub.url)
        await come(visitor)
        await visitor.follow(urljoin(hub.url, "hub/share"))
        answer = await share(visitor, hub.share_url, notebook(markdown("# In a bucket")))
        assert answer.code == 201, answer.body
        made = json.loads(answer.body)
        kept = {key.partition("/")[0] for key, _ in objects.store("service/").list("")}
        assert kept == {"notebooks", "owners", "pages", "shares"}
        hub.share.kill()
        hub.start_share()
        answer = await VisitorSession(hub.url).fetch(f"{made['url']}/page")
        assert b'<h1 id="In-a-bucket">' in answer.body
        url, _, secret = made["delete"].partition("#")
        answer = await VisitorSession(hub.url).fetch(url, "POST", body=secret)
        assert json.loads(answer.body) == {"gone": True}
    assert list(objects.store("service/").list("")) == []
