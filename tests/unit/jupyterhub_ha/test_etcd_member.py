"""The command that prepares a member's start; its ways into a cluster are tried on a real etcd."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from jupyterhub_ha.etcd_member import main
from jupyterhub_ha.etcd_root import MEMBERS, ROOT_PASSWORD

CLUSTER = "m0=http://127.0.0.1:1,m1=http://127.0.0.1:2"


def run(folder: Path, *more: str, name: str = "m0") -> int:
    options = [f"--name={name}", f"--data-dir={folder}/data", "--listen-peer-urls=http://x:1"]
    return main([f"--config-file={folder}/etcd.json", "--", *options, *more])


@pytest.fixture(autouse=True)
def _members(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv(MEMBERS, CLUSTER)
    caplog.set_level(logging.INFO)


def test_the_help_names_the_variables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(["--help"])
    assert exited.value.code == 0
    said = capsys.readouterr().out
    assert MEMBERS in said
    assert ROOT_PASSWORD in said


def test_with_data_nobody_is_asked(tmp_path: Path) -> None:
    log = tmp_path / "data/member/wal/0000000000000000-0000000000000000.wal"
    log.parent.mkdir(parents=True)
    log.touch()
    assert run(tmp_path, "--max-txn-ops=128") == 0
    written = json.loads((tmp_path / "etcd.json").read_text())
    assert written["max-txn-ops"] == 128
    assert written["initial-cluster"] == CLUSTER
    # Never one beside the cluster that the data belong to.
    assert written["initial-cluster-state"] == "existing"
    assert (tmp_path / "etcd.json").stat().st_mode & 0o077 == 0


def test_one_that_is_not_wanted_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert run(tmp_path, name="m7") == 1
    assert "m7 is not among the members m0, m1; set proxy.etcd.replicas" in caplog.text
    assert not (tmp_path / "etcd.json").exists()


def test_a_mistake_in_the_options_is_found_before_anything_is_changed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert run(tmp_path, "--quotta=1") == 1
    assert "proxy.etcd.extraArgs" in caplog.text
