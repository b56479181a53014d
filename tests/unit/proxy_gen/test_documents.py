"""The documents inside the rendered objects."""

import pytest

from proxy_gen import documents, stream
from proxy_gen.errors import UsageError

STREAM = """\
# Source: jupyterhub-ha/templates/proxy/configmap.yaml
kind: ConfigMap
metadata: {name: proxy}
data: {traefik.toml: "[api]\\n", dynamic.toml: "[http]\\n", other: x}
---
# Source: jupyterhub-ha/templates/hub/configmap.yaml
kind: ConfigMap
metadata:
  name: hub
data: {jupyterhub_config.py: "c\\n"}
---
# Source: jupyterhub-ha/templates/etcd/statefulset.yaml
kind: StatefulSet
metadata:
  name: x-proxy-etcd
---
kind: Secret
metadata:
  name: hub
data: {values.yaml: e30=}
---
# Source: jupyterhub-ha/templates/hub/deployment.yaml
kind: Deployment
metadata:
  name: hub
spec:
  template:
    spec:
      volumes:
      - {name: c, configMap: {name: hub}}
      - {name: s, secret: {secretName: hub}}
      - {name: mine, secret: {secretName: not-rendered}}
      containers:
      - volumeMounts:
        - {name: c, mountPath: /usr/local/etc/jupyterhub/jupyterhub_config.py, subPath: jupyterhub_config.py}
        - {name: s, mountPath: /usr/local/etc/jupyterhub/secret/}
        - {name: mine, mountPath: /usr/local/etc/jupyterhub/existing-secret/}
        - {name: c, mountPath: /elsewhere}
"""  # noqa: E501


@pytest.fixture
def rendered():
    return stream.split(STREAM)


def test_extract(rendered):
    files = documents.extract(rendered)
    assert {path: file.private for path, file in files.items()} == {
        "traefik.toml": False,
        "dynamic.toml": False,
        "etcd-statefulset.yaml": False,
        "hub/jupyterhub_config.py": False,
        "hub/secret/values.yaml": True,
    }
    assert files["traefik.toml"].text == "[api]\n"
    assert "kind: StatefulSet" in files["etcd-statefulset.yaml"].text


def test_manifests_have_one_file_per_object(rendered):
    files = documents.manifests(rendered)
    assert sorted(files) == [
        "manifests/configmap-hub.yaml",
        "manifests/configmap-proxy.yaml",
        "manifests/deployment-hub.yaml",
        "manifests/secret-hub.yaml",
        "manifests/statefulset-x-proxy-etcd.yaml",
    ]
    assert [path for path, file in files.items() if file.private] == ["manifests/secret-hub.yaml"]


def test_only(rendered):
    assert documents.only(rendered, "traefik.toml") == "[api]\n"
    assert documents.only(rendered, "hub") == "c\n"
    assert "StatefulSet" in documents.only(rendered, "etcd")


def test_only_what_is_made():
    with pytest.raises(UsageError, match="--only etcd: these values do not make it"):
        documents.only([], "etcd")
