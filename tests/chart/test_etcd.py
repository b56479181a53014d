"""etcd's StatefulSet, its set-up and maintenance."""

import pytest
from tests.support.chart import RenderError, render, render_upgrade

from jupyterhub_ha.etcd_membership import parse_cluster
from jupyterhub_ha.etcd_root import MEMBERS


@pytest.fixture(scope="module")
def default():
    return render()


def etcd(**values):
    return render({"proxy": {"etcd": values}})


def member(rendered):
    (container,) = rendered.pod("StatefulSet", "proxy-etcd")["containers"]
    return container


def before(rendered):
    (container,) = rendered.pod("StatefulSet", "proxy-etcd")["initContainers"]
    return container


def options(rendered):
    words = before(rendered)["args"]
    pairs = [word.removeprefix("--").partition("=") for word in words[words.index("--") + 1 :]]
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("replicas", [1, 3, 5])
def test_every_member_is_named(replicas):
    rendered = etcd(replicas=replicas)
    assert rendered.get("StatefulSet", "proxy-etcd")["spec"]["replicas"] == replicas
    members = rendered.get("ConfigMap", "proxy-etcd")["data"]["members"]
    assert parse_cluster(members) == {
        f"proxy-etcd-{i}": f"https://proxy-etcd-{i}.proxy-etcd:2380" for i in range(replicas)
    }
    (container,) = setup(rendered)["spec"]["template"]["spec"]["containers"]
    source = {"configMapKeyRef": {"name": "proxy-etcd", "key": "members"}}
    for reader in (before(rendered), container):
        assert {"name": MEMBERS, "valueFrom": source} in reader["env"]


def test_another_number_of_members_changes_no_pod_that_is_there():
    secrets = {
        who: {"crt": "PEM", "key": "PEM"} for who in ("server", "hub", "root", "traefik", "ca")
    }
    passwords = {"rootPassword": "a-root-password", "hubPassword": "a-hub-password"}
    pods, jobs = [], []
    for replicas in (1, 3, 5):
        rendered = etcd(replicas=replicas, tls=secrets, auth=passwords)
        pods.append(rendered.get("StatefulSet", "proxy-etcd")["spec"]["template"])
        jobs.append(setup(rendered)["metadata"]["name"])
    assert pods[0] == pods[1] == pods[2]
    # The set-up runs again, since it promotes and removes members.
    assert len(set(jobs)) == 3


def test_members_start_together_and_find_each_other_before_they_are_ready(default):
    assert default.get("StatefulSet", "proxy-etcd")["spec"]["podManagementPolicy"] == "Parallel"
    service = default.get("Service", "proxy-etcd")["spec"]
    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"] is True
    ports = {port["name"]: port["port"] for port in service["ports"]}
    assert ports == {"client": 2379, "peer": 2380, "health": 2381}


def test_only_certificates_get_in(default):
    found = options(default)
    assert found["client-cert-auth"] == found["peer-client-cert-auth"] == "true"
    assert found["peer-cert-allowed-hostname"] == "proxy-etcd"
    assert found["listen-client-urls"].startswith("https://")
    assert found["listen-peer-urls"].startswith("https://")


def test_command_line_takes_values_and_extra_arguments():
    rendered = etcd(
        quotaBackendBytes=2147483648,
        maxTxnOps=10000,
        autoCompaction={"mode": "revision", "retention": 1000},
        extraArgs={"grpc-keepalive-min-time": "5s", "enable-pprof": True, "snapshot-count": 5000},
    )
    found = options(rendered)
    assert found["quota-backend-bytes"] == "2147483648"
    assert found["max-txn-ops"] == "10000"
    assert found["auto-compaction-retention"] == "1000"
    assert found["grpc-keepalive-min-time"] == "5s"
    assert found["enable-pprof"] == "true"
    assert found["snapshot-count"] == "5000"
    names = list(found)
    assert names == sorted(names)


def test_no_shell(default):
    """The image has none: a file tells etcd what was found out before."""
    assert member(default)["command"] == ["/usr/local/bin/etcd"]
    assert member(default)["args"] == ["--config-file=/run/etcd/etcd.json"]
    assert "--config-file=/run/etcd/etcd.json" in before(default)["args"]
    (volume,) = [
        m["name"] for m in before(default)["volumeMounts"] if m["mountPath"] == "/run/etcd"
    ]
    assert {"name": volume, "emptyDir": {}} in default.pod("StatefulSet", "proxy-etcd")["volumes"]


def test_before_etcd_runs_the_hubs_image_as_root_of_etcd(default):
    pod = default.pod("StatefulSet", "proxy-etcd")
    container = before(default)
    (hub,) = default.pod("Deployment", "hub")["containers"]
    assert container["image"] == hub["image"]
    assert container["command"] == ["python3", "-m", "jupyterhub_ha.etcd_member"]
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == member(default)["securityContext"]
    reference = {"name": "proxy-etcd-root", "key": "password"}
    password = {"valueFrom": {"secretKeyRef": reference}}
    assert {"name": "JUPYTERHUB_HA_ETCD_ROOT_PASSWORD", **password} in container["env"]
    # Only what it writes is not read-only, and etcd itself gets nothing of root's.
    assert [m["name"] for m in container["volumeMounts"] if not m.get("readOnly")] == ["config"]
    assert "root" not in [m["name"] for m in member(default)["volumeMounts"]]


def test_pull_secrets_of_both_images():
    rendered = render(
        {
            "hub": {"image": {"pullSecrets": ["for-the-hub"]}},
            "proxy": {"etcd": {"image": {"pullSecrets": ["for-etcd"]}}},
        }
    )
    found = rendered.pod("StatefulSet", "proxy-etcd")["imagePullSecrets"]
    assert found == [{"name": "for-etcd"}, {"name": "for-the-hub"}]


def test_probes_need_no_certificate(default):
    container = member(default)
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "health"}
    assert container["startupProbe"]["httpGet"] == {"path": "/livez", "port": "health"}


def test_volumes(default):
    spec = default.get("StatefulSet", "proxy-etcd")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    assert spec["persistentVolumeClaimRetentionPolicy"] == {
        "whenDeleted": "Delete",
        "whenScaled": "Delete",
    }
    other = etcd(storage={"storageClassName": "fast", "size": "4Gi", "whenDeleted": "Retain"})
    spec = other.get("StatefulSet", "proxy-etcd")["spec"]
    assert spec["volumeClaimTemplates"][0]["spec"]["storageClassName"] == "fast"
    assert spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"


def test_memory():
    rendered = etcd(replicas=1, storage={"type": "memory", "size": "64Mi"})
    volumes = rendered.pod("StatefulSet", "proxy-etcd")["volumes"]
    assert {"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}} in volumes
    assert "volumeClaimTemplates" not in rendered.get("StatefulSet", "proxy-etcd")["spec"]
    schedule = rendered.get("CronJob", "proxy-etcd-setup-repeat")["spec"]["schedule"]
    assert schedule == "*/5 * * * *"


def test_budget_keeps_the_majority(default):
    assert default.get("PodDisruptionBudget", "proxy-etcd")["spec"]["maxUnavailable"] == 1


def test_who_reaches_etcd(default):
    rules = default.get("NetworkPolicy", "proxy-etcd")["spec"]["ingress"]
    components = {}
    for rule in rules:
        (port,) = rule["ports"]
        for peer in rule["from"]:
            labels = peer["podSelector"]["matchLabels"]
            components.setdefault(port["port"], []).append(labels.get("component", "labelled"))
    assert components == {
        "client": ["hub", "proxy", "proxy-etcd-setup", "proxy-etcd", "labelled"],
        "peer": ["proxy-etcd"],
        "health": ["hub-test"],
    }


def setup(rendered):
    (job,) = [o for o in rendered.objects if o["kind"] == "Job"]
    return job


def test_the_set_up_job_is_new_when_it_changes():
    secrets = {"auth": {"rootPassword": "a-root-password", "hubPassword": "a-hub-password"}}
    pairs = ("server", "hub", "root", "traefik", "ca")
    secrets["tls"] = {who: {"crt": "PEM", "key": "PEM"} for who in pairs}
    first, again = setup(etcd(**secrets)), setup(etcd(**secrets))
    assert first == again
    name = first["metadata"]["name"]
    assert name.startswith("proxy-etcd-setup-")
    secrets["auth"]["hubPassword"] = "another-password"
    assert setup(etcd(**secrets))["metadata"]["name"] != name


def test_the_set_up_runs_in_the_hubs_image_as_root_of_etcd(default):
    pod = setup(default)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (hub,) = default.pod("Deployment", "hub")["containers"]
    assert container["image"] == hub["image"]
    assert container["command"] == ["python3", "-m", "jupyterhub_ha.etcd_setup"]
    assert "--cert-file=/etc/etcd/tls/tls.crt" in container["args"]
    assert container["args"][-3:] == [f"https://proxy-etcd-{i}.proxy-etcd:2379" for i in range(3)]
    secrets = {
        e["name"]: e["valueFrom"]["secretKeyRef"]
        for e in container["env"]
        if "secretKeyRef" in e.get("valueFrom", {})
    }
    assert secrets == {
        "JUPYTERHUB_HA_ETCD_ROOT_PASSWORD": {"name": "proxy-etcd-root", "key": "password"},
        "JUPYTERHUB_HA_ETCD_HUB_PASSWORD": {"name": "proxy-etcd-hub", "key": "password"},
    }
    assert pod["automountServiceAccountToken"] is False


def test_maintenance_defragments(default):
    spec = default.get("CronJob", "proxy-etcd-maintenance")["spec"]
    (container,) = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert "--defragment" in container["args"]
    assert spec["concurrencyPolicy"] == "Forbid"
    (container,) = setup(default)["spec"]["template"]["spec"]["containers"]
    assert "--defragment" not in container["args"]
    assert not etcd(maintenance={"enabled": False}).has("CronJob", "proxy-etcd-maintenance")
    other = etcd(maintenance={"schedule": "0 0 * * *"})
    assert other.get("CronJob", "proxy-etcd-maintenance")["spec"]["schedule"] == "0 0 * * *"


def test_the_set_up_is_repeated(default):
    """An etcd that lost its data has no users until then."""
    spec = default.get("CronJob", "proxy-etcd-setup-repeat")["spec"]
    assert spec["schedule"] == "47 * * * *"
    assert spec["concurrencyPolicy"] == "Forbid"
    repeated = spec["jobTemplate"]["spec"]["template"]
    once = setup(default)["spec"]["template"]
    assert repeated["spec"]["containers"] == once["spec"]["containers"]
    assert repeated["metadata"]["labels"] == once["metadata"]["labels"]
    off = etcd(setup={"repeat": {"enabled": False}})
    assert not off.has("CronJob", "proxy-etcd-setup-repeat")
    other = etcd(setup={"repeat": {"schedule": "@daily"}})
    assert other.get("CronJob", "proxy-etcd-setup-repeat")["spec"]["schedule"] == "@daily"


def test_the_authority_is_mounted_nowhere(default):
    assert '"proxy-etcd-ca"' not in str(
        [o.get("spec") for o in default.objects if o["kind"] != "Secret"]
    ).replace("'", '"')
    assert sorted(default.secret("proxy-etcd-ca")) == ["ca.crt", "ca.key"]


def test_ones_own_etcd():
    rendered = etcd(
        enabled=False,
        endpoints=["https://a.example.org:2379", "https://b.example.org:2379/"],
        existingSecret={"hub": "for-the-hub", "traefik": "for-traefik"},
    )
    assert not [name for _, name in rendered.names() if name.startswith("proxy-etcd")]
    hub = {v["name"]: v for v in rendered.pod("Deployment", "hub")["volumes"]}
    assert hub["etcd"]["secret"]["secretName"] == "for-the-hub"
    (volume,) = rendered.pod("Deployment", "proxy")["volumes"]
    names = [s["secret"]["name"] for s in volume["projected"]["sources"] if "secret" in s]
    assert names == ["proxy-api-users", "for-traefik"]
    names = rendered.get("ConfigMap", "hub")["data"]["proxy-etcd-endpoints"]
    assert names.split() == ["https://a.example.org:2379", "https://b.example.org:2379/"]
    text = rendered.get("ConfigMap", "proxy")["data"]["traefik.toml"]
    assert 'endpoints = ["a.example.org:2379", "b.example.org:2379"]' in text


def test_ones_own_etcd_without_tls():
    rendered = etcd(enabled=False, endpoints=["http://a.example.org:2379"])
    text = rendered.get("ConfigMap", "proxy")["data"]["traefik.toml"]
    assert "providers.etcd.tls" not in text
    assert "etcd" not in [v["name"] for v in rendered.pod("Deployment", "hub")["volumes"]]


@pytest.mark.parametrize(
    ("storage", "kept"),
    [
        ({}, False),
        ({"whenDeleted": "Retain"}, True),
        ({"whenDeleted": "Retain", "type": "memory"}, False),
    ],
)
def test_secrets_stay_as_long_as_the_volumes_that_know_them(storage, kept):
    rendered = render({"proxy": {"etcd": {"replicas": 1, "storage": storage}}})
    for who in ("ca", "server", "hub", "root", "traefik"):
        annotations = rendered.get("Secret", f"proxy-etcd-{who}")["metadata"].get("annotations", {})
        assert (annotations.get("helm.sh/resource-policy") == "keep") is kept


def test_the_root_password_stays_the_one_that_etcd_has():
    """Another one would be in the Secret only, and the former one nowhere."""
    secrets = {"proxy-etcd-root": {"password": "the-former-password"}}
    with pytest.raises(RenderError, match=r"proxy\.etcd\.auth\.rootPassword: is not the one"):
        render_upgrade({"proxy": {"etcd": {"auth": {"rootPassword": "another-password"}}}}, secrets)
    same = {"proxy": {"etcd": {"auth": {"rootPassword": "the-former-password"}}}}
    kept = render_upgrade(same, secrets).secret("proxy-etcd-root")
    assert kept["password"] == "the-former-password"
