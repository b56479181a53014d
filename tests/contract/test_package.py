"""The hub-side package as it is mounted, installed and versioned: one source, the same bytes."""

import ast
import base64
import configparser
import gzip
import importlib
import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from jupyterhub.proxy import Proxy
from tests.support.chart import CHART as CHART_FOLDER
from tests.support.chart import HELM
from tests.support.processes import ROOT

import jupyterhub_ha
from jupyterhub_ha.configure_proxy import ETCD_PROXY_CLASS, FILE_PROXY_CLASS, IN_PROCESS_CLASS

PACKAGE = ROOT / "chart/files/hub/jupyterhub_ha"
SHARE = ROOT / "chart/files/share/jupyterhub_ha_share"
SUITE = ROOT / "tests/conformance/jupyterhub_ha_conformance"
CHART = yaml.safe_load((ROOT / "chart/Chart.yaml").read_text())

# What the stock hub image has; anything else would have to be installed into it.
ALLOWED_IMPORTS = {
    "jupyterhub_ha", "jupyterhub", "tornado", "traitlets",
    "aiohttp", "certipy", "cryptography", "kubernetes_asyncio", "prometheus_client",
    "sqlalchemy", "yaml",
}  # fmt: skip
# What an image for users' servers has.
SHARE_IMPORTS = {"jupyterhub_ha_share", "jupyterhub", "tornado", "nbconvert", "nbformat", "bleach"}


def modules() -> list[Path]:
    return sorted(PACKAGE.glob("*.py"))


def listed(folder: str) -> list[str]:
    """What git knows or would add: caches of tools are no part of a folder."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split() if (ROOT / name).exists()]


def imported(file: Path, own: str = "jupyterhub_ha") -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(own if node.level else (node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize("file", modules(), ids=lambda file: file.stem)
def test_a_module_imports_only_what_the_stock_image_has(file: Path) -> None:
    foreign = imported(file) - set(sys.stdlib_module_names) - ALLOWED_IMPORTS
    assert not foreign, f"{file.name} imports {sorted(foreign)}"


@pytest.mark.parametrize("file", sorted(SHARE.glob("*.py")), ids=lambda file: file.stem)
def test_the_service_for_shared_notebooks_imports_only_what_users_images_have(file: Path) -> None:
    foreign = imported(file, "jupyterhub_ha_share") - set(sys.stdlib_module_names) - SHARE_IMPORTS
    assert not foreign, f"{file.name} imports {sorted(foreign)}"


def test_what_serves_and_what_renders_are_apart() -> None:
    """The process with the hub's token parses no notebook."""
    parsers = {"nbconvert", "nbformat", "bleach"}
    found = {file.stem for file in SHARE.glob("*.py") if imported(file) & parsers}
    assert found == {"render"}
    users = {file.stem for file in SHARE.glob("*.py") if "from .render import" in file.read_text()}
    assert users == {"render_process"}


def test_the_guard_finds_a_foreign_import(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("import requests\nfrom . import etcd_client\nimport os\n")
    assert imported(file) == {"requests", "jupyterhub_ha", "os"}


def test_the_package_is_flat() -> None:
    # A ConfigMap keeps base names only: two files of one name in two folders would become one.
    for package in (PACKAGE, SHARE):
        nested = [path for path in package.rglob("*.py") if path.parent != package]
        assert not nested


@pytest.mark.parametrize("example", ["minimal", "tmpnb", "conference-demo"])
def test_the_package_stays_small(example: str) -> None:
    """Helm keeps chart and manifests, packed, in one Secret, which stops at 1 MiB."""
    values = ROOT / f"values-examples/{example}.yaml"
    command = [HELM, "template", "hub", CHART_FOLDER, "--values", values]
    made = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    # As https://pkg.go.dev/helm.sh/helm/v3/pkg/release#Release has them: each file in base64.
    files = {name: (ROOT / name).read_bytes() for name in listed("chart")}
    chart = {name: base64.b64encode(content).decode() for name, content in files.items()}
    packed = gzip.compress(json.dumps({"chart": chart, "manifest": made.stdout}).encode())
    size = len(base64.b64encode(packed))
    # The rest, a sixth, is for values and notes of a user.
    assert size < 870 * 1000, f"{size} bytes"


def test_pip_users_find_each_proxy_by_the_name_of_its_kind() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = project["entry-points"]["jupyterhub.proxies"]
    assert names == {
        "in-process": IN_PROCESS_CLASS.replace(".", ":"),
        "traefik-etcd": ETCD_PROXY_CLASS.replace(".", ":"),
        "traefik-file": FILE_PROXY_CLASS.replace(".", ":"),
    }
    for path in names.values():
        module, _, name = path.partition(":")
        assert issubclass(getattr(importlib.import_module(module), name), Proxy)


def test_versions_agree() -> None:
    assert CHART["version"] == jupyterhub_ha.__version__


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    # Built with the hatchling that is installed, so that no registry is asked.
    from hatchling.builders.wheel import WheelBuilder

    folder = tmp_path_factory.mktemp("wheel")
    (path,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_package_twice_with_the_same_bytes(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    shared = [file for file in SHARE.iterdir() if file.suffix in {".py", ".js", ".css"}]
    assert len(shared) > 10
    for file in [*modules(), *shared]:
        imported_copy = f"{file.parent.name}/{file.name}"
        chart_copy = f"proxy_gen/{file.relative_to(ROOT)}"
        assert {imported_copy, chart_copy} <= names
        assert wheel.read(imported_copy) == wheel.read(chart_copy) == file.read_bytes()


def test_the_wheel_holds_the_whole_chart(wheel: zipfile.ZipFile) -> None:
    inside = {
        name.removeprefix("proxy_gen/chart/")
        for name in wheel.namelist()
        if name.startswith("proxy_gen/chart/")
    }
    assert inside == {name.removeprefix("chart/") for name in listed("chart")}


def test_the_wheel_holds_the_conformance_suite(wheel: zipfile.ZipFile) -> None:
    inside = {name for name in wheel.namelist() if name.startswith("jupyterhub_ha_conformance/")}
    assert inside == {f"jupyterhub_ha_conformance/{file.name}" for file in SUITE.glob("*.py")}
    # A package is imported from wherever it lies, so it may name nothing else of the tests.
    texts = {name: wheel.read(name).decode() for name in inside}
    assert [name for name, text in texts.items() if "tests.support" in text] == []


def test_pytest_finds_the_conformance_suite_s_plugin(wheel: zipfile.ZipFile) -> None:
    (file,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    entries = configparser.ConfigParser(delimiters=("=",))
    entries.read_string(wheel.read(file).decode())
    assert list(entries["pytest11"].values()) == ["jupyterhub_ha_conformance.plugin"]
    assert "jupyterhub_ha_conformance/plugin.py" in wheel.namelist()
    assert callable(importlib.import_module("jupyterhub_ha_conformance.plugin").pytest_addoption)
