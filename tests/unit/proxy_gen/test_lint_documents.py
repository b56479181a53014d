"""The rules for traefik.toml and for the hub's configuration."""

import pytest

from proxy_gen import lint, stream, yaml_text
from proxy_gen.lint import Subject
from proxy_gen.lint_rules import hub_config, traefik
from proxy_gen.traits import Catalogue
from proxy_gen.values import Values, parse

CATALOGUE = Catalogue(
    {
        "JupyterHub": frozenset({"port", "admin_access", "services", "authenticator_class"}),
        "KubeSpawner": frozenset({"image", "node_selector"}),
        "Spawner": frozenset({"image", "node_selector", "cmd"}),
    },
    frozenset({"GitHubOAuthenticator"}),
)


@pytest.fixture(autouse=True)
def known_classes(monkeypatch):
    monkeypatch.setattr(hub_config.traits, "load", lambda wanted: (CATALOGUE, list(wanted)))


def subject(values="", **files):
    source = parse(values, "v.yaml")
    data = {"traefik.toml": "", **{name.replace("_", "."): text for name, text in files.items()}}
    document = {"kind": "ConfigMap", "metadata": {"name": "proxy"}, "data": data}
    return Subject(stream.split(yaml_text.dump(document)), Values(source.data, (source,)), "")


def found(rule, given):
    return [(one.file, one.line, one.path, one.cure) for one in sorted(rule.check(given))]


def test_option_of_the_users_is_found_in_the_values():
    values = "proxy:\n  traefik:\n    extraStaticConfig:\n      acess: {}\n"
    assert found(traefik, subject(values, traefik_toml="[acess]\n")) == [
        ("v.yaml", 4, "proxy.traefik.extraStaticConfig.acess", "did you mean accessLog?")
    ]


def test_option_of_the_charts_is_found_in_the_document():
    assert found(traefik, subject(dynamic_toml="[http.routr.x]\n")) == [
        ("dynamic.toml", 0, "http.routr", "did you mean http.routers?")
    ]


def test_toml_that_is_none():
    (problem,) = traefik.check(subject(traefik_toml="a = \n"))
    assert problem.what.startswith("not TOML")


SNIPPETS = """\
hub:
  extraConfig:
    one: |
      c.JupyterHub.port = 1
      c.KubeSpawner.imag = "x"
      c.JupyterHub.services.append({})
      c.Spawner.update({})
      c.KubeSpawner = c
    two: "c.Jupyterhub.port = 1"
    three: |
      x = 1
      def (
    other: |
      c.Unrelated.anything = 1
      c.GitHubOAuthenticator.client_id = "x"
      d.KubeSpawner.imag = 1
"""


def test_code_is_read_but_not_run():
    assert found(hub_config, subject(SNIPPETS)) == [
        ("v.yaml", 5, "hub.extraConfig.one", "did you mean c.KubeSpawner.image?"),
        ("v.yaml", 9, "hub.extraConfig.two", "did you mean c.JupyterHub?"),
        (
            "v.yaml",
            12,
            "hub.extraConfig.three",
            "see the line; in YAML, begin the code with a | block",
        ),
    ]


CONFIG = """\
hub:
  config:
    JupyterHub:
      admin_acess: true
    KubeSpawnr: {}
    KubeSpawner:
      cmd: x
    GitHubOAuthenticator:
      anything: x
    Own: {x: 1}
singleuser:
  profileList:
  - kubespawner_override: {image: x}
    profile_options:
      size: {choices: {big: {kubespawner_override: {imge: x}}}}
"""


def test_traits_of_the_values():
    override = "singleuser.profileList[0].profile_options.size.choices.big.kubespawner_override"
    assert found(hub_config, subject(CONFIG)) == [
        (
            "v.yaml",
            4,
            "hub.config.JupyterHub.admin_acess",
            "did you mean hub.config.JupyterHub.admin_access?",
        ),
        ("v.yaml", 5, "hub.config.KubeSpawnr", "did you mean hub.config.KubeSpawner?"),
        ("v.yaml", 7, "hub.config.KubeSpawner.cmd", "did you mean hub.config.Spawner.cmd?"),
        ("v.yaml", 15, f"{override}.imge", "did you mean image?"),
    ]


@pytest.mark.parametrize(
    ("name", "missing", "told"),
    [("own.Auth", "Auth", "Auth"), ("native", "native", "the authenticator 'native'")],
)
def test_what_is_not_installed_is_told(monkeypatch, name, missing, told):
    monkeypatch.setattr(hub_config.traits, "load", lambda wanted: (CATALOGUE, [missing]))
    given = subject(f"hub: {{config: {{JupyterHub: {{authenticator_class: {name}}}}}}}")
    assert list(hub_config.check(given)) == []
    assert given.notes == [f"not installed here, so their traits are not checked: {told}"]


def test_without_jupyterhub_there_is_one_note_and_no_problem(monkeypatch):
    names = frozenset({"JupyterHub", "PAMAuthenticator", "KubeSpawner", "native"})
    absent = (Catalogue({}, names), sorted(names))
    monkeypatch.setattr(hub_config.traits, "load", lambda wanted: absent)
    given = subject(
        "hub:\n"
        "  config: {Authenticator: {x: 1}, JupyterHub: {authenticator_class: native}}\n"
        "  extraConfig: {a: c.Authenticator.x = 1}\n"
    )
    assert list(hub_config.check(given)) == []
    (note,) = given.notes
    assert note.startswith("JupyterHub is not installed here")


def test_every_family_has_its_module():
    given = subject("")
    families = [name for name in lint.FAMILIES if name not in ("kube-score", "kubernetes")]
    assert lint.run(given, families) == {name: [] for name in families}
