"""Images in containerd: imported once into a store, then linked into each node's own folder."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import yaml

from . import daemons, images, machine, oci, trees
from .configs import CONTAINERD_SOCKET
from .settings import BIN, BUILT, ROOT, Cluster

_STORE = BUILT / "store"
_STAMP = BUILT / "store.stamp"
_IMPORTER = "images"
# Of containerd's folder: what never changes may be linked, the databases must be copied.
_LINKED = ["io.containerd.content.v1.content", "io.containerd.snapshotter.v1.overlayfs/snapshots"]
_COPIED = [
    "io.containerd.metadata.v1.bolt/meta.db",
    "io.containerd.snapshotter.v1.overlayfs/metadata.db",
]


def prepare(cluster: Cluster) -> None:
    """Bring the store up to date with this checkout; nothing to do when it is."""
    debian = trees.debian()
    hub = trees.python("hub", trees.HUB_PACKAGES)
    user = trees.python("user", trees.USER_PACKAGES)
    made_from = {name: trees.stamp(tree) for name, tree in _by_name(debian, hub, user).items()}
    layers = oci.LayerStore(BUILT / "layers")
    all_layers = images.layers(debian, hub, user)
    made_from |= {"chp": (ROOT / "tools/chp/package-lock.json").read_text()}
    made = {
        name: layers.get(name, layer, made_from.get(name, "")) for name, layer in all_layers.items()
    }
    values = yaml.safe_load((ROOT / "chart/values.yaml").read_text())
    known = images.images()
    wanted = {reference: known[short] for reference, short in images.references(values).items()}
    digests = {name: digest for name, (_, digest) in made.items()}
    stamp = hashlib.sha256(repr((wanted, digests)).encode()).hexdigest()
    if _STORE.exists() and _STAMP.exists() and _STAMP.read_text() == stamp:
        return
    _STAMP.unlink(missing_ok=True)
    archive = BUILT / "images.tar"
    oci.write_archive(wanted, made, archive)
    _import_anew(cluster, archive)
    archive.unlink()
    _STAMP.write_text(stamp)


def link(folder: Path) -> None:
    """Fill a node's folder for containerd with all images, in seconds and without the space.

    A layer's files are only ever read (overlayfs copies what a container changes), so nodes may
    share them; the databases are the node's own.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for name in _LINKED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        machine.run("cp", "--archive", "--link", str(_STORE / name), str(folder / name))
    for name in _COPIED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(_STORE / name, folder / name)


def load(cluster: Cluster, node: str, archive: Path) -> str:
    """Import an archive of images into one node that is up; returns what containerd says."""
    return machine.inside(cluster, node, *_import(archive))


def _by_name(debian: Path, hub: Path, user: Path) -> dict[str, Path]:
    return {"debian": debian, "hub": hub, "user": user}


def _import_anew(cluster: Cluster, archive: Path) -> None:
    shutil.rmtree(_STORE, ignore_errors=True)
    _STORE.mkdir(parents=True)
    runtime = machine.find("runc") or "runc"
    cluster.gates.mkdir(parents=True, exist_ok=True)
    (cluster.gates / daemons.NETWORK).touch()
    spec = daemons.image_store(cluster, _STORE, runtime)
    pid = machine.start_node(cluster, _IMPORTER, spec)
    try:
        socket = Path(f"/proc/{pid}/root{CONTAINERD_SOCKET}")
        machine.wait(socket.exists, 30, "containerd")
        machine.inside(cluster, _IMPORTER, *_import(archive))
    finally:
        machine.kill_node(cluster, _IMPORTER)
        (cluster.gates / daemons.NETWORK).unlink()


def _import(archive: Path) -> list[str]:
    client = [str(BIN / "ctr"), "--address", CONTAINERD_SOCKET, "--namespace", "k8s.io"]
    return [*client, "images", "import", "--platform", "linux/amd64", str(archive)]
