"""The secrets file: private, dated, listed without values."""

import copy
import datetime

import pytest

from proxy_gen import secret_file, secrets
from proxy_gen.errors import UsageError
from proxy_gen.secret_file import SecretFile

DAY = datetime.date(2026, 1, 2)


@pytest.fixture(scope="module")
def tree():
    return secrets.draw()


def test_written_and_read_back(tmp_path, tree):
    file = tmp_path / "s.yaml"
    secret_file.write(file, SecretFile(tree, {"hub.cookieSecret": DAY}))
    found = secret_file.read(file)
    assert found == SecretFile(tree, {"hub.cookieSecret": DAY}, comments=False)
    assert file.stat().st_mode & 0o777 == 0o600


def test_absent_file_is_empty(tmp_path):
    assert secret_file.read(tmp_path / "s.yaml") == SecretFile({}, {})


def test_link_stays_a_link(tmp_path, tree):
    (tmp_path / "real.yaml").write_text("")
    (tmp_path / "s.yaml").symlink_to("real.yaml")
    secret_file.write(tmp_path / "s.yaml", SecretFile(tree, {}))
    assert (tmp_path / "s.yaml").is_symlink()
    assert secret_file.read(tmp_path / "real.yaml").tree == tree


def test_comments_of_others_are_noticed(tmp_path):
    (tmp_path / "s.yaml").write_text("# mine\nhub: {}\n")
    assert secret_file.read(tmp_path / "s.yaml").comments


@pytest.mark.parametrize("text", ["# mine\nhub: {}\n", "hub: {}\n", "# only a comment\n"])
def test_file_of_somebody_else_is_refused(tmp_path, text):
    (tmp_path / "v.yaml").write_text(text)
    with pytest.raises(UsageError, match="name another file"):
        secret_file.refuse_foreign(tmp_path / "v.yaml")


def test_own_empty_and_absent_files_are_not_refused(tmp_path, tree):
    secret_file.write(tmp_path / "s.yaml", SecretFile(tree, {}))
    (tmp_path / "empty.yaml").write_text("\n")
    for name in ("s.yaml", "empty.yaml", "absent.yaml"):
        secret_file.refuse_foreign(tmp_path / name)
    assert not (tmp_path / "absent.yaml").exists()


def test_entries_tell_age_and_expiry_but_no_value(tree):
    entries = secret_file.entries(SecretFile(tree, {"proxy.secretToken": DAY}), DAY)
    by_name = {entry.name: entry for entry in entries}
    assert list(by_name) == [secret.name for secret in secrets.SECRETS]
    assert by_name["proxy.secretToken"].drawn == DAY
    assert by_name["proxy.etcd.tls.hub"].expires is not None
    assert tree["proxy"]["secretToken"] not in repr(entries)


def test_entries_remark(tree):
    part = copy.deepcopy(tree)
    part["hub"]["cookieSecret"] = None
    part["proxy"]["etcd"]["tls"]["hub"] = secrets.draw()["proxy"]["etcd"]["tls"]["hub"]
    part["proxy"]["etcd"]["tls"]["root"]["crt"] = "x"
    in_ten_years = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=3000)
    remarks = {e.name: e.remark for e in secret_file.entries(SecretFile(part, {}), in_ten_years)}
    assert remarks["hub.cookieSecret"] == "missing"
    assert "not signed by" in remarks["proxy.etcd.tls.hub"]
    assert "not a PEM certificate" in remarks["proxy.etcd.tls.root"]
    assert "expired" in remarks["proxy.etcd.tls.traefik"]
    assert remarks["proxy.etcd.tls.ca"] == ""
