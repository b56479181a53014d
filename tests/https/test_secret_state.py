"""A State in a Secret, against a stand-in for Kubernetes' API that applies a JSON merge patch."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support.certificates import write_certificates
from tests.support.ports import free_port

from jupyterhub_ha.certificate_state import SecretState
from jupyterhub_ha.errors import IssueError

NAME = "proxy-certificates"


class Api:
    """One namespace with one Secret, and one token that is good."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.files = write_certificates(folder / "tls")["server"]
        self.secret: dict[str, Any] = {"metadata": {"name": NAME, "labels": {"a": "b"}}}
        self.account = folder / "account"
        self.account.mkdir()
        (self.account / "ca.crt").write_text(self.files.ca.read_text())
        (self.account / "namespace").write_text("jupyter")
        (self.account / "token").write_text("good")

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    async def serve(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer good":
            return web.json_response({}, status=401)
        if request.path != f"/api/v1/namespaces/jupyter/secrets/{NAME}":
            return web.json_response({}, status=403)
        if request.method == "PATCH":
            assert request.content_type == "application/merge-patch+json"
            data = self.secret.setdefault("data", {})
            for name, value in (await request.json())["data"].items():
                if value is None:
                    data.pop(name, None)
                else:
                    data[name] = value
        return web.json_response(self.secret)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    made = Api(tmp_path)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.serve)
    runner = web.AppRunner(application)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.files.cert, made.files.key)
    await web.TCPSite(runner, "127.0.0.1", made.port, ssl_context=context).start()
    yield made
    await runner.cleanup()


async def test_what_is_saved_is_loaded(api: Api) -> None:
    state = SecretState(NAME, server=api.url, account=api.account)
    assert await state.load() == {}
    await state.save({"tls.crt": "é\n", "account.key": "a"})
    await state.save({"tls.crt": "second"})
    assert await SecretState(NAME, server=api.url, account=api.account).load() == {
        "tls.crt": "second"
    }
    assert api.secret["metadata"]["labels"] == {"a": "b"}


async def test_a_token_is_read_anew(api: Api) -> None:
    state = SecretState(NAME, server=api.url, account=api.account)
    (api.account / "token").write_text("old")
    with pytest.raises(IssueError, match="401; its token is not valid"):
        await state.load()
    (api.account / "token").write_text("good")
    assert await state.load() == {}


async def test_a_missing_right_is_named(api: Api) -> None:
    state = SecretState("another", server=api.url, account=api.account)
    with pytest.raises(IssueError, match="get and patch the Secret another"):
        await state.load()


async def test_a_server_that_is_not_there(api: Api) -> None:
    url = f"https://127.0.0.1:{free_port()}"
    with pytest.raises(IssueError, match="does not answer"):
        await SecretState(NAME, server=url, account=api.account).load()
    with pytest.raises(IssueError, match="mount its token"):
        await SecretState(NAME, server=url, account=Path("/nowhere")).load()
