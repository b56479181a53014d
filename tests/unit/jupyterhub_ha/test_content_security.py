"""The header Content-Security-Policy of the hub and of users' servers."""

import ast
from pathlib import Path

from jupyter_server.serverapp import ServerApp
from traitlets.config import Config

from jupyterhub_ha.content_security import argument, configure_content_security, policy
from jupyterhub_ha.values import Mounts, Values

SELF = {"frame-ancestors": ["'self'"]}


def configured(policies, c=None, base="/jupyter/"):
    c = c or Config()
    data = {"hub": {"baseUrl": base}, "proxy": {"contentSecurityPolicy": policies}}
    configure_content_security(c, Values(data, Mounts(Path("/x"))))
    return c


def test_what_is_given_stands_beside_jupyterhubs_own_or_in_its_place():
    given = {"img-src": ["'self'", "data:"]}
    assert policy(given, "/r") == "frame-ancestors 'none'; img-src 'self' data:; report-uri /r"
    assert policy(SELF, "/r") == "frame-ancestors 'self'; report-uri /r"


def test_the_hubs_other_settings_stay():
    c = Config()
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "headers": {"X-A": "b"}}
    configured({"hub": SELF}, c)
    assert c.JupyterHub.tornado_settings == {
        "slow_spawn_timeout": 0,
        "headers": {
            "X-A": "b",
            "Content-Security-Policy": (
                "frame-ancestors 'self'; report-uri /jupyter/hub/security/csp-report"
            ),
        },
    }
    assert "args" not in c.Spawner


def test_other_arguments_of_users_servers_stay():
    c = Config()
    c.Spawner.args = ["--allow-root"]
    configured({"singleuser": SELF}, c, base="/")
    first, second = c.Spawner.args
    assert first == "--allow-root"
    found = ast.literal_eval(second.removeprefix("--ServerApp.tornado_settings="))
    assert found == {
        "headers": {
            "Content-Security-Policy": "frame-ancestors 'self'; report-uri /hub/security/csp-report"
        }
    }
    assert "tornado_settings" not in c.JupyterHub


def test_without_any_jupyterhub_decides():
    for none in ({}, {"hub": {}, "singleuser": {}}, None):
        c = configured(none)
        assert not c.JupyterHub
        assert not c.Spawner


def test_a_server_reads_its_argument(recwarn):
    text = policy({"script-src": ["'self'", "https://a.example"]}, "/r")
    app = ServerApp()
    app.parse_command_line([argument(text)])
    assert app.tornado_settings == {"headers": {"Content-Security-Policy": text}}
    recwarn.clear()
