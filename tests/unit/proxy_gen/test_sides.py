"""What diff takes for a side."""

import pytest

from proxy_gen import sides, tree
from proxy_gen.errors import OutputError, UsageError
from proxy_gen.helm import Release
from proxy_gen.tree import File
from proxy_gen.values import Overrides

OPTIONS = sides.Options(Overrides(), None, Release())
TEXT = "kind: Service\nmetadata:\n  name: s\n"


def test_rendered_folder(tmp_path):
    tree.write(
        tmp_path, {"manifests/service-s.yaml": File(TEXT), "traefik.toml": File("x")}, "a command"
    )
    (tmp_path / "manifests" / "mine.yaml").write_text("kind: Other\n")
    assert [str(one) for one in sides.load(str(tmp_path), OPTIONS)] == ["Service/s"]


def test_other_folder(tmp_path):
    with pytest.raises(OutputError, match="did not write it"):
        sides.load(str(tmp_path), OPTIONS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("absent.yaml", "neither a values file nor a rendered folder"),
        ("release:", "the release has no name"),
        ("release:@ns", "the release has no name"),
    ],
)
def test_what_it_cannot_be(text, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=words):
        sides.load(text, OPTIONS)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("release:hub", ("hub", None, ["manifest"])),
        ("release:hub@ns", ("hub", "ns", ["manifest"])),
    ],
)
def test_release(text, asked, monkeypatch):
    calls = []
    monkeypatch.setattr(sides.helm, "get_release", lambda *call: calls.append(call) or TEXT)
    assert [str(one) for one in sides.load(text, OPTIONS)] == ["Service/s"]
    assert calls == [asked]
