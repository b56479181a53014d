"""What `proxy-gen edge` writes; that the servers take it is tested in tests/edge."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from proxy_gen.cli import main
from proxy_gen.edge import build, places
from proxy_gen.edge_features import DROPPED_HEADERS, FEATURES, SERVERS, SET_HEADERS
from proxy_gen.edge_options import Asked, check
from proxy_gen.values import Values

ROOT = Path(__file__).parents[3]
DEFAULTS: dict[str, Any] = {"hub": {"baseUrl": "/"}, "proxy": {"kind": "traefik-etcd"}}
KINDS = ("traefik-etcd", "traefik-file", "in-process", "chp", "external")


def files(server: str, values: dict[str, Any] | None = None, **options: Any) -> dict[str, str]:
    asked = Asked(**{"server": server, "names": ["hub.example.com"], **options})
    edge = check(asked, Values(values or {}), DEFAULTS)
    return {name: file.text for name, file in build(edge).items()}


@pytest.mark.parametrize("server", SERVERS)
def test_the_files_of_a_server(server: str) -> None:
    found = files(server)
    assert set(found) == {*SERVERS[server].files, "values.yaml", "README.md"}
    assert found == files(server)
    assert all(text.endswith("\n") and not text.endswith("\n\n") for text in found.values())


@pytest.mark.parametrize("server", SERVERS)
def test_the_readme_says_where_each_file_belongs(server: str) -> None:
    found = files(server)
    for file, place in places(SERVERS[server]).items():
        assert f"cp {file} {place}\n" in found["README.md"]


@pytest.mark.parametrize("server", SERVERS)
def test_every_header_is_in_the_file(server: str) -> None:
    text = files(server)[SERVERS[server].files[-1]].lower()
    assert [name for name in DROPPED_HEADERS if name.lower() not in text] == []
    assert [name for name in SET_HEADERS if name.lower() not in text] == (
        # Its own, and it says so.
        ["X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"] if server == "traefik"
        else ["X-Forwarded-Proto", "X-Forwarded-Host"] if server == "caddy" else []
    )  # fmt: skip


@pytest.mark.parametrize("server", SERVERS)
def test_addresses_and_ports(server: str) -> None:
    options = {"addresses": ["::1"], "http_port": 8080, "https_port": 8443}
    text = files(server, **options)[SERVERS[server].files[0]]
    port = ":8443" if server == "caddy" else "[::1]:8443"
    assert port in text
    assert files(server, tls=False)[SERVERS[server].files[0]].count("443") == 0


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_our_side_believes_the_web_server_and_nobody_else(server: str, kind: str) -> None:
    found = files(
        server,
        {"proxy": {"kind": kind}},
        upstreams=["10.0.0.5:80"],
        sources=["10.0.0.7/32", "fd00::7/128"],
    )
    networks = ["10.0.0.7/32", "fd00::7/128"]
    expected: dict[str, Any] | None = {
        "in-process": {"hub": {"config": {"InProcessProxy": {"trusted_networks": networks}}}},
        "chp": None,
        "external": None,
    }.get(kind, {"proxy": {"traefik": {"forwardedHeaders": {"trustedIPs": networks}}}})
    assert yaml.safe_load(found["values.yaml"]) == expected
    assert "10.0.0.7/32, fd00::7/128" in found["values.yaml"] or expected


def test_a_corrected_base_url_is_in_the_values() -> None:
    values = yaml.safe_load(files("nginx", {"hub": {"baseUrl": "/a"}})["values.yaml"])
    assert values["hub"]["baseUrl"] == "/a/"
    assert "hub" not in yaml.safe_load(files("nginx", {"hub": {"baseUrl": "/a/"}})["values.yaml"])


def test_connections_end_before_the_proxy_ends_them() -> None:
    text = files("nginx", {"proxy": {"kind": "chp"}})["jupyterhub.conf"]
    assert "keepalive_timeout 3s;" in text
    assert "keepalive_timeout 60s;" in files("nginx")["jupyterhub.conf"]


def test_traefik_s_files_are_toml() -> None:
    options = {"upstreams": ["10.0.0.5:80", "10.0.0.6:80"], "sources": ["10.0.0.7/32"]}
    found = files("traefik", {"hub": {"baseUrl": "/j/"}}, **options)
    static, dynamic = (tomllib.loads(found[name]) for name in ("traefik.toml", "dynamic.toml"))
    assert set(static["entryPoints"]) == {"jupyterhub-http", "jupyterhub-https"}
    (service,) = dynamic["http"]["services"].values()
    assert [one["url"] for one in service["loadBalancer"]["servers"]] == [
        "http://10.0.0.5:80",
        "http://10.0.0.6:80",
    ]


@pytest.mark.parametrize("server", SERVERS)
def test_two_hubs_share_no_name(server: str) -> None:
    one, two = (
        check(
            Asked(server, names=["hub.example.com"]), Values({"hub": {"baseUrl": base}}), DEFAULTS
        )
        for base in ("/a/", "/b/")
    )
    assert one.id != two.id
    text = build(one)[SERVERS[server].files[-1]].text
    # Caddy's names are those of the hosts.
    assert {one.id, one.short_id} & set(re.findall(r"jupyterhub_\w+", text)) or server == "caddy"


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.test)
def test_each_feature_names_a_test_of_every_server(feature: Any) -> None:
    module, _, name = feature.test.partition("::")
    tree = ast.parse((ROOT / f"tests/edge/{module}.py").read_text())
    functions = {
        node.name: {argument.arg for argument in node.args.args}
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert functions[name] & {"web_server", "world", "any_world", "sub_path"}
    assert set(feature.otherwise) <= set(SERVERS)


def test_the_command_writes_a_folder(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("ingress: {hosts: [hub.example.com]}\n")
    out = tmp_path / "out"
    command = ["edge", str(values), "--server", "caddy", "-o", str(out)]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "https://hub.example.com/" in done.output
    assert (out / "Caddyfile").read_text().startswith("# https://hub.example.com/\n")
    (out / "Caddyfile").write_text("mine\n")
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 2
    assert "edited since they were written: Caddyfile" in refused.output
    assert CliRunner().invoke(main, [*command, "--force", "-q"]).exit_code == 0


def test_the_command_tells_all_problems_at_once(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("hub: {baseUrl: jupyter}\nproxy: {kind: none}\n")
    command = ["edge", str(values), "--server", "nginx", "--name", "a b", "-o", str(tmp_path / "o")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1
    assert "3 problems found" in done.output
    for place in ("hub.baseUrl", "proxy.kind", "--name"):
        assert place in done.output
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_where_the_values_end_tls_our_side_does_not(kind: str) -> None:
    found = files("nginx", {"proxy": {"kind": kind, "https": {"enabled": True}}})
    assert yaml.safe_load(found["values.yaml"])["proxy"]["https"] == {"enabled": False}
