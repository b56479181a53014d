"""What the chart renders for Prometheus and Grafana, as the tests of this folder take it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from tests.support.chart import Rendered, render

NAMESPACE = "hub"
EVERYTHING = {name: {"enabled": True} for name in ("podMonitor", "prometheusRule", "dashboard")}
"""Of the values, below `monitoring`."""


def render_all(proxy: Mapping[str, Any], **more: Any) -> Rendered:
    """A release with everything below `monitoring` turned on; `proxy` and more as in the values."""
    values = {"monitoring": EVERYTHING, "proxy": dict(proxy), **more}
    return render(values, "--namespace", NAMESPACE)


def configuration(
    rendered: Rendered,
    folder: Path,
    targets: Mapping[str, Mapping[str, str]],
    secret: Callable[[str], Mapping[str, str]],
) -> dict[str, Any]:
    """Prometheus' configuration, with the release's rules in `folder`; see scrape_configs."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rule_file(rendered)))
    return {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yaml")],
        "scrape_configs": list(scrape_configs(rendered, targets, secret)),
    }


def scrape_configs(
    rendered: Rendered,
    targets: Mapping[str, Mapping[str, str]],
    secret: Callable[[str], Mapping[str, str]],
) -> Iterator[dict[str, Any]]:
    """What the Prometheus Operator makes of the PodMonitors.

    `targets` has, for each component, the pods' names and their addresses with port; `secret`
    returns a Secret's content by its name.
    """
    for monitor in (made for made in rendered.objects if made["kind"] == "PodMonitor"):
        spec = monitor["spec"]
        assert spec["jobLabel"] == "component"
        job = spec["selector"]["matchLabels"]["component"]
        (endpoint,) = spec["podMetricsEndpoints"]
        config: dict[str, Any] = {
            "job_name": job,
            "metrics_path": endpoint["path"],
            "static_configs": [
                {"targets": [address], "labels": {"namespace": NAMESPACE, "pod": pod}}
                for pod, address in targets[job].items()
            ],
        }
        if "authorization" in endpoint:
            token = endpoint["authorization"]["credentials"]
            config["authorization"] = {
                "type": endpoint["authorization"]["type"],
                "credentials": secret(token["name"])[token["key"]],
            }
        yield config


def rule_file(rendered: Rendered) -> dict[str, Any]:
    """The rules, as a file that Prometheus reads."""
    return {"groups": rendered.get("PrometheusRule", "jupyterhub-alerts")["spec"]["groups"]}


def alert_expressions(rendered: Rendered) -> dict[str, str]:
    """The alerts' expressions by name."""
    rules = [rule for group in rule_file(rendered)["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule["expr"] for rule in rules}


def selectors(expression: str) -> list[str]:
    """The selectors of series in an expression, without functions and comparisons.

    Each one of ours has braces, and no label's value has.
    """
    return sorted(set(re.findall(r"[a-z_]+\{[^}]*\}", expression)))


def panel_expressions(rendered: Rendered) -> dict[str, str]:
    """The dashboard's expressions by panel and legend, with what Grafana fills in."""
    data = rendered.get("ConfigMap", "jupyterhub-dashboard")["data"]
    return dict(_panels(json.loads(data["jupyterhub-ha.json"])))


def _panels(dashboard: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"].replace("$namespace", NAMESPACE)
            name = f"{panel['title']}: {target['legendFormat']}"
            yield name, expression.replace("$__rate_interval", "1m")
