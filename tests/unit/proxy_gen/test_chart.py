"""The chart is found beside an installed package and in a clone, and nowhere else."""

import pytest

from proxy_gen import chart
from proxy_gen.errors import UsageError


def make_chart(folder, name=chart.NAME):
    folder.mkdir(parents=True)
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\n")
    return folder


@pytest.fixture(autouse=True)
def no_choice(monkeypatch):
    monkeypatch.delenv("PROXY_GEN_CHART", raising=False)


def test_installed_package_carries_it(tmp_path):
    package = tmp_path / "site-packages" / "proxy_gen"
    found = make_chart(package / "chart")
    assert chart.find(package) == found
    assert chart.clone_root(package) is None


def test_clone_has_it_beside_the_generator(tmp_path):
    package = tmp_path / "generator" / "proxy_gen"
    package.mkdir(parents=True)
    assert chart.clone_root(package) is None
    found = make_chart(tmp_path / "chart")
    assert chart.clone_root(package) == tmp_path
    assert chart.find(package) == found


def test_other_charts_are_not_taken(tmp_path):
    package = tmp_path / "generator" / "proxy_gen"
    make_chart(tmp_path / "chart", name="other")
    with pytest.raises(UsageError, match="the chart was not found"):
        chart.find(package)


def test_chosen_by_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("PROXY_GEN_CHART", str(make_chart(tmp_path / "mine")))
    assert chart.find(tmp_path) == tmp_path / "mine"
    monkeypatch.setenv("PROXY_GEN_CHART", str(tmp_path))
    with pytest.raises(UsageError, match=r"\$PROXY_GEN_CHART"):
        chart.find(tmp_path)


def test_this_clone_has_one():
    assert (chart.find() / "values.yaml").is_file()
    assert chart.schema(chart.find())["type"] == "object"
    assert "proxy" in chart.defaults(chart.find())


def test_missing_schema_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"values\.schema\.json: cannot be read"):
        chart.schema_text(tmp_path)
