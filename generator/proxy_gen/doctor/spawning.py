"""The check that watches a server start, and that server's end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.client import HTTPResponse

from .facts import OK, FaultError, Finding, NotCheckedError
from .visit import Visit
from .web import NoAnswerError

_SPAWN_SECONDS = 120.0
_APPEAR_SECONDS = 5.0
# Events of one moment: what is below a tenth of the whole time apart came together.
_TOGETHER = 0.1


def events(visit: Visit) -> Finding:
    """Watch a server start; its events must come one by one."""
    server = visit.server()
    if server and server.get("ready"):
        what = f"{visit.user}'s server runs already, so it has no progress to tell"
        raise NotCheckedError(what, "--spawn and a --user whose server does not run")
    starting = server is not None and server.get("pending") == "spawn"
    if not starting and not visit.asked.spawn:
        raise NotCheckedError("no server is starting", "--spawn")
    thread = None if starting else _start(visit)
    try:
        times = list(_progress(visit))
    finally:
        if thread is not None:
            thread.join(_SPAWN_SECONDS)
    if len(times) < 2:
        raise NotCheckedError("the server was up before its progress could be watched")
    if times[-1] - times[0] < _TOGETHER * times[-1]:
        raise FaultError(f"{len(times)} events came at once, after {times[-1]:.1f} s")
    return Finding(OK, f"{len(times)} events came one by one in {times[-1]:.1f} s")


def stop(visit: Visit) -> None:
    """Stop the server again, if it was started here."""
    if visit.spawned:
        visit.spawned = False
        visit.api(_path(visit, "server"), "DELETE")


def _path(visit: Visit, what: str) -> str:
    return f"users/{visit.quoted_user}/{what}"


def _start(visit: Visit) -> threading.Thread:
    """Ask for the server; the hub may answer only when it runs, and its progress is over."""

    def ask() -> None:
        headers = visit.token
        path = visit.hub(f"api/{_path(visit, 'server')}")
        try:
            answer = visit.web.ask(path, "POST", headers, b"", _SPAWN_SECONDS)
        except NoAnswerError:
            return  # what became of it, the progress tells
        visit.spawned = visit.spawned or answer.status in {201, 202}

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


def _progress(visit: Visit) -> Iterator[float]:
    """Yield when each event came, in seconds from the question."""
    path = visit.hub(f"api/{_path(visit, 'server/progress')}")
    headers = {**visit.token, "Accept": "text/event-stream", "Connection": "close"}
    deadline = time.monotonic() + _APPEAR_SECONDS
    while True:
        with visit.web.connect(_SPAWN_SECONDS) as connection:
            began = time.monotonic()
            connection.request("GET", path, headers=visit.web.headers(headers))
            response = connection.getresponse()
            if response.status == 200:
                yield from _times(visit, response, began)
                return
        if time.monotonic() > deadline:
            what = f"the hub does not start {visit.user}'s server ({response.status})"
            raise NotCheckedError(what, "a token with the scope servers, or another --user")
        time.sleep(0.05)


def _times(visit: Visit, response: HTTPResponse, began: float) -> Iterator[float]:
    while line := response.readline(65536):
        if not line.startswith(b"data:"):
            continue
        event = json.loads(line.removeprefix(b"data:"))
        yield time.monotonic() - began
        if event.get("failed"):
            raise FaultError(f"{visit.user}'s server does not start", "see the hub's log")
        if event.get("ready"):
            return
        if time.monotonic() - began > _SPAWN_SECONDS:
            raise NotCheckedError(f"{visit.user}'s server is not up in {_SPAWN_SECONDS:.0f} s")
