"""What serves the static files of notebooks' pages best: web servers, and a user's own server.

All of them have the same files of JupyterLab, whose names carry a hash; the web servers have them
compressed beside, as the chart's pods do. One process of the generator draws files at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.ports import free_port
from tests.support.processes import VENV_BIN, Service, answers
from tests.support.tmpnb_static import StaticFiles

from benchmarks.bench import Bench, Size
from benchmarks.generator import requests
from benchmarks.usage import tree_of, usage_of

NGINX, CADDY, USER = "nginx", "caddy", "a user's server"
CASE = "JupyterLab's files"
ROUNDS: dict[Size, int] = {"full": 7, "quick": 3, "smoke": 1}
SECONDS: dict[Size, float] = {"full": 3, "quick": 1, "smoke": 0.2}
_BASE = "/user/v-1/"
_Running = tuple[str, Service]
"""Where a server listens, and its process."""
_Start = Callable[[StaticFiles, Path, str], AbstractContextManager[_Running]]
# What static.conf is for nginx.
_CADDYFILE = """{{
  admin off
  auto_https off
}}
http://127.0.0.1:{port} {{
  root * {files}
  @file path_regexp file ^/user/[^/]+/((static|lab/extensions)/.+)$
  handle @file {{
    rewrite * /{{re.file.1}}
    header Cache-Control "public, max-age=31536000, immutable"
    header X-Content-Type-Options nosniff
    file_server {{
      precompressed gzip
    }}
  }}
}}
"""


async def run(bench: Bench) -> None:
    """The servers in turns."""
    rounds, seconds = ROUNDS[bench.size], SECONDS[bench.size]
    bench.progress.expect(rounds)
    folder = bench.folder / "static"
    static = StaticFiles(folder)
    paths = [
        f"{_BASE}{file.relative_to(static.files)}"
        for file in sorted(static.files.glob("static/lab/*.js"))
    ]
    with ExitStack() as stack:
        made = {
            name: stack.enter_context(start(static, folder, paths[0]))
            for name, start in SERVERS.items()
        }
        for number in range(1, rounds + 1):
            bench.progress.step(f"round {number}")
            for name, (address, service) in made.items():
                with bench.tolerating(f"round {number}, {name}"):
                    bench.record(
                        CASE, name, number, **await _load(address, service, paths, seconds)
                    )


async def _load(
    address: str, service: Service, paths: list[str], seconds: float
) -> dict[str, float]:
    before = usage_of(tree_of(service.pid)).cpu_seconds
    result = await requests(address, paths, seconds=seconds, header="Accept-Encoding: gzip")
    after = usage_of(tree_of(service.pid))
    return {
        "rate": (result["requests"] - result["failed"]) / seconds,
        "p99": result["p99_ms"],
        "failed": result["failed"],
        "cpu": (after.cpu_seconds - before) / max(1, result["all"]) * 10_000,
        "memory": after.memory,
    }


@contextmanager
def _nginx(static: StaticFiles, _: Path, __: str) -> Iterator[_Running]:
    try:
        static.start()
        yield urlsplit(static.url).netloc, static
    finally:
        static.kill()


@contextmanager
def _caddy(static: StaticFiles, folder: Path, path: str) -> Iterator[_Running]:
    port = free_port()
    file = folder / "Caddyfile"
    file.write_text(_CADDYFILE.format(port=port, files=static.files))
    words: list[str | Path] = [VENV_BIN / "caddy", "run", "--adapter", "caddyfile"]
    words += ["--config", file]
    with _running(words, folder / "caddy.log", port, path) as service:
        yield service


@contextmanager
def _user(_: StaticFiles, folder: Path, path: str) -> Iterator[_Running]:
    port = free_port()
    words: list[str | Path] = [VENV_BIN / "jupyter", "lab", "--no-browser", "--allow-root"]
    words += [f"--ServerApp.base_url={_BASE}", "--IdentityProvider.token="]
    words += [f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}"]
    with _running(words, folder / "user.log", port, path) as service:
        yield service


@contextmanager
def _running(words: list[str | Path], log: Path, port: int, path: str) -> Iterator[_Running]:
    service = Service(words, log)
    try:
        service.start()
        service.wait_until(lambda: answers(f"http://127.0.0.1:{port}{path}"), "answer")
        yield f"127.0.0.1:{port}", service
    finally:
        service.kill()


SERVERS: dict[str, _Start] = {NGINX: _nginx, CADDY: _caddy, USER: _user}
