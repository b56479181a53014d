import hashlib
import json
import tarfile
from pathlib import Path

import pytest
import yaml
from tests.e2e.cluster import images, oci, trees
from tests.e2e.cluster.settings import ROOT


def test_the_charts_defaults_name_images_that_are_built() -> None:
    values = yaml.safe_load((ROOT / "chart/values.yaml").read_text())
    found = images.references(values)
    assert set(found.values()) == images.images().keys()
    traefik = values["proxy"]["traefik"]["image"]
    assert found[f"docker.io/library/{traefik['name']}:{traefik['tag']}"] == "traefik"


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("traefik:v3", "docker.io/library/traefik:v3"),
        ("library/traefik:v3", "docker.io/library/traefik:v3"),
        ("registry.test/a/b:1", "registry.test/a/b:1"),
        ("localhost/b:1", "localhost/b:1"),
    ],
)
def test_full_names(reference: str, full: str) -> None:
    assert images.full_name(reference) == full


def test_the_first_mirror_that_is_not_commented_out() -> None:
    sources = """
# deb http://old.test/debian bookworm main
deb http://security.test/debian-security bookworm-security main
deb http://mirror.test/debian/ bookworm main
"""
    assert trees.mirror_in(sources) == "http://mirror.test/debian"
    assert trees.mirror_in("Types: deb\nURIs: https://m.test/debian\n") == "https://m.test/debian"
    assert trees.mirror_in("# deb http://old.test/debian bookworm main") is None


def test_a_layer_belongs_to_root_and_keeps_times(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("text")
    layer = images.Layer(
        files={"/usr/bin/program": program},
        texts={"/entry.sh": "#!/bin/sh\n"},
        links={"/usr/bin/other": "program"},
        folders={"/srv/work": 0o1777},
    )
    oci.write_layer(layer, tmp_path / "layer.tar")
    with tarfile.open(tmp_path / "layer.tar") as archive:
        members = {member.name: member for member in archive.getmembers()}
    assert {"usr", "usr/bin", "usr/bin/program", "entry.sh", "usr/bin/other"} <= members.keys()
    assert members["usr/bin/program"].uid == 0
    assert int(members["usr/bin/program"].mtime) == int(program.stat().st_mtime)
    assert members["usr/bin/other"].linkname == "program"
    assert members["srv/work"].mode == 0o1777


def test_an_archive_names_blobs_that_are_in_it(tmp_path: Path) -> None:
    store = oci.LayerStore(tmp_path / "layers")
    layers = {"one": store.get("one", images.Layer(texts={"/a": "b"}), "")}
    image = images.Image(("one",), ("/a",), environment={"HOME": "/home"})
    oci.write_archive({"cluster.test/a:1": image}, layers, tmp_path / "images.tar")
    with tarfile.open(tmp_path / "images.tar") as archive:
        blobs = {
            member.name: reader.read()
            for member in archive.getmembers()
            if (reader := archive.extractfile(member))
        }
    for name, content in blobs.items():
        if name.startswith("blobs/"):
            assert hashlib.sha256(content).hexdigest() == name.rpartition("/")[2]
    (entry,) = json.loads(blobs["index.json"])["manifests"]
    assert entry["annotations"]["io.containerd.image.name"] == "cluster.test/a:1"
    manifest = json.loads(blobs["blobs/sha256/" + entry["digest"].removeprefix("sha256:")])
    for part in [manifest["config"], *manifest["layers"]]:
        assert len(blobs["blobs/sha256/" + part["digest"].removeprefix("sha256:")]) == part["size"]


def test_a_layer_is_made_again_only_when_its_inputs_change(tmp_path: Path) -> None:
    store = oci.LayerStore(tmp_path)
    layer = images.Layer(texts={"/a": "b"})
    path, digest = store.get("one", layer, "inputs")
    before = path.stat().st_mtime_ns
    assert store.get("one", layer, "inputs") == (path, digest)
    assert path.stat().st_mtime_ns == before
    store.get("one", layer, "other inputs")
    assert path.stat().st_mtime_ns > before
    assert store.get("one", images.Layer(texts={"/a": "c"}), "inputs")[1] != digest
