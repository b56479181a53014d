"""Shared notebooks in the chart: the service's pod, and what the hub gets to know of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from tests.chart.test_hub_values_used import SCHEMA, another, leaves, nested
from tests.chart.test_tmpnb import LEAST
from tests.support.chart import CHART, Rendered, RenderError, render
from traitlets.config import Config

from jupyterhub_ha.configure_hub import configure_services
from jupyterhub_ha.configure_tmpnb import SHARE_PORT, configure_tmpnb
from jupyterhub_ha.values import Mounts, Values, merge
from proxy_gen.mounts import Objects, write_mounts

SHARING = merge(LEAST, {"tmpnb": {"share": {"enabled": True}}})
BUCKET = {"endpoint": "https://s3.example.org", "bucket": "mine", "existingSecret": "my-key"}
IN_BUCKET = merge(SHARING, {"tmpnb": {"share": {"storage": {"type": "s3", "s3": BUCKET}}}})
FOLDER = CHART / "files/share/jupyterhub_ha_share"
OPTIONS = leaves(SCHEMA["properties"]["tmpnb"]["properties"]["share"], "tmpnb.share")
SAMPLES = {
    "tmpnb.share.enabled": False,
    # A tag without a name is refused, as is a name without a tag.
    "tmpnb.share.image": {"name": "a/b", "tag": "c"},
    "tmpnb.share.storage.accessModes": ["ReadWriteMany"],
    "tmpnb.share.networkPolicy.enabled": False,
    "tmpnb.share.storage.s3.endpoint": "https://other.example.org",
}


def sharing(**share: Any) -> dict[str, Any]:
    return merge(SHARING, {"tmpnb": {"share": share}})


def container(rendered: Rendered) -> dict[str, Any]:
    (found,) = rendered.pod("Deployment", "share")["containers"]
    return dict(found)


def visible(values: dict[str, Any]) -> Any:
    try:
        rendered = render(values)
    except RenderError as error:
        return f"refused: {error}"
    # These follow from all values.
    del rendered.get("Deployment", "hub")["spec"]["template"]["metadata"]["annotations"]
    del rendered.get("Secret", "hub")["data"]
    return rendered.objects


@pytest.fixture(scope="module")
def by_default() -> Any:
    return visible(SHARING)


@pytest.mark.parametrize("path", sorted(OPTIONS))
def test_every_option_changes_what_is_made(path: str, by_default: Any) -> None:
    schema = OPTIONS[path]
    value = SAMPLES.get(path)
    if value is None:
        value = another(path, schema, schema.get("default"))
    if path.startswith("tmpnb.share.storage.s3."):
        assert visible(merge(IN_BUCKET, nested(path, value))) != visible(IN_BUCKET)
    else:
        assert visible(merge(SHARING, nested(path, value))) != by_default


def test_without_the_switch_there_is_nothing_of_it() -> None:
    rendered = render(LEAST)
    assert not [made for made in rendered.objects if "share" in made["metadata"]["name"]]
    assert not render({"tmpnb": {"share": {"enabled": True}}}).has("Deployment", "share")


def test_the_pod_has_the_whole_service_and_starts_it() -> None:
    rendered = render(SHARING)
    files = {file.name for file in FOLDER.iterdir() if file.suffix in {".py", ".js", ".css"}}
    data = rendered.get("ConfigMap", "share-package")["data"]
    assert set(data) == files
    assert all(data[name] == (FOLDER / name).read_text() for name in files)
    mounts = {mount["name"]: mount["mountPath"] for mount in container(rendered)["volumeMounts"]}
    env = {one["name"]: one.get("value") for one in container(rendered)["env"]}
    assert mounts["package"] == f"{env['PYTHONPATH']}/jupyterhub_ha_share"
    words = [*container(rendered)["command"], *container(rendered)["args"]]
    assert f"--storage={mounts['shared']}" in words
    assert words[:3] == ["python3", "-m", "jupyterhub_ha_share"]
    # The service itself understands all of them, and gives up at the missing token.
    done = subprocess.run(
        [sys.executable, *words[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={"PYTHONPATH": str(FOLDER.parent)},
    )
    assert done.stderr == "JUPYTERHUB_API_TOKEN: is empty; give it the service's token\n"


def test_the_pod_fits_the_restricted_standard_and_has_no_right() -> None:
    spec = render(SHARING).pod("Deployment", "share")
    assert spec["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in spec
    assert spec["securityContext"]["runAsNonRoot"] is True
    context = container(render(SHARING))["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False


def test_the_image_is_the_users_unless_another_one_is_named() -> None:
    values = merge(SHARING, {"singleuser": {"image": {"name": "a/user", "tag": "1"}}})
    assert container(render(values))["image"] == "a/user:1"
    values = merge(values, {"tmpnb": {"share": {"image": {"name": "a/share", "tag": "2"}}}})
    assert container(render(values))["image"] == "a/share:2"


def test_a_claim_of_ones_own_is_used_and_none_is_made() -> None:
    rendered = render(sharing(storage={"existingClaim": "mine"}))
    assert not rendered.has("PersistentVolumeClaim", "share")
    volumes = {one["name"]: one for one in rendered.pod("Deployment", "share")["volumes"]}
    assert volumes["shared"]["persistentVolumeClaim"] == {"claimName": "mine"}


def test_a_bucket_instead_of_a_volume() -> None:
    rendered = render(IN_BUCKET)
    assert not rendered.has("PersistentVolumeClaim", "share")
    assert "shared" not in {one["name"] for one in rendered.pod("Deployment", "share")["volumes"]}
    assert "shared" not in {one["name"] for one in container(rendered)["volumeMounts"]}
    words = [*container(rendered)["command"], *container(rendered)["args"]]
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    env = {one["name"]: one for one in container(rendered)["env"]}
    for key in keys:
        assert env[key]["valueFrom"]["secretKeyRef"] == {"name": "my-key", "key": key}
    # The service itself takes all that; nobody answers at that address.
    given = {
        "PYTHONPATH": str(FOLDER.parent),
        "JUPYTERHUB_API_TOKEN": "x",
        **dict.fromkeys(keys, "x"),
    }
    words = [word.replace("https://s3.example.org", "http://127.0.0.1:9") for word in words]
    done = subprocess.run(
        [sys.executable, *words[1:]],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env=given,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("--storage the storage at http://127.0.0.1:9 does not answer: ")


@pytest.mark.parametrize(
    ("endpoint", "port"),
    [("https://a.example", 443), ("http://a.example", 80), ("http://minio.s3:9000", 9000)],
)
def test_the_service_reaches_the_port_of_the_store(endpoint: str, port: int) -> None:
    storage = {"storage": {"s3": {"endpoint": endpoint}}}
    policy = render(merge(IN_BUCKET, {"tmpnb": {"share": storage}})).get("NetworkPolicy", "share")
    (rule,) = [rule for rule in policy["spec"]["egress"] if "ipBlock" in rule["to"][0]][:1]
    assert rule["ports"] == [{"port": port}]
    assert rule["to"] == [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]


@pytest.mark.parametrize("base", ["/", "/jupyter", "/a/b/"])
def test_hub_and_service_mean_the_same_address_and_token(base: str, tmp_path: Any) -> None:
    rendered = render(merge(SHARING, {"hub": {"baseUrl": base}, "fullnameOverride": "demo"}))
    objects = Objects(rendered.objects)
    write_mounts(objects, objects.find("Deployment", "hub"), tmp_path)
    values = Values.load(Mounts(tmp_path / "usr/local/etc/jupyterhub"))
    c = Config()
    configure_services(c, values)
    configure_tmpnb(c, values)
    (service,) = [one for one in c.JupyterHub.services if one["name"] == "share"]
    (port,) = rendered.get("Service", "demo-share")["spec"]["ports"]
    assert service["url"] == f"http://demo-share:{port['port']}"
    assert port["port"] == SHARE_PORT
    assert service["oauth_no_confirm"] is True

    (found,) = rendered.pod("Deployment", "demo-share")["containers"]
    env = {one["name"]: one for one in found["env"]}
    slash = base.rstrip("/") + "/"
    assert env["JUPYTERHUB_BASE_URL"]["value"] == slash
    assert env["JUPYTERHUB_SERVICE_PREFIX"]["value"] == f"{slash}services/share/"
    assert c.TemporaryAuthenticator.share_path == f"{slash}services/share/"
    assert env["JUPYTERHUB_API_URL"]["value"] == f"http://demo-hub:8081{slash}hub/api"
    reference = env["JUPYTERHUB_API_TOKEN"]["valueFrom"]["secretKeyRef"]
    token = (tmp_path / "usr/local/etc/jupyterhub/secret" / reference["key"]).read_text()
    assert service["api_token"] == token
    assert reference["name"] == "demo-hub"


def test_a_visitor_may_come_to_it_and_it_may_do_nothing() -> None:
    c = Config()
    c.JupyterHub.services = [{"name": "share", "url": "http://x", "api_token": "y"}]
    configure_tmpnb(c, Values(SHARING))
    roles = {role["name"]: role for role in c.JupyterHub.load_roles}
    assert "access:services!service=share" in roles["user"]["scopes"]
    assert "access:services!service=share" not in roles["server"]["scopes"]
    assert not [role for role in roles.values() if "share" in role.get("services", [])]


def test_the_package_is_small_enough_for_an_apply() -> None:
    data = render(SHARING).get("ConfigMap", "share-package")["data"]
    assert len(json.dumps(data).encode()) < 240 * 1024
