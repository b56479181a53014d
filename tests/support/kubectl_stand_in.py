"""A stand-in for kubectl, with no cluster behind it: it prints and serves what one file says.

$KUBECTL_STAND_IN names that file, JSON: `get` has the output of `kubectl get` by its first
argument (`secrets` by what its JSONPath names), or {"error": TEXT}; `pods` has what a pod's port
answers, `{"POD:PORT": {PATH: [STATUS, HEADERS, BODY]}}`, or {"error": TEXT}, or "silent", or a list
of these, one for each time that it is forwarded. A path may begin with the header Authorization
that it needs. Every call is appended to FILE.calls.
"""

# Few imports, and none of typing: one look makes many calls.
from __future__ import annotations

import json
import os
import socket
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

FILE = os.environ["KUBECTL_STAND_IN"]
CALLS = f"{FILE}.calls"
with open(FILE) as said:
    SAID = json.load(said)


def main() -> None:
    """Do as kubectl would with these arguments."""
    with open(CALLS, "a") as calls:
        calls.write(json.dumps([os.getpid(), *sys.argv[1:]]) + "\n")
    words = [word for word in sys.argv[2:] if not word.startswith("-")]
    if sys.argv[1] == "get":
        get(words[0])
    elif sys.argv[1] == "port-forward":
        forward(words[0].removeprefix("pod/"), words[1].removeprefix(":"))
    else:
        fail(f"kubectl's stand-in does not know {sys.argv[1]}")


def get(what: str) -> None:
    if what == "secrets":
        path = next(word for word in sys.argv if word.startswith("--output=jsonpath="))
        names = ("attempts\\.json", "tls\\.crt", "hub-password", "auth_token")
        what = next(name for name in names if name in path)
    found = SAID["get"][what]
    if isinstance(found, dict) and "error" in found:
        fail(found["error"])
    print(found if isinstance(found, str) else json.dumps(found), end="")


def forward(pod: str, port: str) -> None:
    answers = SAID["pods"].get(f"{pod}:{port}", {"error": f'pods "{pod}" not found'})
    if isinstance(answers, list):
        with open(CALLS) as calls:
            earlier = [line for line in calls if f'"pod/{pod}", ":{port}"' in line]
        answers = answers[min(len(earlier), len(answers)) - 1]
    if answers == "silent":
        time.sleep(600)
    if "error" in answers:
        fail(answers["error"])
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(f"Forwarding from 127.0.0.1:{server.getsockname()[1]} -> {port}", flush=True)
        while True:  # until it is killed
            connection, _ = server.accept()
            serve(connection, answers)


def serve(connection: socket.socket, answers: dict[str, list[Any]]) -> None:
    """Answer one connection's requests, which have no bodies."""
    with connection, connection.makefile("rwb") as stream:
        while request := stream.readline().decode():
            given = ""
            while head := stream.readline().decode().strip():
                name, _, value = head.partition(": ")
                given = value if name == "Authorization" else given
            missing = [404, {}, "404 page not found"]
            path = request.split()[1]
            status, headers, body = answers.get(f"{given} {path}".strip(), missing)
            lines = [f"{name}: {value}" for name, value in headers.items()]
            whole = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *lines, "", body]
            stream.write("\r\n".join(whole).encode())
            stream.flush()


def fail(text: str) -> NoReturn:
    sys.exit(text)


if __name__ == "__main__":
    main()
