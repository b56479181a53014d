"""The hub's configuration from `tmpnb.*`; JupyterHub's own classes take it."""

import pytest
import yaml
from jupyterhub.app import JupyterHub
from tests.support.processes import ROOT
from traitlets import TraitError
from traitlets.config import Config

from jupyterhub_ha.configure_tmpnb import SERVICE, configure_tmpnb, spec
from jupyterhub_ha.content_security import configure_content_security
from jupyterhub_ha.tmpnb_authenticator import TemporaryAuthenticator
from jupyterhub_ha.tmpnb_hub_api import loopback_url
from jupyterhub_ha.values import Values, merge

DEFAULTS = yaml.safe_load((ROOT / "chart/values.yaml").read_text())


def values(data=None):
    """The chart's own, with temporary notebooks."""
    return Values(merge(DEFAULTS, merge({"tmpnb": {"enabled": True}}, data or {})))


def configured(data=None, c=None):
    c = Config() if c is None else c
    configure_tmpnb(c, values(data))
    return c


def settings(data=None, c=None):
    return TemporaryAuthenticator(config=configured(data, c)).settings()


def test_without_temporary_notebooks_nothing_is_set():
    assert configured({"tmpnb": {"enabled": False}}) == Config()


def test_a_server_may_take_two_minutes_to_answer_or_as_long_as_to_start():
    assert configured().Spawner.http_timeout == 120 < DEFAULTS["singleuser"]["startTimeout"]
    assert configured({"singleuser": {"startTimeout": 70}}).Spawner.http_timeout == 70
    assert configured(c=Config(Spawner={"http_timeout": 20})).Spawner.http_timeout == 20
    assert "http_timeout" not in configured({"singleuser": {"startTimeout": None}}).Spawner


def test_the_chart_s_defaults_are_what_the_hub_does():
    tmpnb = DEFAULTS["tmpnb"]
    found = settings()
    assert found.sizes.size == tmpnb["pool"]["size"]
    assert found.sizes.quiet_size is tmpnb["pool"]["quiet"]["size"] is None
    assert found.concurrency == tmpnb["pool"]["concurrency"]
    assert found.server_limit == tmpnb["limits"]["servers"]
    assert found.claims_per_minute == tmpnb["limits"]["perAddressPerMinute"]
    assert (found.life.idle, found.life.age) == (tmpnb["idleTimeout"], tmpnb["maxAge"])
    assert found.open_path == tmpnb["open"]
    for page in ("preview", "waiting", "gone"):
        text = getattr(found, page)
        assert (text.title, text.text) == (tmpnb[page]["title"], tmpnb[page]["text"])


def test_other_values():
    found = settings(
        {
            "tmpnb": {
                "pool": {
                    "size": 4,
                    "quiet": {"size": 1, "hours": ["22-6"], "timezone": "Europe/Berlin"},
                    "demandMinutes": 5,
                    "minSize": 2,
                },
                "maxAge": 0,
            },
        }
    )
    assert (found.sizes.quiet_size, found.sizes.quiet_hours) == (1, ("22-6",))
    assert (found.sizes.timezone, found.sizes.demand_minutes) == ("Europe/Berlin", 5)
    assert found.sizes.smallest == 2
    assert found.life.age == 0


def test_bad_sizes_are_all_named():
    wrong = {"tmpnb": {"pool": {"quiet": {"size": 1, "hours": ["x"], "timezone": "Nowhere"}}}}
    with pytest.raises(TraitError, match=r"'x' is no pair of hours.*'Nowhere' is not known"):
        settings(wrong)


def test_the_hub_takes_it_over_whatever_was_there():
    c = Config()
    c.JupyterHub.authenticator_class = "dummy"
    c.JupyterHub.services = [{"name": "mine"}]
    c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self"]}, {"name": "mine", "scopes": []}]
    c.Spawner.consecutive_failure_limit = 5
    hub = JupyterHub(config=configured(c=c))
    assert hub.authenticator_class is TemporaryAuthenticator
    assert not hub.allow_named_servers
    assert [service["name"] for service in hub.services] == ["mine", SERVICE]
    roles = {role["name"]: role for role in hub.load_roles}
    assert len(hub.load_roles) == len(roles), "JupyterHub refuses two of one name"
    assert "mine" in roles
    assert all(scope.endswith("!user") for scope in roles["user"]["scopes"])
    forbidden = {"self", "servers!user", "tokens!user", "shares!user", "users!user"}
    assert not forbidden & set(roles["user"]["scopes"])
    assert set(roles["server"]["scopes"]) == {"access:servers!server", "users:activity!user"}
    assert roles[SERVICE] == {
        "name": SERVICE,
        "scopes": ["admin:users", "servers"],
        "services": [SERVICE],
    }
    assert c.Spawner.consecutive_failure_limit == 0


def test_options_of_the_class_win():
    c = Config()
    c.TemporaryAuthenticator.idle_timeout = 5
    assert settings({"tmpnb": {"idleTimeout": 60}}, c).life.idle == 5


def test_sites_that_embed():
    c = Config()
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
    data = {"tmpnb": {"embed": {"origins": ["https://magazine.org"]}}}
    assert settings(data, c).embed_origins == ("https://magazine.org",)
    configure_content_security(c, values(data))
    tornado = c.JupyterHub.tornado_settings
    assert tornado["slow_spawn_timeout"] == 0
    assert tornado["cookie_options"] == {"SameSite": "None", "Secure": True}
    policy = "frame-ancestors 'self' https://magazine.org; report-uri /hub/security/csp-report"
    assert tornado["headers"] == {"Content-Security-Policy": policy}
    assert policy in c.Spawner.args[0]


def test_pages_of_this_host_put_copies_of_shared_notebooks_into_servers():
    c = Config()
    data = {"tmpnb": {"share": {"enabled": True}}}
    configure_content_security(c, values(data))
    assert "tornado_settings" not in c.JupyterHub
    assert "frame-ancestors 'self'; report-uri" in c.Spawner.args[0]
    given = {"singleuser": {"frame-ancestors": ["'self'", "https://a.example"]}}
    c.Spawner.args = []
    configure_content_security(c, values({**data, "proxy": {"contentSecurityPolicy": given}}))
    assert "frame-ancestors 'self' https://a.example; report-uri" in c.Spawner.args[0]


def test_without_such_sites_nothing_is_said_of_frames():
    c = configured()
    configure_content_security(c, values())
    assert "tornado_settings" not in c.JupyterHub
    assert "args" not in c.Spawner


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        ({"singleuser": {"image": {"tag": "2"}}}, True),
        ({"singleuser": {"cmd": "x"}}, True),
        ({"singleuser": {"memory": {"limit": "3G"}}}, True),
        ({"hub": {"extraConfig": {"a": "c.Spawner.x = 1"}}}, True),
        ({"hub": {"config": {"KubeSpawner": {"image": "x"}}}}, True),
        ({"tmpnb": {"sandbox": {"internet": True}}}, True),
        ({"tmpnb": {"share": {"enabled": True}}}, True),
        ({"tmpnb": {"share": {"maxSize": 1}}}, False),
        ({"tmpnb": {"pool": {"size": 99}}}, False),
        ({"tmpnb": {"waiting": {"title": "x"}}}, False),
        ({"hub": {"config": {"JupyterHub": {"x": 1}}}}, False),
        ({"proxy": {"traefik": {"replicas": 5}}}, False),
    ],
)
def test_only_what_decides_how_servers_start_replaces_the_pool(data, changes):
    assert (spec(values(data)) != spec(values())) is changes


@pytest.mark.parametrize("kind", ["traefik-etcd", "traefik-file", "chp"])
def test_only_proxies_in_front_of_ours_are_believed(kind):
    c = Config()
    c.JupyterHub.trusted_downstream_ips = ["192.0.2.1"]
    data = {
        "proxy": {
            "kind": kind,
            "traefik": {"forwardedHeaders": {"trustedIPs": ["203.0.113.0/24"]}},
        }
    }
    networks = [str(network) for network in settings(data, c).trusted]
    traefik = ["203.0.113.0/24"] if kind.startswith("traefik") else []
    assert networks == ["192.0.2.1/32", *traefik]


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        ("http://:8081", "http://127.0.0.1:8081/x"),
        ("http://0.0.0.0:8081/hub/", "http://127.0.0.1:8081/x"),
        ("http://10.0.0.1:8081", "http://10.0.0.1:8081/x"),
        ("http://[::]:8081", "http://[::1]:8081/x"),
        ("https://:443", "https://127.0.0.1:443/x"),
    ],
)
def test_the_hub_is_reached_over_loopback(bound, expected):
    assert loopback_url(bound, "/x") == expected
