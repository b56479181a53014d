import json
import string
from pathlib import Path

import pytest
import yaml
from tests.e2e.cluster import daemons, network, pki
from tests.e2e.cluster.settings import Cluster

CLUSTER = Cluster(workers=2, folder=Path("/checkout/.cluster"))
MANIFESTS = Path(daemons.__file__).parent / "manifests"


def all_specs() -> list[daemons.NodeSpec]:
    workers = [daemons.worker(CLUSTER, node, "/sbin/runc") for node in CLUSTER.nodes[1:]]
    store = daemons.image_store(CLUSTER, Path("/store"), "/sbin/runc")
    return [daemons.control(CLUSTER), daemons.switch(CLUSTER), store, *workers]


def test_a_spec_survives_the_way_to_process_1() -> None:
    for spec in all_specs():
        document = json.loads(json.dumps(spec.as_json()))
        assert document["hostname"] == spec.hostname
        assert [daemon["name"] for daemon in document["daemons"]] == [
            daemon.name for daemon in spec.daemons
        ]


def test_only_what_needs_the_api_waits_for_it() -> None:
    gates = {daemon.name: daemon.gate for spec in all_specs() for daemon in spec.daemons}
    early = {name for name, gate in gates.items() if gate == daemons.NETWORK}
    assert early == {"containerd", "etcd", "kube-apiserver"}


def test_every_certificate_that_a_daemon_reads_is_made() -> None:
    made = {"ca.crt", "ca.key", "accounts.key", "accounts.pub"}
    for want in pki.wanted(CLUSTER):
        made |= {f"{want.file}.crt", f"{want.file}.key"}
        made |= {f"{want.file}.conf"} if want.kubeconfig else set()
    text = json.dumps([spec.as_json() for spec in all_specs()])
    read = {word.split('"')[0].split("\\n")[0] for word in text.split(f"{CLUSTER.pki}/")[1:]}
    assert read
    assert read <= made


def test_two_workers_share_no_folder_but_the_shared_volumes() -> None:
    one, other = (dict(spec.binds) for spec in all_specs()[3:])
    assert set(one) & set(other) == {"/checkout/.cluster/volumes"}


def test_each_node_routes_the_pods_of_the_others_and_nothing_to_itself() -> None:
    lines = network.node_addresses(CLUSTER, CLUSTER.node("worker-1"))
    assert "route add 10.212.2.0/24 via 10.211.0.12" in lines
    assert not any("10.212.1.0/24" in line for line in lines)
    assert "route add unreachable default" in lines


@pytest.mark.parametrize("name", ["system.yaml", "volume-helper.yaml"])
def test_manifests_parse_with_their_place_holders_filled(name: str) -> None:
    text = string.Template((MANIFESTS / name).read_text())
    objects = list(yaml.safe_load_all(text.substitute(dns_address=CLUSTER.dns_address)))
    assert all(item["kind"] and item["metadata"]["name"] for item in objects)


def test_every_storage_class_has_a_place() -> None:
    text = string.Template((MANIFESTS / "system.yaml").read_text())
    objects = yaml.safe_load_all(text.substitute(dns_address=CLUSTER.dns_address))
    classes = {item["metadata"]["name"] for item in objects if item["kind"] == "StorageClass"}
    places = json.loads((MANIFESTS / "volumes.json").read_text())["storageClassConfigs"]
    assert classes == places.keys()
