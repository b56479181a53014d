"""What is written is what the server takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.edge import EdgeServer

ONE = ("127.0.0.1:9",)
TWO = ("127.0.0.1:9", "[::1]:9")
_LIMITED = {"max_body": "1G"}


@pytest.mark.parametrize(
    ("base", "tls", "upstreams"),
    [("/", True, ONE), ("/", False, TWO), ("/jupyter/", True, TWO), ("/a/b-c/", False, ONE)],
)
def test_its_own_check(
    web_server: str, tmp_path: Path, base: str, tls: bool, upstreams: tuple[str, ...]
) -> None:
    options = _LIMITED if web_server != "traefik" else {}
    edge = EdgeServer(web_server, tmp_path, upstreams, base=base, tls=tls, **options)
    status, text = edge.check()
    assert status == 0, text
    assert "ERR" not in text
    assert "[warn]" not in text.lower()


def test_a_long_name(web_server: str, tmp_path: Path) -> None:
    """As long as those of universities' departments"""
    name = "jupyterhub.department-of-applied-mathematics.university.example.edu"
    edge = EdgeServer(
        web_server, tmp_path, TWO, base="/teaching/statistics-2/", names=[name, "127.0.0.1"]
    )
    status, text = edge.check()
    assert status == 0, text
