"""What `proxy-gen status` looks for is what the chart makes and what etcd and Traefik answer."""

from __future__ import annotations

import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.chart import Rendered, render
from tests.support.proxies import TraefikEtcdSystem
from tests.support.traefik import API_PASSWORD, API_USERNAME

from proxy_gen.status import answers, look, objects
from proxy_gen.status.facts import CHP, IN_PROCESS, TRAEFIK, Table

ETCD_KINDS = {"ca", "server", "hub", "root", "traefik"}


@pytest.fixture(scope="module")
def default() -> Rendered:
    return render({})


def workloads(rendered: Rendered) -> list[Any]:
    return objects.read({"items": rendered.objects})[0]


def ports(rendered: Rendered, kind: str, name: str) -> set[int]:
    pod = rendered.pod(kind, name)
    return {port["containerPort"] for one in pod["containers"] for port in one["ports"]}


def secrets(rendered: Rendered, component: str) -> list[dict[str, Any]]:
    """Those that the labels find by which status asks."""
    labels = {"release": "hub", "component": component}
    return [
        one
        for one in rendered.objects
        if one["kind"] == "Secret" and labels.items() <= one["metadata"]["labels"].items()
    ]


@pytest.mark.parametrize(
    ("kind", "components"),
    [
        (TRAEFIK, {"hub": 1, "proxy": 2, "proxy-etcd": 3}),
        (CHP, {"hub": 1, "proxy": 1}),
        (IN_PROCESS, {"hub": 1}),
    ],
)
def test_the_kind_is_known_by_the_workloads(kind: str, components: dict[str, int]) -> None:
    found = workloads(render({"proxy": {"kind": kind}}))
    assert objects.choose_release(found, None) == "hub"
    assert objects.kind_of(found) == kind
    assert {one.component: one.wanted for one in found} == components
    assert set(components) <= set(objects.COMPONENTS)


def test_pods_have_the_labels_of_their_workloads(default: Rendered) -> None:
    for one in default.objects:
        if one["kind"] in ("Deployment", "StatefulSet"):
            labels = one["spec"]["template"]["metadata"]["labels"]
            asked = {key: one["metadata"]["labels"][key] for key in ("release", "component")}
            assert asked.items() <= labels.items()


def test_ports(default: Rendered) -> None:
    assert look.HUB_PORT in ports(default, "Deployment", "hub")
    assert look.TRAEFIK_PORT in ports(default, "Deployment", "proxy")
    assert look.ETCD_PORT in ports(default, "StatefulSet", "proxy-etcd")
    chp = render({"proxy": {"kind": CHP}})
    assert look.CHP_PORT in ports(chp, "Deployment", "proxy")


def test_the_hubs_health_has_its_base_url() -> None:
    template = render({"hub": {"baseUrl": "/base/"}}).get("Deployment", "hub")["spec"]["template"]
    pod = {"kind": "Pod", "metadata": {"name": "hub-1", **template["metadata"]}, **template}
    pod["metadata"] |= {"name": "hub-1"}
    assert objects.pod(pod).health_path == "/base/hub/health"


def test_secrets_with_certificates_and_passwords(default: Rendered) -> None:
    found = secrets(default, "proxy-etcd")
    assert r"ca\.crt" in look.CERTIFICATES
    assert r"tls\.crt" in look.CERTIFICATES
    lines = "\n".join(
        "\t".join([one["metadata"]["name"], one["data"]["ca.crt"], one["data"].get("tls.crt", "")])
        for one in found
    )
    read = answers.certificates_of(lines)
    assert {one.name for one in read} == ETCD_KINDS
    assert all(hasattr(one.expires, "year") for one in read)
    assert [one["data"].get("hub-password") for one in secrets(default, "proxy")] != [None]
    (of_hub,) = secrets(render({"proxy": {"kind": CHP}}), "hub")
    assert "hub.config.ConfigurableHTTPProxy.auth_token" in of_hub["data"]


def test_certificates_are_known_by_whose_they_are_under_another_name() -> None:
    found = secrets(render({"fullnameOverride": "my-x"}), "proxy-etcd")
    names = [one["metadata"]["name"] for one in found]
    assert all(name.startswith("my-x-proxy-etcd-") for name in names)
    assert {name.rpartition("-")[2] for name in names} == ETCD_KINDS


def test_the_secrets_of_anothers_etcd_are_found_where_pods_take_them(default: Rendered) -> None:
    given = {
        "enabled": False,
        "endpoints": ["https://etcd.example.org:2379"],
        "existingSecret": {"hub": "my-hub", "traefik": "my-traefik"},
    }
    found = workloads(render({"proxy": {"etcd": given}}))
    assert {one.name: one.etcd_secrets for one in found} == {
        "hub": ("my-hub",),
        "proxy": ("my-traefik",),
    }
    ours = {one.name: one.etcd_secrets for one in workloads(default)}
    assert ours["hub"] == ("proxy-etcd-hub",)


@pytest.mark.parametrize(
    ("https", "secret", "key"),
    [
        ({"letsencrypt": {"contactEmail": "a@example.org"}}, "proxy-certificates", "tls.crt"),
        (
            {"type": "manual", "manual": {"cert": "-----BEGIN x", "key": "-----BEGIN y"}},
            "proxy-public-manual-tls",
            "tls.crt",
        ),
        ({"type": "secret", "secret": {"name": "mine", "crt": "chain.pem"}}, "mine", "chain.pem"),
        (
            {"type": "cert-manager", "certManager": {"issuerRef": {"name": "i"}}},
            "proxy-public-tls",
            "tls.crt",
        ),
    ],
)
def test_the_secret_of_the_public_certificate_is_found(
    https: dict[str, Any], secret: str, key: str
) -> None:
    on = {"enabled": True, "hosts": ["hub.example.org"], **https}
    found = {one.component: one for one in workloads(render({"proxy": {"https": on}}))}
    publishing = found["proxy-certificates"]
    assert (publishing.public_secret, publishing.public_key) == (secret, key)
    assert publishing.component in objects.COMPONENTS
    assert not found["proxy"].public_secret


# -- the real programs


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TraefikEtcdSystem]:
    """One replica, and three members of etcd."""
    folder: Path = tmp_path_factory.mktemp("status")
    with TraefikEtcdSystem(folder, replicas=1, members=3) as running:
        yield running


def fetch(url: str, *, password: str = "") -> bytes:
    token = b64encode(f"{API_USERNAME}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {token}"} if password else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        body: bytes = answer.read()
    return body


def test_members_of_a_real_etcd(system: TraefikEtcdSystem) -> None:
    deadline = time.monotonic() + 20
    while True:  # a busy machine may be electing a leader
        states = [
            answers.member(
                fetch(f"{url}/metrics").decode(), fetch(f"{url}/health?serializable=true")
            )
            for url in system.etcd.health
        ]
        leads = [state.leads for state in states].count(True)
        if leads == 1 and all(state.sees_leader for state in states):
            break
        assert time.monotonic() < deadline, states
        time.sleep(0.2)
    for state in states:
        assert (state.sees_leader, state.learner, state.alarms) == (True, False, ())
        assert 0 < state.database < state.quota
        assert state.version.startswith("3.")


async def test_table_and_routes_of_a_real_replica(system: TraefikEtcdSystem) -> None:
    proxy = system.make_proxy()
    try:
        for i in range(150):  # more than one page of Traefik's API, and inner nodes
            await proxy.add_route(f"/user/student{i}/", "http://127.0.0.1:9", {})
        url = system.replicas[0].url
        marker = fetch(
            f"{url}/api/http/middlewares/jupyterhub-generation@etcd", password=API_PASSWORD
        )
        table = answers.table(200, marker)
        assert isinstance(table, Table)
        assert table.generation
        assert table.store
        services = fetch(f"{url}{look.SERVICES}", password=API_PASSWORD)
        assert answers.count_services(services) == len(await proxy.get_all_routes()) == 150
    finally:
        await proxy.stop()
