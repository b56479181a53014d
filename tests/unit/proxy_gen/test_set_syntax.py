"""The syntax of --set; tests/contract compares the same cases with the real helm."""

import pytest

from proxy_gen import set_syntax
from proxy_gen.errors import UsageError

SET = [
    ("a=b", {"a": "b"}),
    ("a.b=c,d=e", {"a": {"b": "c"}, "d": "e"}),
    (r"a\.b=c", {"a.b": "c"}),
    (r"a=x\,y", {"a": "x,y"}),
    ("a[0].b=1", {"a": [{"b": 1}]}),
    ("a[2]=x", {"a": [None, None, "x"]}),
    ("a[0][1]=2", {"a": [[None, 2]]}),
    ("a[0].b=1,a[1].b=2,a[0].c=3", {"a": [{"b": 1, "c": 3}, {"b": 2}]}),
    ("a={x,y}", {"a": ["x", "y"]}),
    ("a={1,true},b=2", {"a": [1, True], "b": 2}),
    ("a={}", {"a": [""]}),
    ("a=", {"a": ""}),
    ("a=1", {"a": 1}),
    ("a=01", {"a": "01"}),
    ("a=-5", {"a": -5}),
    ("a=+5", {"a": 5}),
    ("a=1.5", {"a": "1.5"}),
    ("a=TRUE", {"a": True}),
    ("a=Null", {"a": None}),
    ("a=b=c", {"a": "b=c"}),
    ("a=9223372036854775808", {"a": "9223372036854775808"}),
    ("a=b,", {"a": "b"}),
]
BAD_SET = ["a", "a,b=1", "a[x]=1", "a[0]x=1", "a={x", "a[-1]=1", "a..b=1", "a[99999999]=1"]


@pytest.mark.parametrize(("text", "data"), SET)
def test_set(text, data):
    target = {}
    set_syntax.apply_set(text, target)
    assert target == data


@pytest.mark.parametrize("text", BAD_SET)
def test_bad_set_names_the_option(text):
    with pytest.raises(UsageError, match=r"^--set "):
        set_syntax.apply_set(text, {})


def test_set_keeps_what_is_there():
    target = {"a": {"b": 1, "c": [1, 2]}}
    set_syntax.apply_set("a.c[1]=9,a.d=x", target)
    assert target == {"a": {"b": 1, "c": [1, 9], "d": "x"}}


def test_set_string_has_no_types():
    target = {}
    set_syntax.apply_set_string("a=1,b=true,c=null,d={1,2}", target)
    assert target == {"a": "1", "b": "true", "c": "null", "d": ["1", "2"]}


def test_set_json():
    target = {}
    set_syntax.apply_set_json('a={"b": [1, null]} ,c=2,d=,e[1]="x"', target)
    assert target == {"a": {"b": [1, None]}, "c": 2, "d": None, "e": [None, "x"]}


def test_bad_json_names_the_place():
    with pytest.raises(UsageError, match="no JSON at character 4"):
        set_syntax.apply_set_json("a={x}", {})


def test_set_file(tmp_path):
    (tmp_path / "f.py").write_text("c.X = 1\n")
    target = {}
    set_syntax.apply_set_file(f"a.b={tmp_path / 'f.py'}", target)
    assert target == {"a": {"b": "c.X = 1\n"}}
    with pytest.raises(UsageError, match="--set-file"):
        set_syntax.apply_set_file("a=/does/not/exist", {})


def test_depth_is_bounded():
    with pytest.raises(UsageError, match="nested deeper"):
        set_syntax.apply_set(".".join("a" * 50) + "=1", {})
