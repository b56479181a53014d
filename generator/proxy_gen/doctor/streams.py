"""Checks of what takes long or goes both ways: websockets, uploads, events."""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import time

from . import websocket
from .facts import OK, FaultError, Finding, NotCheckedError
from .visit import Visit, who
from .web import SECONDS, Answer, NoAnswerError

_EVENTS = "api/events/subscribe"
_PONG_SECONDS = 5.0
# More than what proxies gather before they pass the first piece on.
_PIECE = b"x" * (64 << 10)
_PIECES = 5
# Where silence is a problem, a hub that is busy has this time to break it; where silence is well,
# a refusal in front needs no longer than a few ways there and back.
_PATIENCE, _SHORT, _WAYS = 3.0, 0.5, 20

# What JupyterHub's own web server takes at most (tornado's max_buffer_size).
_HUBS_LIMIT = 100 << 20


def websockets(visit: Visit) -> Finding:
    """Open a websocket to the user's server, and get a ping back."""
    if not visit.asked.user:
        return _to_the_hub(visit)
    visit.needs_server()
    try:
        with websocket.connect(visit.web, visit.of_server(_EVENTS), visit.token, 10) as opened:
            opened.ping(_PONG_SECONDS)
    except websocket.RefusedError as error:
        answer = error.answer
        said = f"no websocket to {visit.user}'s server: {who(answer)} answers {answer.status}"
        raise FaultError(said) from error
    except NoAnswerError as error:
        raise FaultError(f"a websocket opens, and carries nothing: {error}") from error
    return Finding(OK, f"one to {visit.user}'s server opened, and its ping came back")


def _to_the_hub(visit: Visit) -> Finding:
    """Without a user's server: only whether somebody in front refuses the question."""
    try:
        with websocket.connect(visit.web, visit.hub("api"), {}, 5):
            raise FaultError("something opens a websocket where the hub has none")
    except websocket.RefusedError as error:
        answer = error.answer
    if not answer.header("X-JupyterHub-Version"):
        what = f"the request for one does not reach the hub: {who(answer)} answers {answer.status}"
        raise FaultError(what)
    what = "the request for one reaches the hub, which has none; that they pass is not proven"
    raise NotCheckedError(what, "--user NAME and a token")


def idle(visit: Visit) -> Finding:
    """Leave a websocket alone, then ping."""
    seconds = visit.asked.idle
    if not seconds:
        raise NotCheckedError("it takes as long as it says", "--idle SECONDS")
    visit.needs_server()
    with websocket.connect(visit.web, visit.of_server(_EVENTS), visit.token, 10) as opened:
        stayed = opened.idle(seconds)
        if stayed < seconds:
            raise FaultError(f"an idle websocket is cut after {stayed:.0f} s")
        try:
            opened.ping(_PONG_SECONDS)
        except NoAnswerError as error:
            raise FaultError(f"a websocket is dead after {seconds:.0f} idle seconds") from error
    return Finding(OK, f"a websocket lives after {seconds:g} idle seconds")


def body_size(visit: Visit) -> Finding:
    """Announce a large body, and wait for a refusal; the body itself is not sent."""
    size = visit.asked.body
    answer = _announce(visit, size, patient=False)
    if answer is None:
        return Finding(OK, f"{_mebibytes(size)} are not refused")
    if answer.status == 413:
        raise FaultError(f"{who(answer)} refuses {_mebibytes(size)} with 413")
    if answer.status == 400 and size > _HUBS_LIMIT:
        what = f"no limit in front; JupyterHub itself takes no more than {_mebibytes(_HUBS_LIMIT)}"
        return Finding(OK, what)
    raise FaultError(f"{who(answer)} answers {answer.status} to {_mebibytes(size)} announced")


def upload(visit: Visit) -> Finding:
    """Announce more than the hub takes: it says no at once, if it hears of the request at once.

    A web server that reads the whole body first is silent instead: it waits for the body.
    """
    try:
        answer = _announce(visit, _HUBS_LIMIT + 1, patient=True)
    except NoAnswerError:
        # A proxy may not pass the hub's "no" on; one byte less was not refused (body-size).
        return Finding(OK, "the hub hears of an upload while it goes on (closed at once)")
    if answer is None:
        raise FaultError("the hub hears of an upload only when it is over")
    if answer.status == 413:
        what = f"a limit of {who(answer)} is below what the hub would refuse"
        raise NotCheckedError(what, "a higher limit there, see body-size")
    return Finding(OK, f"the hub hears of an upload while it goes on ({answer.status} at once)")


def _announce(visit: Visit, size: int, *, patient: bool) -> Answer | None:
    """Send the head of a request and the body's beginning; None if nobody says anything to that.

    Pieces follow for a while: a proxy written in Go passes an early answer on only when it has read
    once more.
    """
    web = visit.web
    with web.connect() as connection:
        began = time.monotonic()
        connection.connect()
        way = time.monotonic() - began
        seconds = _PATIENCE if patient else min(max(_SHORT, _WAYS * way), _PATIENCE)
        connection.putrequest("POST", visit.hub("user/-/api"), skip_host=True)
        length = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        for name, value in web.headers(length).items():
            connection.putheader(name, value)
        connection.endheaders()
        head = _spoken_early(connection.sock, seconds)
    if not head:
        return None
    file = io.BytesIO(head)
    # Whoever refuses may close without a word more, so there is no body to rely on.
    words = file.readline(65536).split(None, 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    headers = tuple(http.client.parse_headers(file).items())
    return Answer(status, headers, b"", web.site.origin, 0)


def _spoken_early(sock: socket.socket, seconds: float) -> bytes:
    """Return the head of an answer that comes while pieces are sent, empty if none comes."""
    head = bytearray()
    for _ in range(_PIECES):
        # Refused, the answer may still be there to be read.
        with contextlib.suppress(ConnectionError):
            sock.settimeout(SECONDS)
            sock.sendall(_PIECE)
        deadline = time.monotonic() + seconds / _PIECES
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                data = sock.recv(4096)
            except TimeoutError:
                break
            head += data
            if not data or b"\r\n\r\n" in head:
                if not head:
                    raise http.client.RemoteDisconnected("closed")
                return bytes(head)
    return b""


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):g} MiB"
