"""What stands around the hub's pod: volume, service, rights, policies, ingress, pull secret."""

import json

import pytest
from tests.support.chart import render


@pytest.fixture(scope="module")
def default():
    return render()


def test_volume():
    pvc = {
        "annotations": {"a": "b"},
        "selector": {"matchLabels": {"c": "d"}},
        "accessModes": ["ReadWriteMany"],
        "storage": "5Gi",
        "storageClassName": "",
    }
    made = render({"hub": {"db": {"pvc": pvc}}}).get("PersistentVolumeClaim", "hub-db-dir")
    assert made["metadata"]["annotations"] == {"a": "b"}
    assert made["spec"] == {
        "selector": {"matchLabels": {"c": "d"}},
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "5Gi"}},
        "storageClassName": "",
    }


def test_the_default_storage_class_is_the_clusters(default):
    assert "storageClassName" not in default.get("PersistentVolumeClaim", "hub-db-dir")["spec"]


def test_no_volume_for_another_database():
    rendered = render({"hub": {"db": {"type": "sqlite-memory"}}})
    assert not rendered.has("PersistentVolumeClaim", "hub-db-dir")
    assert "pvc" not in [v["name"] for v in rendered.pod("Deployment", "hub")["volumes"]]


def test_a_folder_of_the_volume():
    pod = render({"hub": {"db": {"pvc": {"subPath": "sub"}}}}).pod("Deployment", "hub")
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "pvc"]
    assert mount["subPath"] == "sub"


def test_service(default):
    service = default.get("Service", "hub")
    assert service["spec"]["selector"] == {
        "app": "jupyterhub",
        "component": "hub",
        "release": "hub",
    }
    assert service["spec"]["ports"] == [{"name": "hub", "port": 8081, "targetPort": "http"}]
    assert service["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/path": "/hub/metrics",
        "prometheus.io/port": "8081",
    }


def test_service_options():
    options = {
        "type": "NodePort",
        "annotations": {"prometheus.io/scrape": "false", "x": "y"},
        "ports": {"nodePort": 30000, "appProtocol": "http"},
        "extraPorts": [{"name": "more", "port": 1}],
        "loadBalancerIP": "192.0.2.1",
        "ipFamilyPolicy": "SingleStack",
        "ipFamilies": ["IPv6"],
    }
    service = render({"hub": {"service": options, "baseUrl": "/j/"}}).get("Service", "hub")
    annotations = service["metadata"]["annotations"]
    assert annotations["prometheus.io/scrape"] == "false"
    assert annotations["prometheus.io/path"] == "/j/hub/metrics"
    assert annotations["x"] == "y"
    spec = service["spec"]
    assert spec["type"] == "NodePort"
    assert spec["ports"][0]["nodePort"] == 30000
    assert spec["ports"][0]["appProtocol"] == "http"
    assert spec["ports"][1] == {"name": "more", "port": 1}
    assert spec["loadBalancerIP"] == "192.0.2.1"
    assert spec["ipFamilyPolicy"] == "SingleStack"
    assert spec["ipFamilies"] == ["IPv6"]


def rights(values=None):
    """Resource to verbs."""
    rules = render(values).get("Role", "hub")["rules"]
    return {resource: set(rule["verbs"]) for rule in rules for resource in rule["resources"]}


LEAST = {
    "pods": {"list", "watch", "create", "delete"},
    "persistentvolumeclaims": {"get", "create", "delete"},
    "events": {"list", "watch"},
}
ON_DEMAND = {"get", "create", "delete"}


@pytest.mark.parametrize(
    ("config", "more"),
    [
        ({}, {}),
        ({"KubeSpawner": {"services_enabled": True}}, {"services": ON_DEMAND}),
        (
            {"JupyterHub": {"internal_ssl": True}},
            {"services": ON_DEMAND, "secrets": ON_DEMAND},
        ),
    ],
)
def test_the_hub_has_the_rights_that_its_spawner_needs(config, more):
    assert rights({"hub": {"config": config}, "proxy": {"kind": "chp"}}) == LEAST | more


def test_more_rights_on_demand():
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}
    assert rights({"rbac": {"extraRules": [rule]}}) == LEAST | {"configmaps": {"get"}}


def test_the_role_is_bound_to_the_hubs_account(default):
    binding = default.get("RoleBinding", "hub")
    assert binding["roleRef"] == {
        "kind": "Role",
        "name": "hub",
        "apiGroup": "rbac.authorization.k8s.io",
    }
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "hub", "namespace": "default"}
    ]
    assert default.has("ServiceAccount", "hub")


def test_accounts_and_rights_of_ones_own():
    own = {"create": False, "name": "own"}
    rendered = render({"hub": {"serviceAccount": own}, "rbac": {"create": False}})
    for kind in ("ServiceAccount", "Role", "RoleBinding"):
        assert not rendered.has(kind, "hub")


def test_account_annotations():
    account = {"annotations": {"iam": "role"}, "name": "named"}
    rendered = render({"hub": {"serviceAccount": account}})
    assert rendered.get("ServiceAccount", "named")["metadata"]["annotations"] == {"iam": "role"}


def test_budget():
    assert not render().has("PodDisruptionBudget", "hub")
    pdb = {"enabled": True, "minAvailable": None, "maxUnavailable": 0}
    spec = render({"hub": {"pdb": pdb}}).get("PodDisruptionBudget", "hub")["spec"]
    assert spec["maxUnavailable"] == 0
    assert "minAvailable" not in spec


def peers(rule, direction):
    """The component labels that a rule names."""
    selectors = [peer.get("podSelector", {}) for peer in rule.get(direction, [])]
    return {s["matchLabels"].get("component") for s in selectors if "matchLabels" in s}


def open_ports(policy):
    """Component to ports that may be reached."""
    return {
        component: {port["port"] for port in rule["ports"]}
        for rule in policy["spec"]["egress"]
        for component in peers(rule, "to")
    }


def test_whom_the_hub_may_reach(default):
    assert open_ports(default.get("NetworkPolicy", "hub")) == {
        "proxy": {8080},
        "proxy-etcd": {2379},
        "singleuser-server": {8888},
    }
    chp = render({"proxy": {"kind": "chp"}}).get("NetworkPolicy", "hub")
    assert open_ports(chp) == {"proxy": {8001}, "singleuser-server": {8888}}


def test_whom_users_pods_may_reach(default):
    policy = default.get("NetworkPolicy", "singleuser")
    assert policy["spec"]["podSelector"]["matchLabels"]["component"] == "singleuser-server"
    assert open_ports(policy) == {"hub": {8081}, "proxy": {8000}}
    blocks = [
        peer["ipBlock"]
        for rule in policy["spec"]["egress"]
        if "ports" not in rule
        for peer in rule["to"]
    ]
    (anywhere,) = blocks
    assert anywhere["cidr"] == "0.0.0.0/0"
    assert {"10.0.0.0/8", "169.254.169.254/32"} <= set(anywhere["except"])


@pytest.mark.parametrize(("policy", "port"), [("hub", "http"), ("singleuser", "notebook-port")])
def test_who_may_reach_them(default, policy, port):
    label = f"hub.jupyter.org/network-access-{policy}"
    (rule,) = default.get("NetworkPolicy", policy)["spec"]["ingress"]
    assert rule == {
        "ports": [{"port": port}],
        "from": [{"podSelector": {"matchLabels": {label: "true"}}}],
    }
    # The proxy's pods carry the label.
    proxy = default.get("Deployment", "proxy")["spec"]["template"]["metadata"]["labels"]
    assert proxy[label] == "true"


@pytest.mark.parametrize("policy", ["hub", "singleuser"])
def test_policy_options(policy):
    options = {
        "ingress": [{"from": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}],
        "egress": [{"to": [{"ipBlock": {"cidr": "198.51.100.0/24"}}]}],
        "interNamespaceAccessLabels": "accept",
        "allowedIngressPorts": [1234],
        "egressAllowRules": {"cloudMetadataServer": policy == "hub", "nonPrivateIPs": False},
    }
    spec = render({policy: {"networkPolicy": options}}).get("NetworkPolicy", policy)["spec"]
    assert {"ports": [{"port": 1234}]} in spec["ingress"]
    assert options["ingress"][0] in spec["ingress"]
    assert options["egress"][0] in spec["egress"]
    assert "namespaceSelector" in json.dumps(spec["ingress"])
    assert "0.0.0.0/0" not in json.dumps(spec)


@pytest.mark.parametrize("policy", ["hub", "singleuser"])
def test_policies_can_be_turned_off(policy):
    rendered = render({policy: {"networkPolicy": {"enabled": False}}})
    assert not rendered.has("NetworkPolicy", policy)


def test_ingress():
    path = {"path": "/x", "pathType": "Exact", "backend": {"service": {"name": "s"}}}
    ingress = {
        "enabled": True,
        "annotations": {"a": "b"},
        "ingressClassName": "nginx",
        "hosts": ["one.example", "two.example"],
        "pathSuffix": "*",
        "pathType": "ImplementationSpecific",
        "tls": [{"hosts": ["one.example"], "secretName": "tls"}],
        "extraPaths": [path],
    }
    made = render({"ingress": ingress, "hub": {"baseUrl": "/j/"}}).get("Ingress", "jupyterhub")
    assert made["metadata"]["annotations"] == {"a": "b"}
    spec = made["spec"]
    assert spec["ingressClassName"] == "nginx"
    assert spec["tls"] == ingress["tls"]
    assert [rule["host"] for rule in spec["rules"]] == ["one.example", "two.example"]
    assert spec["rules"][0]["http"]["paths"] == [
        {
            "path": "/j/*",
            "pathType": "ImplementationSpecific",
            "backend": {"service": {"name": "proxy-public", "port": {"name": "http"}}},
        },
        path,
    ]


def test_ingress_for_every_host():
    rules = render({"ingress": {"enabled": True}}).get("Ingress", "jupyterhub")["spec"]["rules"]
    (rule,) = rules
    assert "host" not in rule
    assert rule["http"]["paths"][0]["path"] == "/"


def test_no_ingress_by_default(default):
    assert not default.has("Ingress", "jupyterhub")


@pytest.mark.parametrize("email", [None, "a@b.example"])
def test_pull_secret(email):
    given = {"create": True, "registry": "quay.io", "username": "u", "password": "p:w"}
    rendered = render({"imagePullSecret": given | {"email": email}})
    login = json.loads(rendered.secret("image-pull-secret")[".dockerconfigjson"])["auths"]
    expected = {"username": "u", "password": "p:w", "auth": "dTpwOnc="}
    assert login == {"quay.io": expected | ({"email": email} if email else {})}
    made = rendered.get("Secret", "image-pull-secret")
    assert made["type"] == "kubernetes.io/dockerconfigjson"
    pod = rendered.pod("Deployment", "hub")
    assert pod["imagePullSecrets"] == [{"name": "image-pull-secret"}]


def test_a_pull_secret_that_is_not_used_by_itself():
    given = {"create": True, "registry": "quay.io", "username": "u", "password": "p"}
    rendered = render({"imagePullSecret": given | {"automaticReferenceInjection": False}})
    assert rendered.has("Secret", "image-pull-secret")
    assert "imagePullSecrets" not in rendered.pod("Deployment", "hub")


def test_priority():
    assert "priorityClassName" not in render().pod("Deployment", "hub")
    given = {"enabled": True, "globalDefault": True, "defaultPriority": 7}
    rendered = render({"scheduling": {"podPriority": given}}, release="rel")
    made = rendered.get("PriorityClass", "rel-default-priority")
    assert (made["value"], made["globalDefault"]) == (7, True)
    for workload in ("hub", "proxy"):
        pod = rendered.pod("Deployment", workload)
        assert pod["priorityClassName"] == "rel-default-priority"


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [("require", "required"), ("prefer", "preferred"), ("ignore", None)],
)
def test_nodes_for_core_pods(purpose, expected):
    core = {"nodeAffinity": {"matchNodePurpose": purpose}, "tolerations": [{"key": "core"}]}
    pod = render({"scheduling": {"corePods": core}}).pod("Deployment", "hub")
    assert pod["tolerations"] == [{"key": "core"}]
    if expected is None:
        assert "affinity" not in pod
    else:
        (term,) = pod["affinity"]["nodeAffinity"]
        assert term.startswith(expected)
