"""A real Prometheus, and what its HTTP API says.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml
from tests.support.ports import free_port
from tests.support.processes import TOOLS_BIN, Service, answers


class QueryError(Exception):
    """Prometheus refused an expression; the message is what it said."""


class Prometheus(Service):
    """One Prometheus with its data in `folder`; a context manager."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "prometheus.yaml"
        file.write_text(yaml.safe_dump(dict(config)))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(
            [
                TOOLS_BIN / "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            folder / "prometheus.log",
        )

    def __enter__(self) -> Prometheus:
        self.start()
        try:
            self.wait_until(lambda: answers(f"{self.url}/-/ready"), "readiness", 30)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The present samples of an expression, labels and value; raises QueryError."""
        data = self._get("query", query=expression)
        samples = data["result"]
        if data["resultType"] == "scalar":
            return [({}, float(samples[1]))]
        return [(sample["metric"], float(sample["value"][1])) for sample in samples]

    def has_data(self, expression: str) -> bool:
        """Whether there is a sample that is a number."""
        return any(not math.isnan(value) for _, value in self.query(expression))

    def rules(self) -> list[dict[str, Any]]:
        """The rules of all groups, with their state and health."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def active_alerts(self) -> dict[str, dict[str, Any]]:
        """The alerts that are pending or firing, by name."""
        return {alert["labels"]["alertname"]: alert for alert in self._get("alerts")["alerts"]}

    def targets(self) -> dict[str, list[dict[str, Any]]]:
        """The targets by job."""
        found: dict[str, list[dict[str, Any]]] = {}
        for target in self._get("targets")["activeTargets"]:
            found.setdefault(target["labels"]["job"], []).append(target)
        return found

    def _get(self, path: str, **parameters: str) -> Any:
        url = f"{self.url}/api/v1/{path}?{urlencode(parameters)}"
        try:
            with urlopen(url, timeout=10) as answer:  # noqa: S310
                return json.load(answer)["data"]
        except HTTPError as error:
            with error:
                raise QueryError(f"{parameters}: {error.read().decode()}") from error
