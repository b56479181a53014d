"""Which images there are and what is in them. Nothing here acts.

The chart's images have the names and tags of its defaults, so that the defaults are what runs.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .configs import PAUSE_IMAGE
from .settings import BIN, ROOT, TOOLS
from .trees import PYTHON

# Where the chart's values name an image, and which of the images below it is.
CHART_IMAGES = {
    "hub.image": "hub",
    "proxy.certificates.legoImage": "lego",
    "proxy.chp.image": "chp",
    "proxy.etcd.image": "etcd",
    "proxy.traefik.image": "traefik",
    "singleuser.image": "user",
    "singleuser.networkTools.image": "debian",
    "tmpnb.static.image": "nginx",
}
_USER = "jovyan"
_START_TRAEFIK = """#!/bin/sh
set -e
if [ "${1#-}" != "$1" ]; then set -- traefik "$@"; fi
exec "$@"
"""


@dataclass(frozen=True)
class Layer:
    """One layer: folders and files of this machine, texts, links and new folders."""

    # Path in the image -> folder here; "/" is a whole root tree.
    trees: Mapping[str, Path] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    # Path in the image -> mode.
    folders: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Image:
    """Layers by name, from the lowest, and how a container of it starts."""

    layers: tuple[str, ...]
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    folder: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)


def layers(debian: Path, hub: Path, user: Path) -> dict[str, Layer]:
    """Every layer, from the file trees that it is made of."""
    return {
        "debian": Layer(trees={"/": debian}),
        "pause": Layer(files={"/pause": BIN / "pause"}),
        "coredns": Layer(files={"/coredns": BIN / "coredns"}),
        "traefik": Layer(
            files={"/usr/local/bin/traefik": ROOT / ".venv/bin/traefik"},
            texts={"/entrypoint.sh": _START_TRAEFIK},
        ),
        "etcd": Layer(
            files={f"/usr/local/bin/{name}": BIN / name for name in ("etcd", "etcdctl")},
            folders={"/tmp": 0o1777, "/var/etcd": 0o755, "/var/lib/etcd": 0o755},  # noqa: S108
        ),
        "lego": Layer(files={"/lego": BIN / "lego"}),
        "chp": _chp((BIN / "configurable-http-proxy").read_text()),
        "hub": _jupyter(debian, hub),
        "user": _jupyter(debian, user),
    }


def images() -> dict[str, Image]:
    """Every image that the chart or the cluster itself uses, by a short name."""
    environment = {"HOME": f"/home/{_USER}", "NB_USER": _USER, "NB_UID": "1000"}
    home = f"/home/{_USER}"
    return {
        "pause": Image(("pause",), ("/pause",), user="65535:65535"),
        "coredns": Image(("coredns",), ("/coredns",)),
        "debian": Image(("debian",), command=("/bin/bash",)),
        # As the stock ones: no user here, a user's name and not a number in the hub's.
        "traefik": Image(("debian", "traefik"), ("/entrypoint.sh",), ("traefik",)),
        "etcd": Image(("etcd",), command=("/usr/local/bin/etcd",)),
        "nginx": Image(("debian",), command=("nginx", "-g", "daemon off;")),
        "lego": Image(("debian", "lego"), ("/lego",)),
        "chp": Image(("debian", "chp"), ("configurable-http-proxy",), user="65534", folder="/srv"),
        "hub": Image(
            ("debian", "hub"),
            ("tini", "--"),
            ("jupyterhub",),
            _USER,
            "/srv/jupyterhub",
            environment,
        ),
        "user": Image(
            ("debian", "user"), ("tini", "--"), ("jupyter", "lab"), _USER, home, environment
        ),
    }


def references(values: Mapping[str, Any]) -> dict[str, str]:
    """Full image name -> short name, given the chart's default values."""
    found = {
        PAUSE_IMAGE: "pause",
        "cluster.test/coredns:1": "coredns",
        "cluster.test/debian:1": "debian",
    }
    for path, short in CHART_IMAGES.items():
        image: Any = values
        for key in path.split("."):
            image = image[key]
        name = full_name(f"{image['name']}:{image['tag']}")
        # The same once more, as the image of an upgrade.
        found |= {name: short, f"{name}-next": short}
    return found


def full_name(reference: str) -> str:
    """An image's name as containerd knows it: short ones are of Docker's library."""
    first, slash, _ = reference.partition("/")
    if not slash:
        return f"docker.io/library/{reference}"
    is_host = "." in first or ":" in first or first == "localhost"
    return reference if is_host else f"docker.io/{reference}"


def _chp(starter: str) -> Layer:
    # Set-up's starter names the Node.js that it chose: exec "<node>" "<script>" "$@".
    node = shlex.split(starter.splitlines()[1])[1]
    script = "/srv/chp/node_modules/configurable-http-proxy/bin/configurable-http-proxy"
    return Layer(
        trees={"/srv/chp": TOOLS / "chp"},
        files={"/usr/local/bin/node": Path(node)},
        texts={
            "/usr/local/bin/configurable-http-proxy": (
                f'#!/bin/sh\nexec /usr/local/bin/node {script} "$@"\n'
            )
        },
    )


def _jupyter(debian: Path, python: Path) -> Layer:
    users = (debian / "etc/passwd").read_text() + f"{_USER}:x:1000:1000::/home/{_USER}:/bin/bash\n"
    groups = (debian / "etc/group").read_text() + f"{_USER}:x:1000:\n"
    trees = {
        # Debian's Python looks in dist-packages.
        f"/usr/local/lib/python{PYTHON}/dist-packages": (
            python / f"lib/python{PYTHON}/site-packages"
        ),
        "/usr/local/bin": python / "bin",
        "/usr/local/share": python / "share",
        "/usr/local/etc": python / "etc",
    }
    return Layer(
        trees={target: tree for target, tree in trees.items() if tree.is_dir()},
        texts={"/etc/passwd": users, "/etc/group": groups},
        links={"/usr/local/bin/python": "/usr/bin/python3"},
        folders={f"/home/{_USER}": 0o1777, "/srv/jupyterhub": 0o1777},
    )
