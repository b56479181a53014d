"""The set-up command's usage; what it does is tried on a real etcd."""

from __future__ import annotations

import logging

import pytest

from jupyterhub_ha.etcd_setup import main

ARGUMENTS = ["--endpoints", "http://127.0.0.1:9", "--timeout", "0"]
VARIABLES = ("JUPYTERHUB_HA_ETCD_ROOT_PASSWORD", "JUPYTERHUB_HA_ETCD_HUB_PASSWORD")


def test_the_help_names_the_passwords_variables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main(["--help"])
    assert exited.value.code == 0
    said = capsys.readouterr().out
    assert all(variable in said for variable in VARIABLES)


def test_without_a_password_nothing_is_tried(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    with caplog.at_level(logging.ERROR):
        assert main(ARGUMENTS) == 1
    assert VARIABLES[0] in caplog.text


def test_a_missing_password_file_is_named(caplog: pytest.LogCaptureFixture, tmp_path) -> None:
    missing = str(tmp_path / "nowhere")
    with caplog.at_level(logging.ERROR):
        assert main([*ARGUMENTS, "--root-password-file", missing]) == 1
    assert missing in caplog.text


def test_wrong_usage_has_its_own_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main([])
    assert exited.value.code == 2
    assert "--endpoints" in capsys.readouterr().err
