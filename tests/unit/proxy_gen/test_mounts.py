"""The files of a pod, written as the kubelet would."""

import base64
import stat
from pathlib import Path

import pytest

from proxy_gen.mounts import MissingObjectError, Objects, write_mounts


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


CONFIG = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a.py": "A", "b.py": "B"}}
SECRET = {
    "kind": "Secret",
    "metadata": {"name": "s", "labels": {"component": "hub"}},
    "data": {"key": encoded("k")},
    "stringData": {"plain": "p"},
}


def workload(volumes: list, mounts: list) -> dict:
    container = {"name": "main", "volumeMounts": mounts}
    return {
        "kind": "Deployment",
        "metadata": {"name": "w"},
        "spec": {"template": {"spec": {"volumes": volumes, "containers": [container]}}},
    }


def files(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


def test_config_maps_secrets_items_and_sub_paths(tmp_path: Path) -> None:
    write_mounts(
        Objects([CONFIG, SECRET]),
        workload(
            [
                {"name": "config", "configMap": {"name": "c"}},
                {
                    "name": "one",
                    "secret": {"secretName": "s", "items": [{"key": "key", "path": "x"}]},
                },
                {"name": "all", "projected": {"sources": [{"secret": {"name": "s"}}]}},
                {"name": "scratch", "emptyDir": {}},
            ],
            [
                {"name": "one", "mountPath": "/etc/app/secret"},
                {"name": "config", "mountPath": "/etc/app/file.py", "subPath": "a.py"},
                {"name": "config", "mountPath": "/etc/app"},
                {"name": "all", "mountPath": "/all"},
                {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108
            ],
        ),
        tmp_path,
    )
    assert files(tmp_path) == {
        "etc/app/a.py": "A",
        "etc/app/b.py": "B",
        "etc/app/file.py": "A",
        "etc/app/secret/x": "k",
        "all/key": "k",
        "all/plain": "p",
    }
    assert (tmp_path / "tmp").is_dir()
    assert stat.S_IMODE((tmp_path / "etc/app/secret/x").stat().st_mode) == 0o600


def test_a_missing_object_is_named(tmp_path: Path) -> None:
    missing = workload(
        [{"name": "v", "secret": {"secretName": "gone"}}], [{"name": "v", "mountPath": "/v"}]
    )
    with pytest.raises(MissingObjectError, match="no Secret 'gone'"):
        write_mounts(Objects([]), missing, tmp_path)


def test_an_optional_missing_object_is_an_empty_folder(tmp_path: Path) -> None:
    volume = {"name": "v", "secret": {"secretName": "gone", "optional": True}}
    write_mounts(Objects([]), workload([volume], [{"name": "v", "mountPath": "/v"}]), tmp_path)
    assert (tmp_path / "v").is_dir()
    assert files(tmp_path) == {}


def test_find_wants_exactly_one() -> None:
    objects = Objects([CONFIG, SECRET])
    assert objects.find("Secret", "hub") is SECRET
    with pytest.raises(MissingObjectError, match="0 objects of kind Job"):
        objects.find("Job", "hub")
