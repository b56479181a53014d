"""The hub's Secret: Z2JH's keys, values that an upgrade keeps, and nobody else's secrets."""

import json
import re

import pytest
import yaml
from tests.support.chart import RenderError, render, render_upgrade

COOKIE = "hub.config.JupyterHub.cookie_secret"
CRYPT = "hub.config.CryptKeeper.keys"
TOKEN = "hub.config.ConfigurableHTTPProxy.auth_token"


def secret(values=None):
    return render(values).secret("hub")


def test_what_is_not_given_is_drawn():
    data = secret({"hub": {"services": {"one": None}}})
    assert set(data) == {"values.yaml", COOKIE, CRYPT, "hub.services.one.apiToken"}
    for key in (COOKIE, CRYPT, "hub.services.one.apiToken"):
        assert re.fullmatch("[0-9a-f]{64}", data[key])
    assert len(set(data.values())) == len(data)


@pytest.mark.parametrize(
    ("values", "key", "expected"),
    [
        ({"hub": {"cookieSecret": "ab"}}, COOKIE, "ab"),
        (
            {"hub": {"cookieSecret": "ab", "config": {"JupyterHub": {"cookie_secret": "cd"}}}},
            COOKIE,
            "cd",
        ),
        ({"hub": {"config": {"CryptKeeper": {"keys": ["01", "02"]}}}}, CRYPT, "01;02"),
        ({"hub": {"services": {"s": {"apiToken": "t"}}}}, "hub.services.s.apiToken", "t"),
        ({"hub": {"services": {"s": {"api_token": "t"}}}}, "hub.services.s.apiToken", "t"),
        ({"hub": {"db": {"password": "p"}}}, "hub.db.password", "p"),
        ({"proxy": {"kind": "chp", "secretToken": "t"}}, TOKEN, "t"),
    ],
)
def test_given_values_win(values, key, expected):
    assert secret(values)[key] == expected


def test_an_upgrade_keeps_what_was_drawn():
    values = {"hub": {"services": {"one": {}, "new": {}}}, "proxy": {"kind": "chp"}}
    before = {COOKIE: "1", CRYPT: "2;3", TOKEN: "4", "hub.services.one.apiToken": "5"}
    after = render_upgrade(values, {"hub": before}).secret("hub")
    assert {key: after[key] for key in before} == before
    assert len(after["hub.services.new.apiToken"]) == 64


def test_a_given_value_wins_over_a_kept_one():
    after = render_upgrade({"hub": {"cookieSecret": "ab"}}, {"hub": {COOKIE: "cd"}})
    assert after.secret("hub")[COOKIE] == "ab"


# Secrets of others, at every place where the values may have one.
FOREIGN = {
    "imagePullSecret": {
        "create": True,
        "registry": "r",
        "username": "u",
        "password": "foreign-pull",
    },
    "proxy": {
        "secretToken": "foreign-token",
        "https": {"manual": {"key": "foreign-tls"}},
        "traefik": {
            "api": {"password": "foreign-api-password"},
            "dashboard": {"password": "foreign-dashboard"},
        },
        "etcd": {
            "auth": {
                "rootPassword": "foreign-root-password",
                "hubPassword": "foreign-hub-password",
            },
            "tls": {
                who: {"crt": f"foreign-{who}-crt", "key": f"foreign-{who}-key"}
                for who in ("ca", "server", "hub", "root", "traefik")
            },
        },
    },
}


@pytest.fixture(scope="module")
def with_foreign_secrets():
    return render(FOREIGN | {"custom": {"mine": "for-the-hub"}})


def test_the_hub_sees_no_secret_of_others(with_foreign_secrets):
    text = json.dumps(with_foreign_secrets.secret("hub"))
    assert "for-the-hub" in text
    assert re.findall("foreign-[a-z-]+", text) == []


def test_the_others_still_have_their_secrets(with_foreign_secrets):
    """Removing them for the hub must not take them from the values themselves."""
    assert with_foreign_secrets.secret("proxy-etcd-root")["password"] == "foreign-root-password"
    assert with_foreign_secrets.secret("proxy-api-users")["hub-password"] == "foreign-api-password"


@pytest.mark.parametrize(
    "proxy",
    [
        {"traefik": {"logLevel": "DEBUG", "resources": {"requests": {"cpu": "1"}}}},
        {"etcd": {"quotaBackendBytes": 1073741824}},
        {"service": {"annotations": {"a": "b"}}, "labels": {"c": "d"}},
        {"chp": {"resources": {"requests": {"cpu": "1"}}}},
    ],
    ids=lambda proxy: next(iter(proxy)),
)
def test_what_is_only_the_proxy_s_does_not_restart_the_hub(proxy):
    """The hub restarts when its Secret changes."""
    assert secret({"proxy": proxy})["values.yaml"] == secret()["values.yaml"]


def test_the_values_say_which_chart_and_release():
    values = yaml.safe_load(secret()["values.yaml"])
    assert values["Release"] == {"Name": "hub", "Namespace": "default", "Service": "Helm"}
    assert values["Chart"]["Name"] == "jupyterhub-ha"
    assert values["hub"]["baseUrl"] == "/"


def test_extra_files():
    files = {
        "json": {"mountPath": "/a.json", "data": {"x": [1, "y"]}},
        "yaml": {"mountPath": "/a.yml", "data": {"x": [1, "y"]}},
        "toml": {"mountPath": "/a.toml", "data": {"x": {"y": "z"}}},
        "text": {"mountPath": "/a", "stringData": "two\nlines\n"},
        "binary": {"mountPath": "/b", "binaryData": "aGVs\nbG8="},
    }
    rendered = render({"hub": {"extraFiles": files}, "singleuser": {"extraFiles": files}})
    for data in (rendered.secret("hub"), rendered.secret("singleuser")):
        assert json.loads(data["json"]) == yaml.safe_load(data["yaml"]) == {"x": [1, "y"]}
        assert data["toml"].split() == ["[x]", "y", "=", '"z"']
        assert data["text"] == "two\nlines\n"
        assert data["binary"] == "hello"


@pytest.mark.parametrize("where", ["hub", "singleuser"])
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ({"stringData": "x"}, "extraFiles.f.mountPath: needed"),
        ({"mountPath": "/x"}, "extraFiles.f: give one of data, stringData, binaryData; it has 0"),
        ({"mountPath": "/x", "stringData": "x", "binaryData": "eA=="}, "it has 2"),
        ({"mountPath": "/x.ini", "data": {"a": 1}}, "/x.ini must end in .yaml, .yml, .json or"),
        ({"mountPath": "/x", "stringData": True}, "extraFiles.f.stringData: a text is needed"),
    ],
)
def test_files_that_cannot_be_made_are_refused(where, file, text):
    with pytest.raises(RenderError) as caught:
        render({where: {"extraFiles": {"f": file}}})
    assert text in str(caught.value)


def test_no_secret_for_users_without_files():
    assert not render().has("Secret", "singleuser")
