import json
import tomllib
from pathlib import Path

import yaml
from tests.e2e.cluster import configs
from tests.e2e.cluster.images import references
from tests.e2e.cluster.settings import ROOT, Cluster

CLUSTER = Cluster(folder=Path("/checkout/.cluster"))
NODE = CLUSTER.node("worker-2")


def test_containerd_is_told_where_runc_is_and_to_keep_the_pause_image() -> None:
    document = tomllib.loads(configs.containerd("/sbin/runc"))
    assert document["version"] == 3
    runtime = document["plugins"]["io.containerd.cri.v1.runtime"]
    assert runtime["containerd"]["runtimes"]["runc"]["options"]["BinaryName"] == "/sbin/runc"
    sandbox = document["plugins"]["io.containerd.cri.v1.images"]["pinned_images"]["sandbox"]
    assert sandbox == configs.PAUSE_IMAGE


def test_pods_get_addresses_of_their_node() -> None:
    bridge = json.loads(configs.pod_network(NODE))["plugins"][0]
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.212.2.0/24"}]]
    assert bridge["ipMasq"] is False


def test_the_kubelet_serves_with_its_own_certificate_and_asks_the_cluster_dns() -> None:
    document = yaml.safe_load(configs.kubelet(CLUSTER, NODE))
    assert document["tlsCertFile"] == "/checkout/.cluster/pki/worker-2-server.crt"
    assert document["clusterDNS"] == [str(CLUSTER.dns_address)]
    assert document["authentication"]["anonymous"] == {"enabled": False}


def test_a_node_has_every_file_that_its_daemons_are_told_to_read() -> None:
    files = configs.node_files(CLUSTER, NODE, "/sbin/runc")
    assert {"/run/containerd.toml", "/run/kubelet.yaml", "/run/kube-proxy.yaml"} <= files.keys()
    assert yaml.safe_load(files["/run/kubelet.yaml"])["resolvConf"] in files
    assert yaml.safe_load(files["/run/kube-proxy.yaml"])["hostnameOverride"] == "worker-2"


def test_the_pause_image_is_one_that_is_built() -> None:
    values = yaml.safe_load((ROOT / "chart/values.yaml").read_text())
    assert references(values)[configs.PAUSE_IMAGE] == "pause"
