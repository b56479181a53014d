"""Every alert on made-up series, by promtool: it fires when it should, and nothing else does."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.chart.test_tmpnb import LEAST
from tests.monitoring.rendered import alert_expressions, render_all, rule_file
from tests.support.chart import CHART
from tests.support.processes import TOOLS_BIN

from jupyterhub_ha.values import merge

SPEC = yaml.safe_load(Path(__file__).with_name("alert_cases.yaml").read_text())
PROXY = {"traefik": {"replicas": 2}, "etcd": {"replicas": 3}}


@pytest.fixture(scope="module")
def rendered():
    return render_all(PROXY, **merge(LEAST, {"tmpnb": {"static": {"enabled": True}}}))


def promtool(*words, cwd):
    command = [TOOLS_BIN / "promtool", *words]
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=100
    )
    return done.returncode, done.stdout + done.stderr


def write(folder, name, document):
    (folder / name).write_text(yaml.safe_dump(document, sort_keys=False))


def rule_test(case):
    """A case as promtool takes it: which alerts fire, and no others, at each of its minutes."""
    series = {**SPEC["healthy"], **case["series"]}
    return {
        "name": case["name"],
        "interval": "1m",
        "input_series": [
            {"series": name, "values": values} for name, values in series.items() if values
        ],
        "promql_expr_test": [
            {
                "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{minute}m",
                "exp_samples": [
                    {"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in alerts
                ],
            }
            for minute, alerts in case["fires"].items()
        ],
    }


def test_prometheus_accepts_the_rules(rendered, tmp_path):
    write(tmp_path, "rules.yaml", rule_file(rendered))
    code, output = promtool(
        "check", "rules", "--lint=all", "--lint-fatal", "rules.yaml", cwd=tmp_path
    )
    assert code == 0, output
    assert f"{len(alert_expressions(rendered))} rules found" in output


@pytest.mark.parametrize("file", ["alerts.yaml", "tmpnb-alerts.yaml"])
def test_prometheus_accepts_the_file_as_it_is(file, tmp_path):
    """Its placeholders are PromQL themselves, so that an editor's checks work on it."""
    shutil.copy(CHART / "files/monitoring" / file, tmp_path)
    code, output = promtool("check", "rules", file, cwd=tmp_path)
    assert code == 0, output


def tried(case, rendered, folder):
    """promtool's exit status and what it said of a case, with the release's rules."""
    write(folder, "rules.yaml", rule_file(rendered))
    document = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": "1m",
        "tests": [rule_test(case)],
    }
    write(folder, "tests.yaml", document)
    return promtool("test", "rules", "tests.yaml", cwd=folder)


@pytest.mark.parametrize("case", SPEC["cases"], ids=lambda case: case["name"])
def test_what_fires(case, rendered, tmp_path):
    code, output = tried(case, rendered, tmp_path)
    assert code == 0, output


def test_a_case_can_fail(rendered, tmp_path):
    """The expectation that nothing fires is no empty one."""
    case = next(case for case in SPEC["cases"] if case["name"] == "the hub is gone")
    code, output = tried({**case, "fires": {40: []}}, rendered, tmp_path)
    assert code != 0
    assert "JupyterHubDown" in output


def test_every_alert_fires_in_a_case(rendered):
    fired = {name for c in SPEC["cases"] for names in c["fires"].values() for name in names}
    assert fired == set(alert_expressions(rendered))


def test_every_changed_series_is_one_of_a_healthy_system_or_new():
    """A misspelt name would leave the healthy series in place."""
    for case in SPEC["cases"]:
        for name, values in case["series"].items():
            known = name in SPEC["healthy"]
            new = "other" in name or "proxy-c" in name
            assert known or (new and values), (case["name"], name)
