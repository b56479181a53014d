"""TLS and HTTP/2."""

from __future__ import annotations

import asyncio
import ssl
import warnings

import pytest
from tests.support.edge_world import World

pytestmark = pytest.mark.asyncio

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS = 4


@pytest.mark.parametrize(
    ("version", "spoken"),
    [("TLSv1", False), ("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)],
)
async def test_versions_of_tls(world: World, version: str, spoken: bool) -> None:
    context = world.context
    # The library refuses the old ones itself unless it is told otherwise.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
    port = world.system.edge.https_port
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    except (ssl.SSLError, ConnectionError):
        assert not spoken
        return
    writer.transport.abort()
    assert spoken


async def test_http_2(world: World) -> None:
    context = world.context
    context.set_alpn_protocols(["h2", "http/1.1"])
    port = world.system.edge.https_port
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    # Nobody is taken at their word: an empty frame of settings is answered with the server's.
    writer.write(_PREFACE + bytes((0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0)))
    async with asyncio.timeout(30):
        head = await reader.readexactly(9)
    assert head[3] == _SETTINGS
    writer.transport.abort()
