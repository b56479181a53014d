"""Values files and --set are merged as by helm itself."""

import json
import subprocess

import pytest

from proxy_gen import values, yaml_text
from proxy_gen.tools import find_tool
from proxy_gen.values import Overrides


@pytest.fixture(scope="module")
def echo_chart(tmp_path_factory):
    """A chart that prints its values."""
    folder = tmp_path_factory.mktemp("echo")
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: echo\nversion: 0.1.0\n")
    (folder / "values.yaml").write_text("deep: {a: 1, b: {c: 2}}\nlist: [1]\n")
    (folder / "templates").mkdir()
    (folder / "templates" / "v.yaml").write_text("v: {{ .Values | toJson }}\n")
    return folder


def helm_sees(echo, *arguments, stdin=None):
    done = subprocess.run(
        [find_tool("helm"), "template", "x", echo, *arguments],
        capture_output=True,
        text=True,
        input=stdin,
        check=True,
    )
    return json.loads(done.stdout.split("v: ", 1)[1])


FILES = [
    ["deep: {a: null}\n"],
    ["deep: {b: {d: 3}}\n", "deep: {b: {c: null}}\n"],
    ["deep: null\n"],
    ["list: [2, 3]\n", "list: [4]\n"],
    ["x: {a: 1}\n", "x: null\n", "x: {b: 2}\n"],
    ["x: y\n", "z: {on: 1, 5: 2}\n"],
    ["a: &a {x: 1}\nb: {<<: *a, y1: 2}\n"],
    ["a: [0644, 0o17, 08, 1e3, 1.0, 1:30, 2026-01-01, =, ~, no, 1_000, 0x1f, .5]\n"],
]


@pytest.mark.parametrize("texts", FILES)
def test_files_merge_as_in_helm(echo_chart, tmp_path, texts):
    names = []
    for number, text in enumerate(texts):
        names.append(tmp_path / f"{number}.yaml")
        names[-1].write_text(text)
    merged = values.read(names)
    wanted = helm_sees(echo_chart, *(part for name in names for part in ("-f", name)))
    assert helm_sees(echo_chart, "-f", "-", stdin=merged.to_json()) == wanted
    defaults = yaml_text.load((echo_chart / "values.yaml").read_text())
    assert values.coalesce(merged.data, defaults) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "a=b", "a.b=c,d=e", r"a\.b=c", r"a=x\,y", "a[0].b=1", "a[2]=x", "a[0][1]=2", "a={x,y}",
        "a={1,true},b=2", "a={}", "a=", "a=1", "a=01", "a=-5", "a=+5", "a=1.5", "a=TRUE", "a=Null",
        "a=b=c", "a=9223372036854775808", "deep.b=null", "list[1]=5", "deep.b.c=9",
    ],
)  # fmt: skip
def test_set_as_in_helm(echo_chart, text):
    given = values.read([], Overrides(set=[text])).to_json()
    assert helm_sees(echo_chart, "-f", "-", stdin=given) == helm_sees(echo_chart, "--set", text)
    given = values.read([], Overrides(set_string=[text])).to_json()
    wanted = helm_sees(echo_chart, "--set-string", text)
    assert helm_sees(echo_chart, "-f", "-", stdin=given) == wanted
