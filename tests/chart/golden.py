"""The committed renders of values-examples/, in tests/chart/golden/<example>/<kind>-<name>.yaml.

An example for one host is rendered for it: its units and documents, the path in the name.

    python -m tests.chart.golden      write them anew

Read the difference before committing it. What only repeats other files of this repository is left
out: the package in its ConfigMap, the hub's Python file, the values in the hub's Secret, and the
checksums that follow from them. Secrets are fixed and their content is shown decoded.
"""

from __future__ import annotations

import base64
import re
import shutil
from pathlib import Path
from typing import Any

import yaml
from tests.support.chart import ROOT, render

from proxy_gen import bundle, chart, values
from proxy_gen.host_place import Options

# Their options of `proxy-gen render` are those that their first lines name.
HOST_OPTIONS = {
    "single-host-https": Options(port=80, https_port=443),
    "single-host-notebooks": Options(address="127.0.0.1"),
    "single-host": Options(),
}
HOST_EXAMPLES = [ROOT / f"values-examples/{name}.yaml" for name in HOST_OPTIONS]
EXAMPLES = sorted({*(ROOT / "values-examples").glob("*.yaml")} - {*HOST_EXAMPLES})
GOLDEN = Path(__file__).with_name("golden")
SECRETS = Path(__file__).with_name("secrets.yaml")

# As in the repository, or as the chart's render of another example.
_OF_PROJECT = re.compile(
    r"etc/jupyterhub-ha/(hub/(jupyterhub_ha|config|secret)|share/jupyterhub_ha_share)/"
    r"|/shared_port\.py$"
)
_PACKAGE = re.compile("ConfigMap (companion-)?hub-package.*")
_OF_PACKAGE = re.compile(r"(?<=checksum/jupyterhub-ha: )\S+")
_REPEATED = {
    ("ConfigMap", "hub"): "jupyterhub_config.py",
    ("ConfigMap", "jupyterhub-dashboard"): "jupyterhub-ha.json",
    ("Secret", "hub"): "values.yaml",
}


def rendered(example: Path) -> dict[str, str]:
    """What an example renders to: file name to text."""
    return {
        f"{o['kind'].lower()}-{o['metadata']['name']}.yaml": _text(_shortened(o))
        for o in render(yaml.safe_load(example.read_text()), "--values", str(SECRETS)).objects
    }


def rendered_for_host(example: Path) -> dict[str, str]:
    """What an example for one host renders to: file name to text."""
    given = values.read([example, SECRETS])
    options = HOST_OPTIONS[example.stem]
    files = bundle.build(given, chart.defaults(chart.find()), options).files
    return {
        f"{path.removeprefix('root/').replace('/', '-')}.txt": file.text
        for path, file in files.items()
        if not _OF_PROJECT.search(path)
    }


def committed(example: Path) -> dict[str, str]:
    """What is committed for an example."""
    folder = GOLDEN / example.stem
    return {file.name: file.read_text() for file in sorted(folder.glob("*"))}


def write() -> None:
    """Write all renders, and remove those of examples that are gone."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    for example in EXAMPLES:
        (GOLDEN / example.stem).mkdir(parents=True)
        for name, text in rendered(example).items():
            (GOLDEN / example.stem / name).write_text(text)
    for example in HOST_EXAMPLES:
        (GOLDEN / example.stem).mkdir(parents=True)
        for name, text in rendered_for_host(example).items():
            (GOLDEN / example.stem / name).write_text(text)


def _shortened(made: dict[str, Any]) -> dict[str, Any]:
    name = (made["kind"], made["metadata"]["name"])
    if made["kind"] == "Secret":
        data = made.pop("data", {})
        made["decoded"] = {key: base64.b64decode(text).decode() for key, text in data.items()}
    content = made.get("decoded", made.get("data"))
    if _PACKAGE.match(" ".join(name)):
        made["data"] = "<as in the repository>"
    elif name in _REPEATED:
        content[_REPEATED[name]] = "<as in the repository>"
    elif name == ("ConfigMap", "companion-z2jh-values"):
        content["values.yaml"] = _OF_PACKAGE.sub('"<checksum>"', content["values.yaml"])
    annotations = made.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations")
    for key in annotations or {}:
        if key.startswith("checksum/"):
            annotations[key] = "<checksum>"
    return made


def _text(made: dict[str, Any]) -> str:
    return yaml.dump(made, Dumper=_Dumper, sort_keys=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)

if __name__ == "__main__":
    write()
