"""Traefik's Deployment and what is around it."""

import tomllib

import pytest
from tests.support.chart import CHART, RenderError, render


@pytest.fixture(scope="module")
def default():
    return render()


def proxy(rendered):
    return rendered.get("Deployment", "proxy")["spec"]


def traefik(rendered):
    (container,) = rendered.pod("Deployment", "proxy")["containers"]
    return container


def test_selector_is_z2jhs(default):
    labels = {"app": "jupyterhub", "component": "proxy", "release": "hub"}
    assert proxy(default)["selector"]["matchLabels"] == labels
    assert labels.items() <= proxy(default)["template"]["metadata"]["labels"].items()
    assert default.get("Service", "proxy-public")["spec"]["selector"] == labels


def test_rolling_update_never_goes_below_the_replicas(default):
    assert proxy(default)["replicas"] == 2
    assert proxy(default)["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
    }


def test_recreate_spells_out_that_there_is_no_rolling_update():
    values = {"proxy": {"deploymentStrategy": {"type": "Recreate"}}}
    assert proxy(render(values))["strategy"] == {"type": "Recreate", "rollingUpdate": None}


def test_grace_period_is_longer_than_the_drain(default):
    assert default.pod("Deployment", "proxy")["terminationGracePeriodSeconds"] == 15 + 60 + 10
    drain = {"acceptSeconds": 30, "finishSeconds": 300}
    other = render({"proxy": {"traefik": {"drain": drain}}})
    assert other.pod("Deployment", "proxy")["terminationGracePeriodSeconds"] == 340


def test_probes_ask_the_internal_port(default):
    container = traefik(default)
    paths = {
        name: container[name]["httpGet"]
        for name in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    assert paths == {
        "startupProbe": {"path": "/ready", "port": "internal"},
        "readinessProbe": {"path": "/ping", "port": "internal"},
        "livenessProbe": {"path": "/ping", "port": "internal"},
    }
    assert "enabled" not in container["readinessProbe"]
    off = render({"proxy": {"traefik": {"startupProbe": {"enabled": False}}}})
    assert "startupProbe" not in traefik(off)


def test_no_privileges(default):
    pod = default.pod("Deployment", "proxy")
    assert pod["automountServiceAccountToken"] is False
    # Named, and always there: see proxy.traefik.serviceAccount.create.
    assert pod["serviceAccountName"] == "default"
    assert not default.has("ServiceAccount", "proxy")
    assert pod["securityContext"]["runAsNonRoot"] is True
    context = traefik(default)["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_a_service_account_of_its_own_has_no_token():
    rendered = render({"proxy": {"traefik": {"serviceAccount": {"create": True}}}})
    assert rendered.pod("Deployment", "proxy")["serviceAccountName"] == "proxy"
    assert rendered.get("ServiceAccount", "proxy")["automountServiceAccountToken"] is False


def test_spread_over_zones_and_nodes(default):
    constraints = default.pod("Deployment", "proxy")["topologySpreadConstraints"]
    assert [c["topologyKey"] for c in constraints] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    assert all(c["labelSelector"]["matchLabels"]["component"] == "proxy" for c in constraints)
    # Old pods are not counted, or a rolling update leaves two new ones on one node.
    assert all(c["matchLabelKeys"] == ["pod-template-hash"] for c in constraints)
    etcd = default.pod("StatefulSet", "proxy-etcd")["topologySpreadConstraints"]
    assert not any("matchLabelKeys" in c for c in etcd)
    off = render({"proxy": {"traefik": {"topologySpreadConstraints": []}}})
    assert "topologySpreadConstraints" not in off.pod("Deployment", "proxy")


def test_disruption_budget(default):
    assert default.get("PodDisruptionBudget", "proxy")["spec"]["maxUnavailable"] == 1
    values = {"proxy": {"traefik": {"pdb": {"maxUnavailable": None, "minAvailable": 2}}}}
    spec = render(values).get("PodDisruptionBudget", "proxy")["spec"]
    assert spec["minAvailable"] == 2
    assert "maxUnavailable" not in spec
    off = render({"proxy": {"traefik": {"pdb": {"enabled": False}}}})
    assert not off.has("PodDisruptionBudget", "proxy")


def test_autoscaler_owns_the_number_of_replicas(default):
    assert not default.has("HorizontalPodAutoscaler", "proxy")
    scaled = render(
        {
            "proxy": {
                "traefik": {
                    "resources": {"requests": {"cpu": "500m"}},
                    "autoscaling": {"enabled": True, "maxReplicas": 9},
                }
            }
        }
    )
    spec = scaled.get("HorizontalPodAutoscaler", "proxy")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 9)
    assert spec["scaleTargetRef"]["name"] == "proxy"
    assert "replicas" not in proxy(scaled)


def test_public_service(default):
    spec = default.get("Service", "proxy-public")["spec"]
    assert spec["type"] == "LoadBalancer"
    assert spec["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
    assert "sessionAffinity" not in spec


def test_public_service_takes_z2jhs_options():
    service = {
        "type": "LoadBalancer",
        "labels": {"a": "b"},
        "annotations": {"c": "d"},
        "nodePorts": {"http": 30080, "https": 30443},
        "extraPorts": [{"name": "x", "port": 1, "targetPort": "x"}],
        "externalIPs": ["192.0.2.2"],
        "loadBalancerIP": "192.0.2.1",
        "loadBalancerSourceRanges": ["192.0.2.0/24"],
        "ipFamilyPolicy": "SingleStack",
        "ipFamilies": ["IPv6"],
    }
    values = {"proxy": {"service": service, "https": {"enabled": True, "type": "offload"}}}
    made = render(values).get("Service", "proxy-public")
    assert made["metadata"]["labels"]["a"] == "b"
    assert made["metadata"]["annotations"] == {"c": "d"}
    assert made["spec"]["ports"] == [
        {"name": "https", "port": 443, "targetPort": "http", "nodePort": 30443},
        {"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080},
        {"name": "x", "port": 1, "targetPort": "x"},
    ]
    same = ("externalIPs", "loadBalancerIP", "loadBalancerSourceRanges", "ipFamilyPolicy")
    assert {key: made["spec"][key] for key in same} == {key: service[key] for key in same}
    assert made["spec"]["ipFamilies"] == ["IPv6"]


def test_who_sees_the_clients_address(default):
    def spec(**service):
        return render({"proxy": {"service": service}}).get("Service", "proxy-public")["spec"]

    assert "externalTrafficPolicy" not in default.get("Service", "proxy-public")["spec"]
    for kind in ("LoadBalancer", "NodePort"):
        assert spec(type=kind, externalTrafficPolicy="Local")["externalTrafficPolicy"] == "Local"
    # Kubernetes refuses it there.
    assert "externalTrafficPolicy" not in spec(type="ClusterIP", externalTrafficPolicy="Local")


def test_port_443_alone():
    values = {
        "proxy": {
            "https": {"enabled": True, "type": "offload"},
            "service": {"disableHttpPort": True},
        }
    }
    (port,) = render(values).get("Service", "proxy-public")["spec"]["ports"]
    assert port == {"name": "https", "port": 443, "targetPort": "http"}


def test_the_hub_finds_every_replica(default):
    spec = default.get("Service", "proxy-replicas")["spec"]
    assert spec["clusterIP"] == "None"
    assert spec["publishNotReadyAddresses"] is True
    assert [port["port"] for port in spec["ports"]] == [8080]


def test_only_the_hub_reaches_the_internal_port(default):
    rules = default.get("NetworkPolicy", "proxy")["spec"]["ingress"]
    everybody = [p["port"] for rule in rules if "from" not in rule for p in rule["ports"]]
    assert everybody == ["http"]
    (internal,) = [r for r in rules if {"port": "internal"} in r["ports"]]
    assert internal["from"] == [
        {"podSelector": {"matchLabels": {"hub.jupyter.org/network-access-proxy-api": "true"}}}
    ]
    hub = default.get("Deployment", "hub")["spec"]["template"]["metadata"]["labels"]
    assert hub["hub.jupyter.org/network-access-proxy-api"] == "true"


def test_prometheus_is_let_in_when_it_is_named():
    peer = {"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}
    rendered = render({"proxy": {"traefik": {"metrics": {"allowFrom": [peer]}}}})
    rules = rendered.get("NetworkPolicy", "proxy")["spec"]["ingress"]
    assert {"ports": [{"port": "internal"}], "from": [peer]} in rules
    rules = rendered.get("NetworkPolicy", "proxy-etcd")["spec"]["ingress"]
    assert {"ports": [{"port": "health"}], "from": [peer]} in rules


def test_requests_are_counted_by_service(default):
    """The hub takes the last activity of users' servers from these counters."""
    static = tomllib.loads(default.get("ConfigMap", "proxy")["data"]["traefik.toml"])
    assert static["metrics"]["prometheus"]["addServicesLabels"] is True
    assert static["metrics"]["prometheus"]["entryPoint"] == "internal"
    assert static["metrics"]["prometheus"]["addEntryPointsLabels"] is False


def test_the_garbage_collector_knows_the_memory_limit():
    def env(**traefik_values):
        return {
            e.pop("name"): e for e in traefik(render({"proxy": {"traefik": traefik_values}}))["env"]
        }

    limited = {"limits": {"memory": "1Gi"}}
    assert env() == {"GOGC": {"value": "400"}}
    reference = {"valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}}
    assert env(resources=limited)["GOMEMLIMIT"] == reference
    own = {"GOGC": "100", "GOMEMLIMIT": "900MiB"}
    expected = {name: {"value": value} for name, value in own.items()}
    assert env(resources=limited, extraEnv=own) == expected
    as_list = [{"name": name, "value": value} for name, value in own.items()]
    assert env(resources=limited, extraEnv=as_list) == expected


def test_labels_of_other_namespaces():
    policy = {"interNamespaceAccessLabels": "accept"}
    rendered = render({"proxy": {"traefik": {"networkPolicy": policy}}})
    rules = rendered.get("NetworkPolicy", "proxy")["spec"]["ingress"]
    (internal,) = [r for r in rules if {"port": "internal"} in r["ports"]]
    label = {"hub.jupyter.org/network-access-proxy-api": "true"}
    assert internal["from"] == [
        {"podSelector": {"matchLabels": label}, "namespaceSelector": {}},
        {"namespaceSelector": {"matchLabels": label}},
    ]


@pytest.mark.parametrize(
    ("flag", "peers"),
    [
        ("nonPrivateIPs", 1),
        ("privateIPs", 3),
        ("cloudMetadataServer", 1),
        ("dnsPortsPrivateIPs", 3),
        ("dnsPortsKubeSystemNamespace", 1),
        ("dnsPortsCloudMetadataServer", 1),
    ],
)
def test_egress_rules_are_switched_one_by_one(default, flag, peers):
    flags = default.get("NetworkPolicy", "proxy")["spec"]["egress"]
    names = (
        "cloudMetadataServer",
        "dnsPortsCloudMetadataServer",
        "dnsPortsKubeSystemNamespace",
        "dnsPortsPrivateIPs",
        "nonPrivateIPs",
        "privateIPs",
    )
    only = {"egressAllowRules": {name: name == flag for name in names}}
    rules = render({"proxy": {"traefik": {"networkPolicy": only}}}).get("NetworkPolicy", "proxy")
    # hub, users' servers, etcd, and the one that was asked for
    assert len(rules["spec"]["egress"]) == 4
    assert len(rules["spec"]["egress"][3]["to"]) == peers
    assert len(flags) == 7


def test_policies_can_be_turned_off():
    off = {"networkPolicy": {"enabled": False}}
    rendered = render({"proxy": {"traefik": off, "etcd": off}})
    assert not rendered.has("NetworkPolicy", "proxy")
    assert not rendered.has("NetworkPolicy", "proxy-etcd")
    assert not rendered.has("NetworkPolicy", "proxy-etcd-setup")


def test_dashboard(default):
    assert "dashboard" not in [port["name"] for port in traefik(default)["ports"]]
    assert "dashboard" not in default.secret("proxy-api-users")
    rendered = render({"proxy": {"traefik": {"dashboard": {"enabled": True, "port": 9001}}}})
    assert {"name": "dashboard", "containerPort": 9001} in traefik(rendered)["ports"]
    users = rendered.secret("proxy-api-users")
    assert users["dashboard"].startswith("admin:{SHA}")
    ports = rendered.get("Service", "proxy-replicas")["spec"]["ports"]
    assert {"name": "dashboard", "port": 9001, "targetPort": "dashboard"} in ports


def test_dashboard_with_a_secret_of_ones_own():
    values = {"proxy": {"traefik": {"dashboard": {"enabled": True, "existingSecret": "mine"}}}}
    rendered = render(values)
    assert "dashboard" not in rendered.secret("proxy-api-users")
    (volume,) = rendered.pod("Deployment", "proxy")["volumes"]
    sources = [s["secret"]["name"] for s in volume["projected"]["sources"] if "secret" in s]
    assert sources == ["proxy-api-users", "mine", "proxy-etcd-traefik"]


def test_traefik_never_gets_the_plain_password(default):
    (volume,) = default.pod("Deployment", "proxy")["volumes"]
    items = [
        item["key"]
        for source in volume["projected"]["sources"]
        for item in source.get("secret", {}).get("items", [])
    ]
    assert sorted(items) == ["ca.crt", "hub", "tls.crt", "tls.key"]


def test_a_replica_on_a_lost_node_is_given_up():
    def lost(values) -> dict[str, int]:
        pod = render({"proxy": {"traefik": values}}).pod("Deployment", "proxy")
        return {
            each["key"].removeprefix("node.kubernetes.io/"): each["tolerationSeconds"]
            for each in pod["tolerations"]
            if each.get("effect") == "NoExecute"
        }

    assert lost({}) == {"not-ready": 10, "unreachable": 10}
    assert lost({"nodeLostSeconds": 0}) == {"not-ready": 0, "unreachable": 0}
    assert lost({"nodeLostSeconds": None}) == {}


def test_extras():
    extra = {
        "labels": {"a": "b"},
        "extraEnv": {"PLAIN": "1", "FROM": {"valueFrom": {"fieldRef": {"fieldPath": "x"}}}},
        "extraVolumes": [{"name": "v", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "v", "mountPath": "/v"}],
        "extraInitContainers": [{"name": "i", "image": "i"}],
        "extraPorts": [{"name": "p", "containerPort": 1234}],
        "nodeSelector": {"c": "d"},
        "tolerations": [{"key": "t", "operator": "Exists"}],
        "affinity": {"podAffinity": {"x": 1}},
        "resources": {"limits": {"cpu": 1}},
        "extraPodSpec": {"dnsPolicy": "Default", "terminationGracePeriodSeconds": 5},
        "image": {"pullPolicy": "Always", "pullSecrets": ["s"]},
        "revisionHistoryLimit": 0,
    }
    rendered = render(
        {"proxy": {"traefik": extra, "labels": {"e": "f"}, "annotations": {"g": "h"}}}
    )
    pod, container = rendered.pod("Deployment", "proxy"), traefik(rendered)
    meta = proxy(rendered)["template"]["metadata"]
    assert {"a": "b", "e": "f"}.items() <= meta["labels"].items()
    assert meta["annotations"]["g"] == "h"
    assert container["env"] == [
        {"name": "GOGC", "value": "400"},
        {"name": "FROM", "valueFrom": {"fieldRef": {"fieldPath": "x"}}},
        {"name": "PLAIN", "value": "1"},
    ]
    assert {"name": "v", "emptyDir": {}} in pod["volumes"]
    assert {"name": "v", "mountPath": "/v"} in container["volumeMounts"]
    assert pod["initContainers"] == [{"name": "i", "image": "i"}]
    assert {"name": "p", "containerPort": 1234} in container["ports"]
    assert pod["nodeSelector"] == {"c": "d"}
    assert pod["tolerations"][-1] == {"key": "t", "operator": "Exists"}
    assert len(pod["tolerations"]) == 5
    assert set(pod["affinity"]) == {"nodeAffinity", "podAffinity"}
    assert container["resources"] == {"limits": {"cpu": 1}}
    assert (pod["dnsPolicy"], pod["terminationGracePeriodSeconds"]) == ("Default", 5)
    assert container["imagePullPolicy"] == "Always"
    assert pod["imagePullSecrets"] == [{"name": "s"}]
    assert proxy(rendered)["revisionHistoryLimit"] == 0


def test_priority_class():
    values = {"scheduling": {"podPriority": {"enabled": True}}}
    rendered = render(values)
    for kind, name in (("Deployment", "proxy"), ("StatefulSet", "proxy-etcd")):
        assert rendered.pod(kind, name)["priorityClassName"] == "hub-default-priority"


def test_images_of_a_mirror():
    rendered = render({"global": {"imageRegistry": "mirror.example.org/x"}})
    assert traefik(rendered)["image"] == "mirror.example.org/x/traefik:v3.7.15"
    (etcd,) = rendered.pod("StatefulSet", "proxy-etcd")["containers"]
    assert etcd["image"].startswith("mirror.example.org/x/coreos/etcd:v3.7.")


def test_a_digest_as_tag():
    digest = "sha256:" + "0" * 64
    rendered = render({"proxy": {"traefik": {"image": {"tag": digest}}}})
    assert traefik(rendered)["image"] == f"traefik@{digest}"


@pytest.mark.parametrize(
    ("values", "prefix"),
    [
        ({}, ""),
        ({"fullnameOverride": "x"}, "x-"),
        ({"fullnameOverride": None}, "hub-jupyterhub-"),
        ({"fullnameOverride": None, "nameOverride": "n"}, "hub-n-"),
        ({"fullnameOverride": None, "nameOverride": "hu"}, "hub-"),
    ],
)
def test_names(values, prefix):
    names = render(values).names()
    assert {
        ("Deployment", f"{prefix}hub"),
        ("Deployment", f"{prefix}proxy"),
        ("Service", f"{prefix}proxy-public"),
        ("StatefulSet", f"{prefix}proxy-etcd"),
        ("Secret", f"{prefix}proxy-api-users"),
    } <= set(names)


def test_restart_only_when_something_changed():
    secrets = {"proxy": {"traefik": {"api": {"password": "a-long-password"}}}}
    first, again = render(secrets), render(secrets)

    def checksums(rendered):
        annotations = dict(proxy(rendered)["template"]["metadata"]["annotations"])
        annotations.pop("checksum/certificate")  # drawn here; kept in a cluster
        return annotations

    assert checksums(first) == checksums(again)
    secrets["proxy"]["traefik"]["api"]["password"] = "another-password"
    assert checksums(render(secrets))["checksum/users"] != checksums(first)["checksum/users"]
    secrets["proxy"]["traefik"]["logLevel"] = "WARN"
    assert checksums(render(secrets))["checksum/static"] != checksums(first)["checksum/static"]


def test_unknown_keys_are_refused_by_the_schema():
    with pytest.raises(RenderError, match="additional properties 'replica' not allowed"):
        render({"proxy": {"traefik": {"replica": 3}}})


def test_as_a_subchart(tmp_path):
    """A parent chart passes `global`, with keys of its own, and may use `enabled`."""
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts/jupyterhub-ha").symlink_to(CHART)
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: parent\nversion: 1.0.0\n")
    (tmp_path / "values.yaml").write_text(
        "global: {mine: 1}\njupyterhub-ha: {enabled: true, proxy: {etcd: {replicas: 1}}}\n"
    )
    rendered = render({}, chart=tmp_path)
    assert rendered.get("StatefulSet", "proxy-etcd")["spec"]["replicas"] == 1
