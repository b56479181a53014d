"""Every values file of bad_values.yaml is refused, with the right place and a cure."""

import re
from pathlib import Path

import pytest

from proxy_gen import values, yaml_text
from proxy_gen.errors import ProblemsError
from proxy_gen.render import render

CASES = yaml_text.load(Path(__file__).with_name("bad_values.yaml").read_text())


def as_list(value):
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_refused(case, tmp_path):
    file = tmp_path / "values.yaml"
    file.write_text(case["values"])
    with pytest.raises(ProblemsError) as refusal:
        render(values.read([file]))
    problems = refusal.value.problems
    paths, lines = as_list(case["path"]), as_list(case.get("line", 1))
    for path, line in zip(paths, lines, strict=True):
        assert (str(file), line, path) in [(one.file, one.line, one.path) for one in problems]
    text = "\n".join(map(str, problems))
    for words in case["says"]:
        assert re.search(words, text) or words in text, text
    assert all(one.what and one.cure for one in problems), text


def test_the_table_is_long_and_names_each_case_once():
    names = [case["name"] for case in CASES]
    assert len(names) >= 60
    assert len(set(names)) == len(names)
