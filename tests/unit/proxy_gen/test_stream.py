"""Helm's stream, split as text."""

from proxy_gen import stream

STREAM = """\
---
# Source: jupyterhub-ha/templates/proxy/service.yaml
apiVersion: v1
kind: Service
metadata:
  labels:
    name: not-this
  name: proxy-public
  namespace: other
spec:
  x: 1
---
# Source: jupyterhub-ha/templates/hub/configmap.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: "hub"
data:
  text: |
    ---
    kind: Fake
---
# Source: jupyterhub-ha/templates/empty.yaml
---
{"kind": "Role", "apiVersion": "v1", "metadata": {"name": "a:b"}}
"""


def test_split_finds_kind_name_and_source():
    found = stream.split(STREAM)
    assert [str(one) for one in found] == ["ConfigMap/hub", "Role/a:b", "Service/proxy-public"]
    assert [one.component for one in found] == ["hub", "", "proxy"]
    assert found[2].namespace == "other"
    assert found[0].data["data"]["text"] == "---\nkind: Fake\n"


def test_file_names_are_safe():
    assert [one.file_name for one in stream.split(STREAM)] == [
        "configmap-hub.yaml",
        "role-a_b.yaml",
        "service-proxy-public.yaml",
    ]


def test_order_does_not_depend_on_the_stream():
    documents = stream.split(STREAM)
    turned = stream.join(reversed(documents))
    assert stream.split(turned) == documents


def test_join_is_read_back_byte_for_byte():
    documents = stream.split(STREAM)
    assert stream.join(stream.split(stream.join(documents))) == stream.join(documents)
