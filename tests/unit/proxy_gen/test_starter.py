"""The values file that init writes; tests/contract validates every combination."""

import itertools

import pytest

from proxy_gen import starter, yaml_text
from proxy_gen.starter import Answers


@pytest.mark.parametrize(
    ("login", "host", "storage"),
    list(itertools.product(starter.LOGINS, ("", "hub.example.org"), starter.STORAGES)),
)
def test_answers_are_in_the_file(login, host, storage):
    answers = Answers(login, host, storage, "2G", 3, 5, dashboard=True)
    data = yaml_text.load(starter.write(answers))
    assert data["proxy"]["traefik"] == {"replicas": 3, "dashboard": {"enabled": True}}
    assert data["proxy"]["etcd"]["replicas"] == 5
    assert data["singleuser"]["memory"] == {"guarantee": "2G", "limit": "2G"}
    assert data["singleuser"]["storage"]["type"] == storage
    assert data.get("ingress", {}).get("hosts", []) == ([host] if host else [])
    assert data["hub"]["config"]["JupyterHub"]["authenticator_class"]


def test_every_part_is_commented():
    parts = starter.write(Answers(host="h")).split("\n\n")
    assert all("#" in part for part in parts)


def test_password_is_quoted_and_not_shown():
    answers = Answers(password="0-1: #x")
    data = yaml_text.load(starter.write(answers))
    assert data["hub"]["config"]["DummyAuthenticator"] == {"password": "0-1: #x"}
    assert "0-1" not in repr(answers)
    assert "0-1" not in starter.write(Answers("github", password="0-1"))
