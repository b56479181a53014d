"""The traits of the classes that are installed."""

import pytest

from proxy_gen import traits


@pytest.fixture(scope="module")
def catalogue():
    return traits.load(["dummy", "jupyterhub.auth.NullAuthenticator", "no.such.Class"])


def test_known_classes_and_their_bases(catalogue):
    known, missing = catalogue
    assert known.has("JupyterHub", "admin_access")
    assert not known.has("JupyterHub", "admin_acces")
    assert known.has("Authenticator", "allow_all")
    assert known.has("NullAuthenticator", "allow_all")
    assert known.has("JupyterHub", "update")
    assert "Class" in missing


def test_suggestions(catalogue):
    known, _ = catalogue
    assert known.suggest_trait("JupyterHub", "admin_acces") == "JupyterHub.admin_access"
    assert known.suggest_section("Jupyterhub") == "JupyterHub"
    assert known.suggest_section("SomethingElse") == ""


@pytest.mark.parametrize(
    "name",
    [
        "LDAPAuthenticator",
        "LTIAuthenticator",
        "NativeAuthenticator",
        "OAuthenticator",
        "TmpAuthenticator",
        "DockerSpawner",
        "WrapSpawner",
    ],
)
def test_class_of_another_package_is_no_slip(catalogue, name):
    known, _ = catalogue
    assert known.suggest_section(name) == ""


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("KubeSpawnr", "KubeSpawner"),
        ("Kubespawner", "KubeSpawner"),
        ("KubSpawner", "KubeSpawner"),
        ("Authentcator", "Authenticator"),
        ("DumyAuthenticator", "DummyAuthenticator"),
    ],
)
def test_slips_are_recognised(catalogue, name, meant):
    known, _ = catalogue
    assert known.is_unknown(name)
    assert known.suggest_section(name) == meant


def test_without_jupyterhub_no_class_is_unknown():
    known = traits.Catalogue({}, frozenset({"JupyterHub", "PAMAuthenticator", "KubeSpawner"}))
    assert not known.complete
    assert not known.is_unknown("Authenticator")


def test_name_of_an_entry_point_that_is_not_here():
    _, missing = traits.load(["native", "own.module.Class"])
    assert "native" in missing
    assert "Class" in missing


def test_class_that_is_elsewhere_has_all_traits(catalogue):
    known, _ = catalogue
    assert known.has("NotHere", "anything")
