"""A machine that has other work is no fault that the doctor should find."""

from __future__ import annotations

import pytest

_PATIENT = 45.0


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor waits longer for each answer."""
    for name in (
        "web.SECONDS",
        "front.SECONDS",
        "streams.SECONDS",
        "streams._PONG_SECONDS",
        "parts._HEALTH_SECONDS",
        "spawning._APPEAR_SECONDS",
    ):
        monkeypatch.setattr(f"proxy_gen.doctor.{name}", _PATIENT)
