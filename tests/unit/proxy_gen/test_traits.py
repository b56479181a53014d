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


def test_class_that_is_elsewhere_has_all_traits(catalogue):
    known, _ = catalogue
    assert known.has("NotHere", "anything")
