"""Real Traefik with the two documents that the chart renders, and a real etcd."""

import base64
import contextlib
import http.client
import json
import signal
import subprocess
import threading
import time
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import tomlkit
from tests.support.chart import render
from tests.support.etcd import EtcdCluster
from tests.support.ports import free_ports
from tests.support.processes import TOOLS_BIN, VENV_BIN, Service

SEEN = {"headers": {"customResponseHeaders": {"X-Seen": "1"}}}
VALUES = {
    "proxy": {
        "traefik": {
            "api": {"password": "an-api-password"},
            "dashboard": {"enabled": True, "username": "boss", "password": "a-boss-password"},
            "accessLog": {"enabled": True},
            "drain": {"acceptSeconds": 10, "finishSeconds": 3},
            "extraStaticConfig": {
                "serversTransport": {"maxIdleConnsPerHost": 1000000},
                "entryPoints": {"more": {"address": "127.0.0.1:0"}},
            },
            "extraDynamicConfig": {
                "http": {
                    "routers": {"fallback": {"middlewares": ["seen"]}},
                    "middlewares": {
                        "seen": {"headers": {"customResponseHeaders": {"X-Seen": "1"}}}
                    },
                }
            },
        },
        # Without TLS, so that any etcd will do; test_real_etcd.py is about certificates.
        "etcd": {"enabled": False, "endpoints": ["http://etcd.example.org:2379"]},
    }
}
MARKER = "traefik/http/middlewares/jupyterhub-generation/headers/customresponseheaders/generation"


class Hub(BaseHTTPRequestHandler):
    """Answers with what it got; bodies of any size are counted, not kept."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        length, size = int(self.headers.get("Content-Length") or 0), 0
        while size < length:
            size += len(self.rfile.read(min(65536, length - size)))
        headers = {key.lower(): value for key, value in self.headers.items()}
        body = json.dumps({"path": self.path, "headers": headers, "size": size}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  the name that http.server asks for

    def log_message(self, *_):
        pass


class Replica:
    """A Traefik with the rendered documents, changed to this host's addresses and files."""

    def __init__(self, folder, endpoint, hub_port):
        rendered = render(VALUES)
        documents = rendered.get("ConfigMap", "proxy")["data"]
        folder.mkdir(parents=True)
        self.users, self.internal, self.dashboard = free_ports(3)
        static = tomllib.loads(documents["traefik.toml"])
        dynamic = tomllib.loads(documents["dynamic.toml"])
        ports = {"http": self.users, "internal": self.internal, "dashboard": self.dashboard}
        for name, port in ports.items():
            static["entryPoints"][name]["address"] = f"127.0.0.1:{port}"
        static["providers"]["etcd"]["endpoints"] = [endpoint.partition("//")[2]]
        static["providers"]["file"]["filename"] = str(folder / "dynamic.toml")
        secret = rendered.secret("proxy-api-users")
        for name, file in (("api-users", "hub"), ("dashboard-users", "dashboard")):
            (folder / file).write_text(secret[file])
            dynamic["http"]["middlewares"][name]["basicAuth"]["usersFile"] = str(folder / file)
        server = dynamic["http"]["services"]["hub"]["loadBalancer"]["servers"][0]
        assert server["url"] == "http://hub:8081"
        server["url"] = f"http://127.0.0.1:{hub_port}"
        (folder / "traefik.toml").write_text(tomlkit.dumps(static))
        (folder / "dynamic.toml").write_text(tomlkit.dumps(dynamic))
        self.log = folder / "traefik.log"
        command = [VENV_BIN / "traefik", f"--configFile={folder}/traefik.toml"]
        self.service = Service(command, self.log)

    def start(self):
        """Traefik answers its ping before it has read dynamic.toml, so wait for a router."""
        self.service.start()
        self.service.wait_until(lambda: self.status(self.internal, "/api/overview") == 401, "API")

    def wait_for_table(self):
        """What the startup probe asks for."""
        self.service.wait_until(lambda: self.status(self.internal, "/ready") == 200, "table")

    def get(self, port, path, user="", **headers):
        """Status, headers and body of a GET."""
        if user:
            headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def status(self, port, path, user=""):
        """Its status, 0 without an answer."""
        try:
            return self.get(port, path, user)[0]
        except OSError:
            return 0


@pytest.fixture(scope="module")
def etcd(tmp_path_factory):
    with EtcdCluster(tmp_path_factory.mktemp("etcd")) as running:
        yield running


@pytest.fixture(scope="module")
def hub():
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def replica(tmp_path_factory, etcd, hub):
    made = Replica(tmp_path_factory.mktemp("traefik") / "a", etcd.endpoints[0], hub)
    try:
        made.start()
        yield made
    finally:
        made.service.kill()


def put(etcd, key, value):
    command = [TOOLS_BIN / "etcdctl", f"--endpoints={etcd.endpoints[0]}", "put", key, value]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def delete(etcd, key):
    command = [TOOLS_BIN / "etcdctl", f"--endpoints={etcd.endpoints[0]}", "del", key]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


def test_everything_is_accepted(replica):
    errors = [line for line in replica.log.read_text().splitlines() if '"level":"error"' in line]
    # The root key is empty here, which Traefik calls an error.
    assert [line for line in errors if "key not found" not in line.lower()] == []
    api = json.loads(replica.get(replica.internal, "/api/overview", "hub:an-api-password")[2])
    assert api["http"]["routers"]["errors"] == api["http"]["middlewares"]["errors"] == 0
    assert sorted(api["providers"]) == ["Etcd", "File"]
    warned = [line for line in replica.log.read_text().splitlines() if "aliasHeaders" in line]
    assert all('"entryPointName":"more"' in line for line in warned), "ours say what they do"


def test_ready_only_with_the_table(replica, etcd):
    delete(etcd, MARKER)
    replica.service.wait_until(lambda: replica.status(replica.internal, "/ready") == 404, "404")
    assert replica.status(replica.internal, "/ping") == 200
    put(etcd, MARKER, "1")
    replica.service.wait_until(lambda: replica.status(replica.internal, "/ready") == 200, "ready")


def test_the_api_is_the_hubs(replica):
    assert replica.status(replica.internal, "/api/overview") == 401
    assert replica.status(replica.internal, "/api/overview", "boss:a-boss-password") == 401
    assert replica.status(replica.internal, "/api/overview", "hub:an-api-password") == 200
    for path in ("/api/rawdata", "/dashboard/", "/metrics", "/ping", "/ready"):
        answer = json.loads(replica.get(replica.users, path)[2])
        assert answer["path"] == path  # the hub's, not Traefik's


def test_hashes_do_not_show(replica):
    body = replica.get(replica.internal, "/api/rawdata", "hub:an-api-password")[2]
    assert b"api-users" in body
    assert b"SHA" not in body


def test_the_dashboard_is_its_users(replica):
    assert replica.status(replica.dashboard, "/dashboard/") == 401
    assert replica.status(replica.dashboard, "/dashboard/", "hub:an-api-password") == 401
    assert replica.status(replica.dashboard, "/dashboard/", "boss:a-boss-password") == 200
    assert replica.status(replica.dashboard, "/api/overview", "boss:a-boss-password") == 200
    status, headers, _ = replica.get(replica.dashboard, "/")
    assert (status, headers["Location"]) == (
        302,
        f"http://127.0.0.1:{replica.dashboard}/dashboard/",
    )


def test_metrics(replica):
    assert b"traefik_config_reloads_total" in replica.get(replica.internal, "/metrics")[2]


def test_what_has_no_route_goes_to_the_hub(replica):
    status, headers, body = replica.get(replica.users, "/user/alice/lab?token=hidden")
    assert (status, json.loads(body)["path"]) == (200, "/user/alice/lab?token=hidden")
    assert headers["X-Seen"] == "1"  # extraDynamicConfig is merged, not put in its place


@pytest.mark.parametrize(
    "path", ["/a//b", "/a/../b", "/a%2Fb", "/a%3Bb;c", "/a%20b?x=%2F", "/proxy/http://x/y"]
)
def test_paths_arrive_as_they_were(replica, path):
    assert json.loads(replica.get(replica.users, path)[2])["path"] == path


def test_forwarded_headers_of_others_are_not_believed(replica):
    """Private addresses are; the test's, 127.0.0.1, is not among them."""
    body = replica.get(replica.users, "/", **{"X-Forwarded-Proto": "https"})[2]
    assert json.loads(body)["headers"]["x-forwarded-proto"] == "http"


def test_a_header_cannot_pass_for_another(replica):
    """As a WSGI application would read X_Forwarded_For."""
    forged = {"X_Forwarded_For": "192.0.2.1", "X-Own": "kept"}
    headers = json.loads(replica.get(replica.users, "/", **forged)[2])["headers"]
    assert "x_forwarded_for" not in headers
    assert headers["x-own"] == "kept"


def test_the_access_log_has_no_token(replica):
    replica.get(replica.users, "/log-me?token=very-secret", Cookie="also-secret")
    replica.service.wait_until(lambda: "/log-me" in replica.log.read_text(), "access log")
    assert "very-secret" not in replica.log.read_text()
    assert "also-secret" not in replica.log.read_text()


def test_a_large_upload_is_streamed(replica):
    chunk = b"x" * 65536
    connection = http.client.HTTPConnection("127.0.0.1", replica.users, timeout=60)
    with contextlib.closing(connection):
        connection.request(
            "POST", "/", body=(chunk for _ in range(1600)), headers={"Content-Length": "104857600"}
        )
        assert json.load(connection.getresponse())["size"] == 104857600


def test_it_drains_before_it_stops(tmp_path, etcd, hub):
    made = Replica(tmp_path / "b", etcd.endpoints[0], hub)
    try:
        made.start()
        made.service.wait_until(lambda: made.status(made.users, "/") == 200, "the hub")
        started = time.monotonic()
        made.service.send_signal(signal.SIGTERM)
        made.service.wait_until(lambda: made.status(made.internal, "/ping") == 503, "503")
        assert made.status(made.users, "/new-while-draining") == 200
        assert made.service.stop(signal.SIGTERM, timeout=60) == 0
        assert 10 <= time.monotonic() - started < 50
    finally:
        made.service.kill()
