"""A visitor's server that tells what it may do; tests/e2e/test_visitors_units.py runs it."""

import http.server
import json
import os
import socket
import subprocess
from urllib.parse import urlsplit

HERE = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
REACHED = {
    "own": (HERE.hostname, HERE.port),
    "first": ("127.64.0.1", 8888),
    "second": ("127.64.0.2", 8888),
    "hub": ("127.0.0.1", 8081),
    "dns": ("127.0.0.53", 8081),
    "private": ("10.9.9.9", 8081),
    "public": ("198.51.100.7", 8081),
}
WRITTEN = ("/etc/x", "/var/tmp/x", "/tmp/x", "/dev/shm/x", "x")  # noqa: S108
LISTED = ("/home", "/root", "/run/jupyterhub-visitors", ".", "/tmp")  # noqa: S108


def tried(work, *arguments):
    """What came of it: "ok" or its result, or the error's name."""
    try:
        return work(*arguments) or "ok"
    except OSError as error:
        return type(error).__name__


def connect(address):
    socket.create_connection(address, 1).close()


def write(path):
    with open(path, "w") as file:
        file.write("x")
    os.unlink(path)


def fill():
    """How many MiB the home folder takes, at most 200."""
    with open("big", "wb", buffering=0) as file:
        for number in range(200):
            try:
                file.write(bytes(2**20))
            except OSError:
                os.unlink("big")
                return number
    return 200


def look():
    """All of it."""
    return {
        "uid": os.getuid(),
        "reached": {name: tried(connect, address) for name, address in REACHED.items()},
        "written": {path: tried(write, path) for path in WRITTEN},
        "listed": {path: tried(os.listdir, path) for path in LISTED},
        "filled": fill(),
        "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
        "namespace": subprocess.run(["unshare", "-U", "true"], capture_output=True).returncode,
        "token": os.environ["JUPYTERHUB_API_TOKEN"],
        "home": os.environ["HOME"],
    }


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(look()).encode())

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer((HERE.hostname, HERE.port), Handler).serve_forever()
