"""Headers."""

from __future__ import annotations

import pytest

from jupyterhub_ha_conformance.fixtures import RecorderStarter, Table
from jupyterhub_ha_conformance.raw import OK, connect, exchange, request
from jupyterhub_ha_conformance.system import told_headers_of

pytestmark = pytest.mark.asyncio

PATH = "/user/ada/x"


async def test_request_headers_arrive(table: Table, recorder: RecorderStarter) -> None:
    """Headers of a request arrive, repeated and empty ones too"""
    server = await recorder()
    sent = {
        "Cookie": 'a="1 2"; _xsrf=2|x|y; jupyterhub-session-id=%3D',
        "Authorization": "token abc",
        "User-Agent": "suite/1",
        "Accept": "text/html, */*;q=0.1",
        "X-XSRFToken": "2|a|b",
        "Referer": "http://hub.example.com/user/ada/x?y",
        "Origin": "http://other.example.com",
        "If-None-Match": 'W/"1"',
        "X-Dots.And_Underscores": "1",
        "X-Latin": "\xe9",
        "X-Empty": "",
    }
    lines = [f"{name}: {value}" for name, value in sent.items()]
    await exchange(table.url, request(PATH, *lines, "X-Twice: 1", "X-Twice: 2"))
    arrived = {name: server.last.get(name) for name in sent if name != "X-Dots.And_Underscores"}
    assert arrived == {n: v for n, v in sent.items() if n != "X-Dots.And_Underscores"}
    assert (server.last.get("X-Twice") or "").replace(" ", "") == "1,2"


async def test_two_cookie_headers_arrive(table: Table, recorder: RecorderStarter) -> None:
    """Two Cookie headers arrive whole"""
    server = await recorder()
    await exchange(table.url, request(PATH, "Cookie: a=1", "Cookie: b=2"))
    cookies = [part.strip() for line in server.last.all("Cookie") for part in line.split(";")]
    assert cookies == ["a=1", "b=2"]


async def test_nothing_is_added(table: Table, recorder: RecorderStarter) -> None:
    """No header is made up: no User-Agent, no Accept-Encoding, no cookie"""
    server = await recorder()
    await exchange(table.url, request(PATH))
    made_up = {
        name.lower(): value
        for name, value in server.last.headers
        if name.lower() not in {"host", "connection", "via", "forwarded", "x-real-ip"}
        and not name.lower().startswith("x-forwarded-")
        and not (name.lower() == "content-length" and value == "0")
    }
    assert made_up == told_headers_of(table.system)


async def test_response_headers_arrive(table: Table, recorder: RecorderStarter) -> None:
    """Headers of a response arrive, each Set-Cookie for itself"""
    lines = [
        "Set-Cookie: a=1; Path=/user/ada/; HttpOnly",
        "Set-Cookie: b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
        'ETag: W/"x"',
        "Server: suite",
        "Content-Security-Policy: frame-ancestors 'self'",
        "X-Empty:",
        "Content-Type: text/html; charset=UTF-8",
        "Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT",
        "Date: Wed, 21 Oct 2026 07:28:00 GMT",
        "Link: </a.css>; rel=preload",
    ]
    head = "\r\n".join(["HTTP/1.1 200 OK", *lines, "Content-Length: 0", "", ""])
    await recorder(head.encode())
    answer = await exchange(table.url, request(PATH))
    assert answer
    for name in {line.partition(":")[0] for line in lines}:
        sent = [value.strip() for key, _, value in (n.partition(":") for n in lines) if key == name]
        assert answer.all(name) == sent, name


async def test_a_redirect_is_not_changed(table: Table, recorder: RecorderStarter) -> None:
    """Location of a redirect is not changed"""
    for place in ("/hub/login?next=%2Fuser%2Fada", "http://127.0.0.1:1/x", "../y"):
        await recorder(f"HTTP/1.1 302 F\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())
        answer = await exchange(table.url, request(PATH))
        assert answer
        assert (answer.status, answer.get("Location")) == (302, place)


async def test_the_host_arrives(table: Table, recorder: RecorderStarter) -> None:
    """Host arrives as the client sent it"""
    server = await recorder()
    for host in ("hub.example.com", "hub.example.com:8443", "127.0.0.1:80", "HUB.example.com"):
        await exchange(table.url, request(PATH, host=host))
        assert server.last.all("Host") == [host]


async def test_the_client_is_told(table: Table, recorder: RecorderStarter) -> None:
    """X-Forwarded-For, -Proto, -Host and -Port tell what the client asked"""
    server = await recorder()
    await exchange(table.url, request(PATH, host="hub.example.com:8000"))
    assert server.last.all("X-Forwarded-For") == ["127.0.0.1"]
    assert server.last.all("X-Forwarded-Proto") == ["http"]
    assert server.last.all("X-Forwarded-Host") == ["hub.example.com:8000"]
    assert server.last.all("X-Forwarded-Port") == ["8000"]


async def test_a_forged_client_is_not_believed(table: Table, recorder: RecorderStarter) -> None:
    """X-Forwarded-For ends with the client's address, whatever the client wrote"""
    server = await recorder()
    await exchange(table.url, request(PATH, "X-Forwarded-For: 10.9.8.7"))
    told = [part.strip() for part in (server.last.get("X-Forwarded-For") or "").split(",")]
    assert told[-1] == "127.0.0.1"


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"])
async def test_a_client_cannot_set_what_the_proxy_vouches_for(
    table: Table, recorder: RecorderStarter, name: str
) -> None:
    """A client's own value is not passed on"""
    server = await recorder()
    await exchange(table.url, request(PATH, f"{name}: forged"))
    assert "forged" not in (server.last.get(name) or "")


@pytest.mark.parametrize(
    "name",
    ["Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "X-Named-By-Connection"],
)
async def test_hop_by_hop_headers_end_here(
    table: Table, recorder: RecorderStarter, name: str
) -> None:
    """A header for this hop alone is not passed on (RFC 9110, 7.6.1)"""
    server = await recorder()
    value = "h2c" if name == "Upgrade" else "gzip" if name == "TE" else "x"
    await exchange(table.url, request(PATH, f"Connection: close, {name}", f"{name}: {value}"))
    assert server.last.get(name) is None


async def test_hop_by_hop_headers_of_a_response_end_here(
    table: Table, recorder: RecorderStarter
) -> None:
    """A response's headers for this hop alone are not passed on"""
    await recorder(
        b"HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nContent-Length: 2\r\n\r\nok"
    )
    answer = await exchange(table.url, request(PATH))
    assert answer
    assert answer.get("X-Hop") is None
    assert answer.body == b"ok"


async def test_a_client_cannot_remove_what_the_proxy_adds(
    table: Table, recorder: RecorderStarter
) -> None:
    """Connection: X-Forwarded-For does not remove what the proxy tells"""
    server = await recorder()
    await exchange(table.url, request(PATH, "Connection: close, X-Forwarded-For, Cookie, Host"))
    assert (server.last.get("X-Forwarded-For") or "").endswith("127.0.0.1")
    assert server.last.get("Host") == "hub.example.com"


async def test_large_headers_arrive(table: Table, recorder: RecorderStarter) -> None:
    """12 kB of cookies and 90 headers arrive"""
    server = await recorder()
    lines = [f"X-{i}: {i}" for i in range(90)]
    answer = await exchange(table.url, request(PATH, "Cookie: c=" + "x" * 12_000, *lines))
    assert answer
    assert answer.status == 200
    assert len(server.last.get("Cookie") or "") == 12_002
    assert [server.last.get(f"X-{i}") for i in range(90)] == [str(i) for i in range(90)]


async def test_a_large_response_head_arrives(table: Table, recorder: RecorderStarter) -> None:
    """12 kB of response headers arrive"""
    policy = b"x" * 12_000
    await recorder(OK.replace(b"\r\n", b"\r\nContent-Security-Policy: " + policy + b"\r\n", 1))
    answer = await exchange(table.url, request(PATH))
    assert answer
    assert (answer.status, answer.get("Content-Security-Policy")) == (200, policy.decode())


async def test_too_large_headers_are_refused(table: Table, recorder: RecorderStarter) -> None:
    """Endless headers are refused with 431, or the connection is closed"""
    server = await recorder()
    async with connect(table.url) as connection:
        try:
            await connection.send(request(PATH)[:-2])
            for i in range(1024):
                await connection.send(f"X-{i}: {'x' * 4000}\r\n".encode())
            answer = await connection.response()
        except ConnectionError:
            answer = None
    assert answer is None or answer.status in (400, 431)
    assert server.requests == []
