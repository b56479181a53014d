"""`proxy-gen status` as a command, with a program in kubectl's place.

No cluster is asked: tests/support/kubectl_stand_in.py says what it is told to say.
"""

import base64
import copy
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from tests.support.cluster_objects import (
    ended,
    etcd_metrics,
    event,
    listed,
    marker,
    pod,
    workload,
)
from tests.support.processes import ROOT

from proxy_gen import certificates
from proxy_gen.cli import main
from proxy_gen.status import kubectl, look

STAND_IN = ROOT / "tests/support/kubectl_stand_in.py"
PASSWORD = "the-hub's-password"
TOKEN = "the-chp-token"
OBJECTS = "deployments.apps,statefulsets.apps,pods"


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def replica(generation):
    return {"/ready": [200, {}, json.dumps(marker(generation))]}


def member(**options):
    return {
        "/metrics": [200, {}, etcd_metrics(**options)],
        "/health?serializable=true": [200, {}, '{"health":"true","reason":""}'],
    }


@pytest.fixture(scope="module")
def well():
    """What kubectl says of a release that is well: two replicas, one member, one hub."""
    ca = certificates.make_ca()
    hub = certificates.sign(ca, certificates.Leaf())
    lines = f"proxy-etcd-ca\t{encoded(ca.crt)}\t\nproxy-etcd-hub\t{encoded(ca.crt)}\t"
    counted = {
        f"Basic {encoded(f'hub:{PASSWORD}')} {look.SERVICES}": [200, {}, json.dumps([{}] * 3)]
    }
    return {
        "get": {
            OBJECTS: listed(
                workload("Deployment", "hub", "hub"),
                workload("Deployment", "proxy", "proxy", replicas=2, containers=["traefik"]),
                workload("StatefulSet", "proxy-etcd", "proxy-etcd"),
                pod("hub-1", "hub", health="/x/hub/health"),
                pod("proxy-a", "proxy"),
                pod("proxy-b", "proxy", node="worker-2"),
                pod("proxy-etcd-0", "proxy-etcd"),
                pod("setup", "proxy-etcd-setup", phase="Succeeded", ready=False),
            ),
            "events": listed(),
            "tls\\.crt": lines + encoded(hub.crt) + "\n",
            "hub-password": encoded(PASSWORD),
            "auth_token": encoded(TOKEN),
        },
        "pods": {
            "hub-1:8081": {"/x/hub/health": [200, {"X-JupyterHub-Version": "5.5.4"}, ""]},
            "proxy-a:8080": {**replica(7), **counted},
            "proxy-b:8080": replica(7),
            "proxy-etcd-0:2381": member(leads=True),
        },
    }


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """The file that the stand-in reads; called with what it is to say."""
    file = tmp_path / "said.json"
    program = tmp_path / "kubectl"
    # This very Python, without what it would import by itself: a look starts it eight times.
    program.write_text(f"#!{sys.executable} -SE\n{STAND_IN.read_text()}")
    program.chmod(0o755)
    monkeypatch.setenv("PROXY_GEN_KUBECTL", str(program))
    monkeypatch.setenv("KUBECTL_STAND_IN", str(file))
    monkeypatch.setattr(look, "PAUSE", 0.0)
    monkeypatch.setattr(kubectl, "SECONDS", 60.0)  # however busy this machine is

    def say(said):
        whole = tmp_path / "whole.json"
        whole.write_text(json.dumps(said))
        return whole.replace(file)

    return say


def calls(file):
    lines = file.with_name(f"{file.name}.calls").read_text().splitlines()
    return [json.loads(line) for line in lines]


def run(*arguments, code):
    result = CliRunner().invoke(main, ["status", *arguments])
    assert result.exit_code == code, result.output
    return result


def test_a_release_that_is_well(well, stand_in):
    stand_in(well)
    result = run(code=0)
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0].startswith("hub in namespace jhub: traefik-etcd, jupyterhub-ha-0.1.0, ")
    assert "Hub: 1 of 1 ready, JupyterHub 5.5.4" in lines
    assert "Proxy: 2 of 2 ready, all in step, routes: 3" in lines
    assert "etcd: 1 of 1 ready, proxy-etcd-0 leads" in lines
    assert lines[-1] == "all is well"
    assert "setup" not in result.stdout
    assert "\033" not in result.stdout


def test_json(well, stand_in):
    stand_in(well)
    found = json.loads(run("--format", "json", code=0).stdout)
    assert (found["well"], found["routes"]) == (True, 3)
    assert [one["name"] for one in found["certificates"]] == ["ca", "hub"]


def test_the_options_go_to_every_call_and_no_secret_does(well, stand_in, tmp_path):
    file = stand_in(well)
    config = tmp_path / "config"
    config.write_text("")
    result = run("-n", "jhub", "--context", "c", "--kubeconfig", str(config), code=0)
    given = calls(file)
    assert len(given) >= 8
    for call in given:
        assert {"--namespace=jhub", "--context=c", f"--kubeconfig={config}"} <= set(call)
    assert PASSWORD not in json.dumps(given) + result.output
    assert encoded(PASSWORD) not in json.dumps(given) + result.output


def test_the_certificate_for_browsers(well, stand_in):
    said = copy.deepcopy(well)
    publishing = workload("Deployment", "proxy-certificates", "proxy-certificates")
    publishing["spec"]["template"]["spec"]["containers"][0]["args"] = ["--state-secret=state"]
    said["get"][OBJECTS]["items"] += [publishing, pod("proxy-certificates-a", "proxy-certificates")]
    ca = certificates.make_ca()
    noted = {"failures": 1, "error": "dns", "next": time.time() + 60}
    said["get"]["attempts\\.json"] = f"{encoded(ca.crt)}\t{encoded(json.dumps(noted))}"
    file = stand_in(said)
    result = run(code=1)
    assert "HTTPS: 1 of 1 ready" in result.stdout
    assert "1 times in a row: dns" in result.stdout
    assert any("--field-selector=metadata.name=state" in call for call in calls(file))
    assert not any("tls\\.key" in word for call in calls(file) for word in call[1:])


def test_only_the_public_half_of_a_certificate_is_asked_for(well, stand_in):
    file = stand_in(well)
    run(code=0)
    asked = [word for call in calls(file) if "secrets" in call for word in call[1:]]
    paths = [word for word in asked if word.startswith("--output=")]
    assert len(paths) == 2
    assert all(word.startswith("--output=jsonpath=") for word in paths)
    assert not any(".key" in word for word in asked)


def test_every_forward_is_ended(well, stand_in):
    file = stand_in(well)
    run(code=0)
    forwards = [call[0] for call in calls(file) if call[1] == "port-forward"]
    assert len(forwards) == 5
    for number in forwards:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


def test_what_is_wrong_is_exit_1(well, stand_in):
    said = copy.deepcopy(well)
    said["get"][OBJECTS]["items"][4] = pod(
        "proxy-a", "proxy", restarts=3, last_state=ended("Error", 2, "2026-01-02T03:04:05Z")
    )
    said["pods"]["proxy-b:8080"] = replica(5)
    stand_in(said)
    result = run(code=1)
    assert "proxy-b: it serves generation 5, others 7; " in result.stdout
    assert "3 times: pod proxy-a, container main: Error (exit code 2)" in result.stdout
    assert result.stdout.endswith("1 problem found\n")


def test_a_replica_that_is_late_is_asked_again(well, stand_in):
    said = copy.deepcopy(well)
    said["pods"]["proxy-b:8080"] = [replica(5), replica(6), replica(9)]
    file = stand_in(said)
    assert "all in step" in run(code=0).stdout
    asked = [call for call in calls(file) if "pod/proxy-b" in call]
    assert len(asked) == 3


def test_what_cannot_be_asked_is_unknown_and_exit_2(well, stand_in):
    said = copy.deepcopy(well)
    said["pods"]["proxy-b:8080"] = {"error": 'error: pods "proxy-b" is forbidden'}
    said["get"]["tls\\.crt"] = {"error": "Error from server (Forbidden): secrets is forbidden"}
    said["get"]["hub-password"] = ""
    said["get"]["events"] = {"error": "Error from server (Forbidden): events is forbidden"}
    stand_in(said)
    result = run(code=2)
    assert 'not seen: proxy-b: its port cannot be forwarded: error: pods "proxy-b"' in result.stdout
    assert "not seen: certificates: kubectl get secrets: Error from server (Forbidden)" in (
        result.stdout
    )
    assert "routes: unknown (the Secret with the password of the proxy's API" in result.stdout
    assert "Last fault: unknown (kubectl get events: Error from server" in result.stdout
    assert result.stdout.endswith("nothing wrong was seen, but not all was seen\n")


def test_a_node_that_does_not_answer_costs_its_deadline_and_no_more(well, stand_in, monkeypatch):
    said = copy.deepcopy(well)
    said["pods"]["proxy-etcd-0:2381"] = "silent"
    stand_in(said)
    monkeypatch.setattr(kubectl, "SECONDS", 2.0)
    result = run(code=2)
    assert "proxy-etcd-0: its node does not forward a port in 2 s" in result.stdout
    assert "leader: unknown" in result.stdout


def test_a_wrong_password_is_no_count(well, stand_in):
    said = copy.deepcopy(well)
    said["get"]["hub-password"] = encoded("another")
    stand_in(said)
    assert "routes: unknown (the proxy's API answers 404)" in run(code=0).stdout


def test_chp_counts_its_routes_with_its_token(well, stand_in):
    said = copy.deepcopy(well)
    said["get"][OBJECTS] = listed(
        workload("Deployment", "hub", "hub"),
        workload("Deployment", "proxy", "proxy", containers=["chp"]),
        pod("hub-1", "hub", health="/x/hub/health"),
        pod("proxy-a", "proxy"),
    )
    routes = json.dumps({"/": {}, "/user/a": {}})
    said["pods"]["proxy-a:8001"] = {f"token {TOKEN} /api/routes": [200, {}, routes]}
    stand_in(said)
    result = run(code=0)
    assert "Proxy: 1 of 1 ready, routes: 2" in result.stdout
    assert TOKEN not in result.output


def test_anothers_etcd_is_not_asked_but_its_certificates_are_read(well, stand_in):
    said = copy.deepcopy(well)
    said["get"][OBJECTS]["items"] = [
        one for one in said["get"][OBJECTS]["items"] if "proxy-etcd" not in one["metadata"]["name"]
    ]
    hub = said["get"][OBJECTS]["items"][0]
    secret = {"name": "etcd", "secret": {"secretName": "my-hub"}}
    hub["spec"]["template"]["spec"]["volumes"] = [secret]
    file = stand_in(said)
    result = run(code=0)
    assert "etcd: not of this release" in result.stdout
    assert "Certificates\n" in result.stdout
    assert any("my-hub" in call for call in calls(file))


def test_in_process_has_a_hub_only(well, stand_in):
    said = copy.deepcopy(well)
    said["get"][OBJECTS] = listed(
        workload("Deployment", "hub", "hub"), pod("hub-1", "hub", health="/x/hub/health")
    )
    stand_in(said)
    result = run(code=0)
    assert "Routes: unknown (they are in the hub's memory" in result.stdout


def test_the_last_fault_is_the_latest_of_events_and_containers(well, stand_in):
    said = copy.deepcopy(well)
    said["get"]["events"] = listed(
        event("Pod", "proxy-b", "Unhealthy", "no answer", "2026-01-09T00:00:00Z", 4),
        event("Pod", "jupyter-alice", "Failed", "not ours", "2026-01-10T00:00:00Z"),
    )
    stand_in(said)
    assert "UTC), 4 times: pod proxy-b: Unhealthy: no answer" in run(code=0).stdout


@pytest.mark.parametrize(
    ("objects", "text"),
    [
        ({"error": "Unable to connect to the server"}, "kubectl get deployments"),
        ({"kind": "List", "items": []}, "no hub and no proxy in this namespace"),
        ("no JSON", "it printed no JSON"),
    ],
)
def test_what_cannot_be_asked_at_all_is_exit_2(well, stand_in, objects, text):
    stand_in({**well, "get": {**well["get"], OBJECTS: objects}})
    result = run(code=2)
    assert result.stdout == ""
    assert text in result.stderr


def test_without_kubectl(monkeypatch, tmp_path):
    monkeypatch.setenv("PROXY_GEN_KUBECTL", str(tmp_path / "absent"))
    assert "no such program; unset it" in run(code=2).stderr


class TestWatch:
    def test_one_block_after_another_until_it_is_stopped(self, well, stand_in):
        file = stand_in(well)
        with self.start("--watch", "1", "--format", "json") as process:
            first, second = (json.loads(process.stdout.readline()) for _ in range(2))
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        assert first["well"]
        assert first["at"] <= second["at"]
        self.assert_nothing_is_left(file)

    def test_a_look_that_fails_is_told_and_the_next_one_may_succeed(self, well, stand_in):
        stand_in({**well, "get": {**well["get"], OBJECTS: {"error": "no route to host"}}})
        with self.start("--watch", "1") as process:
            assert "no route to host" in process.stderr.readline()
            stand_in(well)
            assert "hub in namespace jhub" in process.stdout.readline()
            process.terminate()
            assert process.wait(60) == 0

    @staticmethod
    def start(*options):
        return subprocess.Popen(
            [sys.executable, "-m", "proxy_gen.cli", "status", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def assert_nothing_is_left(file):
        deadline = time.monotonic() + 60
        numbers = {call[0] for call in calls(file)}
        while numbers and time.monotonic() < deadline:
            numbers = {number for number in numbers if os.path.exists(f"/proc/{number}")}
            time.sleep(0.05)
        assert not numbers
