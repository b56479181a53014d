"""Volumes and mounts of users' pods."""

import pytest
from traitlets.config import Config

from jupyterhub_ha.spawner_storage import configure_storage
from jupyterhub_ha.values import BadValuesError, Mounts, Values, merge

DEFAULTS = {
    "type": "dynamic",
    "homeMountPath": "/home/jovyan",
    "dynamic": {"volumeNameTemplate": "volume-{user_server}"},
    "static": {"subPath": "{username}"},
}


@pytest.fixture
def spawner_config(tmp_path):
    """The part of the configuration that is KubeSpawner's, for `singleuser.storage` given."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/singleuser").write_text("rel-singleuser")

    def build(storage, **singleuser):
        data = {"singleuser": {"storage": merge(DEFAULTS, storage), **singleuser}}
        c = Config()
        configure_storage(c, Values(data, Mounts(tmp_path)))
        return c.KubeSpawner

    return build


def test_dynamic(spawner_config):
    spawner = spawner_config({"dynamic": {"subPath": "sub"}})
    name = "volume-{user_server}"
    assert spawner.storage_pvc_ensure is True
    assert spawner.volumes[name]["persistentVolumeClaim"] == {"claimName": "{pvc_name}"}
    assert spawner.volume_mounts == {
        name: {"name": name, "mountPath": "/home/jovyan", "subPath": "sub"}
    }


def test_static(spawner_config):
    spawner = spawner_config({"type": "static", "static": {"pvcName": "shared"}})
    assert "storage_pvc_ensure" not in spawner
    assert spawner.volumes["home"]["persistentVolumeClaim"] == {"claimName": "shared"}
    assert spawner.volume_mounts["home"]["subPath"] == "{username}"


def test_none(spawner_config):
    spawner = spawner_config({"type": "none"})
    assert spawner.volumes == {}
    assert spawner.volume_mounts == {}


@pytest.mark.parametrize(
    ("storage", "path"),
    [
        ({"type": "static"}, r"static\.pvcName: needed"),
        ({"type": "other"}, "'other' is none of dynamic, static, none"),
        ({"extraVolumes": "text"}, "extraVolumes: a list or a mapping"),
        ({"extraVolumeMounts": "text"}, "extraVolumeMounts: a list or a mapping"),
    ],
)
def test_storage_that_cannot_work_is_refused(spawner_config, storage, path):
    with pytest.raises(BadValuesError, match=path):
        spawner_config(storage)


VOLUME = {"name": "data", "emptyDir": {}}
MOUNT = {"name": "data", "mountPath": "/data"}


@pytest.mark.parametrize(
    ("volumes", "mounts", "volume_key", "mount_key"),
    [
        ([VOLUME], [MOUNT], "data", "0-data"),
        ({"10-data": VOLUME}, {"20-data": MOUNT}, "10-data", "20-data"),
    ],
)
def test_extra_volumes_are_a_list_or_a_mapping(
    spawner_config, volumes, mounts, volume_key, mount_key
):
    spawner = spawner_config({"type": "none", "extraVolumes": volumes, "extraVolumeMounts": mounts})
    assert spawner.volumes == {volume_key: VOLUME}
    assert spawner.volume_mounts == {mount_key: MOUNT}


def test_extra_files(spawner_config):
    files = {
        "one": {"mountPath": "/etc/one.json", "data": {}},
        "two": {"mountPath": "/etc/two", "stringData": "x", "mode": 0o400},
    }
    spawner = spawner_config({"type": "none"}, extraFiles=files)
    assert spawner.volumes["files"]["secret"] == {
        "secretName": "rel-singleuser",
        "items": [
            {"key": "one", "path": "one"},
            {"key": "two", "path": "two", "mode": 0o400},
        ],
    }
    assert spawner.volume_mounts["1-files"] == {
        "name": "files",
        "mountPath": "/etc/two",
        "subPath": "two",
    }
