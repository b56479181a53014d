"""JupyterHub's options from values; the result must suit JupyterHub's own classes."""

import re
import subprocess
import sys

import pytest
from jupyterhub.app import JupyterHub
from jupyterhub.crypto import CryptKeeper
from traitlets.config import Config

from jupyterhub_ha import configure_hub as module
from jupyterhub_ha.values import BadValuesError, Mounts, Values, merge

MINIMAL = {"hub": {"db": {"type": "sqlite-memory"}, "baseUrl": "/"}}


@pytest.fixture
def make(tmp_path):
    """Values over a minimum, with secrets and names as the chart mounts them."""
    files = {
        "config/hub": "hub",
        "secret/hub.config.JupyterHub.cookie_secret": "ab" * 32,
        "secret/hub.config.CryptKeeper.keys": f"{'01' * 32};{'02' * 32}",
    }

    def build(data=None, **more_secrets):
        secrets = {f"secret/{key}": text for key, text in more_secrets.items()}
        for name, text in (files | secrets).items():
            file = tmp_path / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        return Values(merge(MINIMAL, data or {}), Mounts(tmp_path))

    return build


def loaded(c):
    """JupyterHub with this configuration; traitlets raise for what does not fit."""
    return JupyterHub(config=c)


@pytest.mark.parametrize(
    ("key", "value", "trait", "expected"),
    [
        ("concurrentSpawnLimit", 64, "concurrent_spawn_limit", 64),
        ("activeServerLimit", 10, "active_server_limit", 10),
        ("baseUrl", "/jupyter/", "base_url", "/jupyter/"),
        ("allowNamedServers", True, "allow_named_servers", True),
        ("namedServerLimitPerUser", 3, "named_server_limit_per_user", 3),
        ("authenticatePrometheus", False, "authenticate_prometheus", False),
        ("redirectToServer", False, "redirect_to_server", False),
        ("shutdownOnLogout", True, "shutdown_on_logout", True),
        ("templatePaths", ["/a"], "template_paths", ["/a"]),
        ("templateVars", {"announcement": "x"}, "template_vars", {"announcement": "x"}),
    ],
)
def test_plain_options(make, key, value, trait, expected):
    c = Config()
    module.configure_behaviour(c, make({"hub": {key: value}}))
    app = loaded(c)
    if trait == "template_paths":  # JupyterHub adds its own folder
        assert expected[0] in getattr(app, trait)
    else:
        assert getattr(app, trait) == expected


def test_null_leaves_jupyterhubs_default(make):
    c = Config()
    module.configure_behaviour(c, make({"hub": {"activeServerLimit": None}}))
    assert "active_server_limit" not in c.JupyterHub
    assert c.JupyterHub.cleanup_servers is False


def test_failures_and_debug(make):
    c = Config()
    values = make({"hub": {"consecutiveFailureLimit": 5}, "debug": {"enabled": True}})
    module.configure_behaviour(c, values)
    assert c.Spawner == {"consecutive_failure_limit": 5, "debug": True}
    assert loaded(c).log_level == 10


def test_addresses(make):
    c = Config()
    module.configure_addresses(c, make(), 1234)
    assert c.JupyterHub.hub_bind_url == "http://:1234"
    assert c.JupyterHub.hub_connect_url == "http://hub:1234"


@pytest.mark.parametrize(
    ("database", "url"),
    [
        ({"type": "sqlite-pvc"}, "sqlite:///jupyterhub.sqlite"),
        ({"type": "sqlite-memory"}, "sqlite://"),
        ({"type": "postgres", "url": "postgresql://u@h/d"}, "postgresql://u@h/d"),
        ({"type": "other", "url": "sqlite:////x"}, "sqlite:////x"),
    ],
)
def test_database(make, database, url):
    c = Config()
    module.configure_database(c, make({"hub": {"db": database}}))
    assert c.JupyterHub.db_url == url


@pytest.mark.parametrize(("kind", "variable"), [("mysql", "MYSQL_PWD"), ("postgres", "PGPASSWORD")])
def test_the_databases_password_goes_to_its_client(make, monkeypatch, kind, variable):
    monkeypatch.setenv(variable, "before")
    values = make({"hub": {"db": {"type": kind, "url": "x://"}}}, **{"hub.db.password": "geheim"})
    module.configure_database(Config(), values)
    assert module.os.environ[variable] == "geheim"


@pytest.mark.parametrize(
    ("database", "secrets", "path"),
    [
        ({"type": "postgres"}, {}, "hub.db.url"),
        ({"type": "sqlite-pvc"}, {"hub.db.password": "x"}, "hub.db.password"),
    ],
)
def test_a_database_that_cannot_work_is_refused(make, database, secrets, path):
    with pytest.raises(BadValuesError, match=path):
        module.configure_database(Config(), make({"hub": {"db": database}}, **secrets))


def test_secrets(make):
    c = Config()
    module.configure_secrets(c, make())
    assert loaded(c).cookie_secret == b"\xab" * 32
    assert CryptKeeper(config=c).keys == [b"\x01" * 32, b"\x02" * 32]


def test_services_and_roles(make):
    values = make(
        {
            "hub": {
                "services": {
                    "one": {"url": "http://one", "apiToken": "from-values"},
                    "two": {"name": "zwei", "admin": True},
                    "three": None,
                },
                "loadRoles": {"user": {"scopes": ["self"]}, "r": {"name": "role"}},
                "config": {"JupyterHub": {"services": [{"name": "listed"}]}},
            }
        },
        **{f"hub.services.{key}.apiToken": f"token-{key}" for key in ("one", "two", "three")},
    )
    c = Config()
    module.configure_services(c, values)
    assert c.JupyterHub.services == [
        {"name": "one", "url": "http://one", "api_token": "token-one"},
        {"name": "zwei", "admin": True, "api_token": "token-two"},
        {"name": "three", "api_token": "token-three"},
        {"name": "listed"},
    ]
    assert c.JupyterHub.load_roles == [{"name": "user", "scopes": ["self"]}, {"name": "role"}]
    assert len(loaded(c).services) == 4


CULL = {"enabled": True, "adminUsers": True, "timeout": 3600, "every": 600, "concurrency": 10}


@pytest.mark.parametrize(
    ("cull", "options", "scopes"),
    [
        ({}, ["--timeout=3600", "--cull-every=600", "--concurrency=10"], 4),
        ({"maxAge": 9}, ["--max-age=9"], 4),
        ({"users": True}, ["--cull-users"], 5),
        ({"adminUsers": False}, ["--cull-admin-users=false"], 4),
        ({"removeNamedServers": True}, ["--remove-named-servers"], 4),
    ],
)
def test_idle_culler(make, cull, options, scopes):
    c = Config()
    values = make({"cull": CULL | cull, "hub": {"baseUrl": "/j/"}})
    module.configure_services(c, values)
    module.configure_idle_culler(c, values, 1234)
    (service,), (role,) = c.JupyterHub.services, c.JupyterHub.load_roles
    assert service["command"][:3] == [sys.executable, "-m", "jupyterhub_idle_culler"]
    assert service["command"][3] == "--url=http://localhost:1234/j/hub/api"
    assert set(options) <= set(service["command"])
    assert len(role["scopes"]) == scopes
    assert role["services"] == [service["name"]]


def test_the_idle_culler_knows_its_options(make):
    c = Config()
    switches = {"users": True, "adminUsers": False, "removeNamedServers": True, "maxAge": 9}
    values = make({"cull": CULL | switches})
    module.configure_services(c, values)
    module.configure_idle_culler(c, values)
    culler, *options = c.JupyterHub.services[0]["command"][2:]
    # It accepts unknown options without a word, so its own help is asked.
    run = subprocess.run(
        [sys.executable, "-m", culler, "--help"], capture_output=True, text=True, timeout=60
    )
    known = set(re.findall(r"^--[a-z-]+", run.stdout, flags=re.MULTILINE))
    assert {option.partition("=")[0] for option in options} <= known


def test_no_culler_when_off(make):
    c = Config()
    values = make({"cull": {"enabled": False}})
    module.configure_services(c, values)
    module.configure_idle_culler(c, values)
    assert c.JupyterHub.services == []


def test_pass_through_overrides_and_keeps_secrets(make):
    config = {
        "JupyterHub": {"base_url": "/late/", "cookie_secret": "00", "services": [{"name": "x"}]},
        "KubeSpawner": {"k8s_api_request_timeout": 10},
        "CryptKeeper": {"keys": ["00"], "n_threads": 2},
        "ConfigurableHTTPProxy": {"auth_token": "t"},
        "Empty": None,
    }
    c = Config({"JupyterHub": {"base_url": "/", "cookie_secret": "ab", "services": []}})
    module.pass_through(c, make({"hub": {"config": config}}))
    assert c.JupyterHub == {"base_url": "/late/", "cookie_secret": "ab", "services": []}
    assert c.KubeSpawner.k8s_api_request_timeout == 10
    assert c.CryptKeeper == {"n_threads": 2}
    assert c.ConfigurableHTTPProxy == {}


def test_pass_through_names_all_wrong_sections(make):
    config = {
        "loadRoles": {"a": {}},
        "jupyterhub": {"x": 1},
        "Spawner": ["no", "mapping"],
        "JupyterHub": {"proxy_auth_token": "x"},
    }
    with pytest.raises(BadValuesError) as caught:
        module.pass_through(Config(), make({"hub": {"loadRoles": {}, "config": config}}))
    text = str(caught.value)
    assert "hub.config.loadRoles: has no effect there; it belongs to hub.loadRoles" in text
    assert "hub.config.jupyterhub: has no effect there; sections are class names" in text
    assert "hub.config.Spawner: a mapping" in text
    assert "hub.config.JupyterHub.proxy_auth_token: no longer read; set proxy.secretToken" in text
