"""The bundle for one host says what the chart says, keeps its secrets, and systemd can read it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.chart.golden import SECRETS
from tests.support.host import VALUES as EXAMPLE
from tests.support.units import environment, read_unit, words

from jupyterhub_ha import shared_port
from proxy_gen import bundle, chart, secrets, values
from proxy_gen.bundle import Bundle
from proxy_gen.errors import UsageError
from proxy_gen.host_place import Options, Place, environment_file, exec_line
from proxy_gen.values import Overrides

KINDS = ("traefik-file", "traefik-etcd", "in-process", "chp")
HTTPS = (
    "proxy.https.enabled=true",
    "proxy.https.hosts={hub.example.org}",
    "proxy.https.letsencrypt.contactEmail=admin@example.org",
    "proxy.https.letsencrypt.caCertificates=PEM",
)
NOTEBOOKS = EXAMPLE.with_name("single-host-notebooks.yaml")
BUCKET = (
    "tmpnb.share.storage.type=s3",
    "tmpnb.share.storage.s3.endpoint=https://s3.example.org",
    "tmpnb.share.storage.s3.bucket=our-notebooks",
    "tmpnb.share.storage.s3.existingSecret=share-bucket",
    "tmpnb.share.resources.limits.cpu=1500m",
)
# Each kind, and what more of the values makes other units.
WITH = {
    **dict.fromkeys(KINDS, ()),
    "traefik-etcd with https": HTTPS,
    "traefik-file with share": (),
    "in-process with a bucket": BUCKET,
}

# What differs between the chart's traefik.toml and a host's, and why.
_LIFE = "a stopping replica closes its socket, and the kernel gives new connections to another"
ALLOWED = {
    "entryPoints.http.address": "the address of the host, and the port that was asked for",
    "entryPoints.http.reusePort": "replicas share the public port, where a cluster has a Service",
    "entryPoints.http.transport.lifeCycle.graceTimeOut": _LIFE,
    "entryPoints.http.transport.lifeCycle.requestAcceptGraceTimeout": _LIFE,
    "entryPoints.internal.address": "loopback, one port for each replica",
    "entryPoints.internal.transport.lifeCycle.graceTimeOut": _LIFE,
    "entryPoints.internal.transport.lifeCycle.requestAcceptGraceTimeout": _LIFE,
    "entryPoints.dashboard.address": "the address of the host",
    "entryPoints.dashboard.reusePort": "replicas share the dashboard's port",
    "entryPoints.dashboard.transport.lifeCycle.graceTimeOut": _LIFE,
    "entryPoints.dashboard.transport.lifeCycle.requestAcceptGraceTimeout": _LIFE,
}
ALLOWED_BY_KIND = {
    "traefik-etcd": {
        "providers.etcd.endpoints": "members listen on loopback",
        "providers.etcd.tls.ca": "where the bundle has it",
        "providers.etcd.tls.cert": "where the bundle has it",
        "providers.etcd.tls.key": "where the bundle has it",
        "providers.file.filename": "where the bundle has it",
    },
    "traefik-file": {
        "providers.etcd.endpoints": "no etcd",
        "providers.etcd.rootKey": "no etcd",
        "providers.etcd.tls.ca": "no etcd",
        "providers.etcd.tls.cert": "no etcd",
        "providers.etcd.tls.key": "no etcd",
        "providers.file.filename": "the hub's rules lie beside the static routers, in a folder",
        "providers.file.directory": "the folder with both",
        "providers.file.watch": "the hub changes its rules",
    },
}


@cache
def built(kind: str, prefix: Path = Path("/"), *options: str, example: Path = EXAMPLE) -> Bundle:
    overrides = Overrides(set=(f"proxy.kind={kind}", *options))
    given = values.read([example, SECRETS], overrides)
    return bundle.build(given, chart.defaults(chart.find()), Options(place=Place(prefix)))


def built_with(name: str, prefix: Path = Path("/")) -> Bundle:
    """One of those in WITH."""
    example = NOTEBOOKS if name.endswith(("share", "bucket")) else EXAMPLE
    return built(name.split()[0], prefix, *WITH[name], example=example)


def flat(document: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in document.items():
        here = f"{path}.{key}" if path else key
        found |= flat(value, here) if isinstance(value, Mapping) else {here: value}
    return found


def different(chart_text: Mapping[str, Any], host_text: Mapping[str, Any]) -> set[str]:
    absent = object()
    one, other = flat(chart_text), flat(host_text)
    return {k for k in one | other if one.get(k, absent) != other.get(k, absent)}


@pytest.mark.parametrize("kind", ALLOWED_BY_KIND)
def test_the_hosts_traefik_toml_differs_from_the_charts_only_where_a_host_does(kind: str) -> None:
    made = built(kind, Path("/"), "proxy.traefik.dashboard.enabled=true")
    allowed = ALLOWED | ALLOWED_BY_KIND[kind]
    for number in (1, 2):
        path = f"root/etc/jupyterhub-ha/traefik/traefik-{number}.toml"
        host = tomllib.loads(made.files[path].text)
        # As many as are allowed: a difference that is gone has no place in the list either.
        assert different(made.basis.chart_static, host) == set(allowed)


@pytest.mark.parametrize("kind", ALLOWED_BY_KIND)
def test_the_static_routers_lead_to_the_hub_here_and_wait_for_the_right_table(kind: str) -> None:
    made = built(kind)
    path = made.basis.place.in_bundle(made.basis.dynamic)
    found = different(made.basis.chart_dynamic, tomllib.loads(made.files[path].text))
    moved = {
        "http.middlewares.api-users.basicAuth.usersFile",
        "http.services.hub.loadBalancer.servers",
        "tls.stores.default.defaultCertificate.certFile",
        "tls.stores.default.defaultCertificate.keyFile",
    }
    marker = {"http.middlewares.ready.replacePath.path"} if kind == "traefik-file" else set()
    assert found == moved | marker


@pytest.mark.parametrize("name", WITH)
def test_secrets_are_in_private_files_only(name: str) -> None:
    given = values.read([SECRETS]).data
    texts = [text for _, text in secrets.walk(given) if isinstance(text, str)]
    assert len(texts) >= 5
    for path, file in built_with(name).files.items():
        if not file.private:
            assert not [text for text in texts if text in file.text], path


@pytest.mark.parametrize("kind", KINDS)
def test_twice_the_same(kind: str) -> None:
    given = values.read([EXAMPLE, SECRETS], Overrides(set=(f"proxy.kind={kind}",)))
    again = bundle.build(given, chart.defaults(chart.find()), Options())
    assert again.files == built(kind).files


def test_a_host_without_its_secrets_is_told_which_it_needs() -> None:
    needed = {}
    for kind in KINDS:
        given = values.read([EXAMPLE], Overrides(set=(f"proxy.kind={kind}",)))
        needed[kind] = bundle.build(given, chart.defaults(chart.find()), Options()).placeholders
    assert not [name for name in needed["in-process"] if name.startswith("proxy.")]
    assert "proxy.secretToken" in needed["chp"]
    assert "proxy.traefik.api.password" in needed["traefik-file"]
    assert not [name for name in needed["traefik-file"] if name.startswith("proxy.etcd.auth")]


# --- systemd ----------------------------------------------------------------------------------

ANALYZE = shutil.which("systemd-analyze")
# The real tool where the machine has it; the settings that it knows are checked everywhere.
READERS = ["settings", *(["systemd-analyze"] if ANALYZE else [])]
KNOWN = {
    "Unit": "After AssertPathExists Description Documentation PartOf StartLimitBurst "
    "StartLimitIntervalSec Wants",
    "Install": "WantedBy",
    "Service": "AmbientCapabilities CPUQuota CapabilityBoundingSet Environment EnvironmentFile "
    "ExecStart ExecStartPost Group IPAddressAllow IPAddressDeny KillMode LimitNOFILE "
    "LockPersonality MemoryDenyWriteExecute MemoryMax NoNewPrivileges "
    "OOMPolicy PrivateDevices PrivateTmp ProcSubset ProtectClock ProtectControlGroups "
    "ProtectHome ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables "
    "ProtectProc ProtectSystem ReadWritePaths RemainAfterExit RemoveIPC Restart RestartSec "
    "RestrictAddressFamilies RestrictNamespaces RestrictRealtime RestrictSUIDSGID "
    "SuccessExitStatus SystemCallArchitectures SystemCallErrorNumber SystemCallFilter TasksMax "
    "TimeoutStartSec TimeoutStopSec Type UMask User WatchdogSec WorkingDirectory",
}


def install(made: Bundle, folder: Path) -> Path:
    """Write the bundle's files, with programs that only exist; returns the folder of units."""
    place = made.basis.place
    for path, file in made.files.items():
        if path.startswith("root/"):
            target = folder / path.removeprefix("root/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(file.text)
    names = ("traefik", "etcd", "configurable-http-proxy", "lego")
    for program in (place.python, *(place.programs / name for name in names)):
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    place.hub_data.mkdir(parents=True, exist_ok=True)
    return place.units


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", WITH)
def test_systemd_can_read_every_unit(name: str, reader: str, tmp_path: Path) -> None:
    units = sorted(install(built_with(name, tmp_path), tmp_path).iterdir())
    assert {"jupyterhub.target", "jupyterhub-hub.service"} <= {unit.name for unit in units}
    if reader == "systemd-analyze":
        done = subprocess.run(
            [str(ANALYZE), "verify", *units], capture_output=True, text=True, check=False,
            timeout=100,
        )  # fmt: skip
        assert (done.returncode, done.stdout + done.stderr) == (0, "")
        return
    for file in units:
        for section, settings in read_unit(file).sections.items():
            assert set(settings) <= set(KNOWN[section].split()), file.name
        for command in read_unit(file).values("Service", "ExecStart"):
            assert os.access(words(command)[0], os.X_OK), command


HARDENED = {
    "CapabilityBoundingSet",
    "LockPersonality",
    "NoNewPrivileges",
    "PrivateDevices",
    "PrivateTmp",
    "ProtectHome",
    "ProtectKernelModules",
    "ProtectSystem",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "SystemCallFilter",
    "UMask",
}


@pytest.mark.parametrize("name", WITH)
def test_services_of_the_network_are_hardened(name: str, tmp_path: Path) -> None:
    for unit in sorted(install(built_with(name, tmp_path), tmp_path).glob("*.service")):
        hub = unit.stem == "jupyterhub-hub"
        settings = read_unit(unit).sections["Service"]
        assert hub or set(settings) >= HARDENED, unit.name
        # It makes machine code while it runs.
        if unit.stem != "jupyterhub-chp" and not hub:
            assert settings["MemoryDenyWriteExecute"] == ["yes"]
        if ANALYZE:
            # In tenths; the hub runs users' servers, which may do what the users may.
            threshold = f"--threshold={85 if hub else 15}"
            done = subprocess.run(
                [ANALYZE, "security", "--offline=yes", threshold, unit],
                capture_output=True, text=True, check=False, timeout=100,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout[-200:]


def test_a_low_port_is_the_only_right_that_is_given() -> None:
    text = built("traefik-file").files["root/etc/systemd/system/jupyterhub-traefik-1.service"].text
    assert "\nAmbientCapabilities=\n" in text
    given = values.read([EXAMPLE, SECRETS])
    low = bundle.build(given, chart.defaults(chart.find()), Options(port=80))
    text = low.files["root/etc/systemd/system/jupyterhub-traefik-1.service"].text
    assert "\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n" in text
    assert "\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" in text


@pytest.mark.parametrize(
    "word", ["plain", "two words", 'quo"te', "back\\slash", "100%", "$HOME", "a\nb", "é", ""]
)
def test_words_and_variables_come_back_as_they_were(word: str, tmp_path: Path) -> None:
    assert words(exec_line(["/bin/x", word])) == ["/bin/x", word]
    if "\n" not in word:
        file = tmp_path / "x.env"
        file.write_text(environment_file({"NAME": word}))
        assert environment(file) == {"NAME": word}


def test_the_launcher_in_the_bundle_is_the_one_that_is_tested() -> None:
    text = built("in-process").files["root/opt/jupyterhub-ha/lib/shared_port.py"].text
    assert text == Path(shared_port.__file__).read_text()


# --- HTTPS ------------------------------------------------------------------------------------


def option(line: str, name: str) -> str:
    """The value of an option in a command line."""
    (value,) = (w.partition("=")[2] for w in words(line) if w.startswith(f"--{name}="))
    return value


def test_with_etcd_the_charts_issuer_runs_with_this_hosts_places(tmp_path: Path) -> None:
    made = built_with("traefik-etcd with https", tmp_path)
    place = made.basis.place
    unit = read_unit(install(made, tmp_path) / "jupyterhub-certificates.service")
    line = unit.value("Service", "ExecStart")
    for name in ("ca-file", "cert-file", "key-file", "password-file", "acme-ca-file"):
        file = Path(option(line, name))
        assert made.files[place.in_bundle(file)].private, name
    assert option(line, "host") == "hub.example.org"
    assert option(line, "state-folder") == unit.value("Service", "ReadWritePaths")
    assert "--state-secret" not in line
    assert words(line)[-3:] == made.basis.ports.etcd_urls
    variables = environment(Path(unit.value("Service", "EnvironmentFile")))
    assert (Path(variables["PYTHONPATH"]) / "jupyterhub_ha/certificate_issuer.py").is_file()
    # Its state is its own: nobody else may enter the folder.
    assert f"d {place.certificates} 0700 {unit.value('Service', 'User')}" in (
        made.files[place.in_bundle(place.prefix / "etc/tmpfiles.d/jupyterhub-ha.conf")].text
    )
    dynamic = tomllib.loads(made.files[place.in_bundle(made.basis.dynamic)].text)
    servers = dynamic["http"]["services"]["certificates"]["loadBalancer"]["servers"]
    assert servers == [{"url": f"http://{option(line, 'challenge-address')}"}]


def test_the_issuer_publishes_files_that_another_program_keeps() -> None:
    keeps = ("proxy.https.enabled=true", "proxy.https.type=secret")
    names = ("name=/etc/letsencrypt/live/hub", "crt=fullchain.pem", "key=privkey.pem")
    secret = [f"proxy.https.secret.{name}" for name in names]
    made = built("traefik-etcd", Path("/"), *keeps, *secret)
    text = made.files["root/etc/systemd/system/jupyterhub-certificates.service"].text
    assert "--tls-crt=/etc/letsencrypt/live/hub/fullchain.pem" in text
    assert "--tls-key=/etc/letsencrypt/live/hub/privkey.pem" in text
    assert "ReadWritePaths" not in text
    assert "lego" not in text


@pytest.mark.parametrize("kind", ["in-process", "chp", "traefik-file"])
def test_without_etcd_there_is_no_issuer(kind: str) -> None:
    one = ("proxy.traefik.replicas=1",)
    options = (*HTTPS, *one) if kind == "traefik-file" else ("proxy.https.enabled=false",)
    files = built(kind, Path("/"), *options).files
    assert not [path for path in files if "certificates" in path and "/hub/" not in path]


@pytest.mark.parametrize("kind", ["traefik-etcd", "traefik-file"])
def test_the_key_of_an_external_account_is_in_one_private_file_of_who_asks(kind: str) -> None:
    key = "c2VjcmV0LWtleS1vZi1hbi1hY2NvdW50"
    place = "proxy.https.letsencrypt.externalAccountBinding"
    binding = (f"{place}.keyId=kid-1", f"{place}.hmacKey={key}", "proxy.traefik.replicas=1")
    files = built(kind, Path("/"), *HTTPS, *binding).files
    holding = {path: file.private for path, file in files.items() if key in file.text}
    name = {"traefik-etcd": "certificates.env", "traefik-file": "traefik/traefik-1.toml"}[kind]
    assert holding == {f"root/etc/jupyterhub-ha/{name}": True}
    # Traefik reads its file itself, the issuer's variables are read by systemd as root.
    line = "z /etc/jupyterhub-ha/traefik/traefik-*.toml 0640 root jupyterhub-traefik"
    folders = files["root/etc/tmpfiles.d/jupyterhub-ha.conf"].text
    assert (line in folders) == (kind == "traefik-file")


@pytest.mark.parametrize(
    ("port", "https_port", "twice"), [(8081, 8443, 8081), (443, 443, 443), (8000, 8082, 8082)]
)
def test_a_port_is_used_once(port: int, https_port: int, twice: int) -> None:
    given = values.read([EXAMPLE, SECRETS], Overrides(set=("proxy.kind=traefik-etcd", *HTTPS)))
    options = Options(port=port, https_port=https_port)
    with pytest.raises(UsageError, match=rf"port {twice} would be used twice; .*--first-port"):
        bundle.build(given, chart.defaults(chart.find()), options)


@pytest.mark.parametrize("kind", ["traefik-file", "in-process", "chp"])
def test_a_host_without_etcd_has_no_key_for_it(kind: str) -> None:
    assert [path for path in built(kind).files if "/etcd/" in path or path.endswith(".key")] == []
