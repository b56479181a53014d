"""Reading the mounted values, and the module that Z2JH's snippets import."""

import pytest
from traitlets.config import Config

from jupyterhub_ha.values import (
    BadValuesError,
    MissingMountError,
    Mounts,
    Values,
    merge,
    z2jh_module,
)


def write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def mounts(tmp_path):
    write(tmp_path / "secret/values.yaml", "hub: {a: 1, b: {c: 2, list: [1, 2]}, empty: null}\n")
    return Mounts(tmp_path)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}}, {"a": {"b": 1, "c": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_merge(lower, upper, expected):
    assert merge(lower, upper) == expected


def test_merge_shares_nothing_with_its_arguments():
    lower, upper = {"a": {"b": [1]}}, {"c": {"d": [2]}}
    merged = merge(lower, upper)
    merged["a"]["b"].append(9)
    merged["c"]["d"].append(9)
    assert (lower, upper) == ({"a": {"b": [1]}}, {"c": {"d": [2]}})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("hub.a", 1),
        ("hub.b.c", 2),
        ("hub.b", {"c": 2, "list": [1, 2]}),
        ("hub.empty", None),
        ("hub.nothing", "default"),
        ("hub.a.below.a.number", "default"),
        ("hub.empty.below.null", "default"),
        ("nothing", "default"),
    ],
)
def test_get(mounts, path, expected):
    assert Values.load(mounts).get(path, "default") == expected


def test_copies_leave_the_values_alone(mounts):
    values = Values.load(mounts)
    values.mapping("hub.b")["c"] = 9
    values.sequence("hub.b.list").append(9)
    assert values.get("hub.b") == {"c": 2, "list": [1, 2]}
    assert values.mapping("hub.empty") == {}
    assert values.sequence("hub.empty") == []


@pytest.mark.parametrize(
    ("method", "path", "text"),
    [
        ("mapping", "hub.b.list", "hub.b.list: a mapping is needed, not a list"),
        ("sequence", "hub.b", "hub.b: a list is needed, not a mapping"),
        ("sequence", "hub.a", "hub.a: a list is needed, not a int"),
    ],
)
def test_a_wrong_kind_is_named_with_its_path(mounts, method, path, text):
    with pytest.raises(BadValuesError, match=text):
        getattr(Values.load(mounts), method)(path)


def test_the_users_secret_wins(mounts):
    write(mounts.existing_secret / "values.yaml", "hub: {b: {c: 3}}\n")
    write(mounts.secret / "token", "generated")
    assert Values.load(mounts).get("hub.b") == {"c": 3, "list": [1, 2]}
    assert Values.load(mounts).secret("token") == "generated"
    write(mounts.existing_secret / "token", "own")
    assert Values.load(mounts).secret("token") == "own"


def test_a_missing_secret_is_named(mounts):
    values = Values.load(mounts)
    assert values.secret("hub.db.password", None) is None
    with pytest.raises(MissingMountError, match=r"hub\.db\.password is in neither"):
        values.secret("hub.db.password")


def test_a_missing_name_is_named(mounts):
    with pytest.raises(MissingMountError, match="config/hub is missing"):
        Values.load(mounts).name("hub")


def test_a_folder_without_values_is_refused(tmp_path):
    with pytest.raises(MissingMountError, match="JUPYTERHUB_HA_CONFIG_DIR"):
        Values.load(Mounts(tmp_path))


def test_values_that_are_no_mapping_are_refused(tmp_path):
    write(tmp_path / "secret/values.yaml", "- a\n")
    with pytest.raises(BadValuesError, match=r"secret/values\.yaml: a mapping is needed"):
        Values.load(Mounts(tmp_path))


def test_the_folder_is_the_files_unless_the_environment_names_one(tmp_path, monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_HA_CONFIG_DIR", raising=False)
    assert Mounts.beside(tmp_path / "jupyterhub_config.py").folder == tmp_path
    monkeypatch.setenv("JUPYTERHUB_HA_CONFIG_DIR", "/elsewhere")
    assert str(Mounts.beside(tmp_path / "jupyterhub_config.py").folder) == "/elsewhere"


def test_z2jh_module(mounts, monkeypatch):
    write(mounts.config / "proxy-api", "a-proxy-api")
    write(mounts.secret / "token", "text")
    z2jh = z2jh_module(Values.load(mounts))
    monkeypatch.setenv("A_PROXY_API_SERVICE_PORT", "8001")
    c = Config()

    assert z2jh.get_config("hub.b.c") == 2
    assert z2jh.get_config("hub.nothing", 7) == 7
    assert z2jh.get_name("proxy-api") == "a-proxy-api"
    assert z2jh.get_name_env("proxy-api", "_SERVICE_PORT") == "8001"
    assert z2jh.get_secret_value("token") == "text"
    assert z2jh.get_secret_value("none", "default") == "default"
    with pytest.raises(MissingMountError):
        z2jh.get_secret_value("none")
    z2jh.set_config_if_not_none(c.JupyterHub, "base_url", "hub.a")
    z2jh.set_config_if_not_none(c.JupyterHub, "ip", "hub.empty")
    assert c.JupyterHub == {"base_url": 1}
