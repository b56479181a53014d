"""What helm prints when the chart refuses values becomes problems with places."""

import pytest

from proxy_gen import certificates, render, secrets
from proxy_gen.errors import ToolError
from proxy_gen.values import Values, parse

REFUSED = """\
Error: execution error at (jupyterhub-ha/templates/validate.yaml:20:4): these values do not fit \
together:
proxy.etcd.replicas: 2 members survive no more losses than one less; use 1, 3 or 5
hub.db.url: is empty, and a database of type mysql is elsewhere; give its URL

Use --debug flag to render out invalid YAML
"""
BROKEN = """\
Error: template: jupyterhub-ha/templates/hub/deployment.yaml:3:24: executing \
"jupyterhub-ha/templates/hub/deployment.yaml" at <.Values.x.y>: nil pointer evaluating
"""


def given(text="proxy:\n  etcd:\n    replicas: 2\nhub: {}\n"):
    source = parse(text, "v.yaml")
    return Values(source.data, (source,))


def test_refusals_have_places():
    found = render.refusals(REFUSED, given())
    assert [(one.file, one.line, one.path, one.cure) for one in found] == [
        ("v.yaml", 3, "proxy.etcd.replicas", "use 1, 3 or 5"),
        ("v.yaml", 4, "hub.db.url", "give its URL"),
    ]


def test_other_failures_are_the_charts():
    with pytest.raises(ToolError, match="nil pointer"):
        render.refusals(BROKEN, given())


def test_other_failures_follow_from_wrong_shapes():
    assert render.refusals(BROKEN, given(), strict=False) == []


def test_placeholders_only_for_what_is_missing():
    cookie = {"hub": {"cookieSecret": "ab", "x": 1}}
    whole, absent = render.with_placeholders(cookie)
    assert "hub.cookieSecret" not in absent
    assert len(absent) == len(secrets.SECRETS) - 1
    assert whole["hub"]["cookieSecret"] == "ab"
    assert whole["hub"]["x"] == 1
    assert whole["proxy"]["secretToken"] == secrets.PLACEHOLDER
    assert cookie == {"hub": {"cookieSecret": "ab", "x": 1}}


@pytest.mark.parametrize("values", [{"hub": 5}, {"proxy": {"etcd": []}}, {"hub": None}])
def test_wrong_shapes_are_left_to_the_schema(values):
    whole, _ = render.with_placeholders(values)
    assert {key: whole[key] for key in values if key == "hub"} == {
        key: value for key, value in values.items() if key == "hub"
    }


def certificate_problems(crt, key):
    https = {"enabled": True, "type": "manual", "manual": {"cert": crt, "key": key}}
    return render.certificate_problems(Values({"proxy": {"https": https}}))


def test_a_certificate_with_its_own_key():
    pair = certificates.make_ca()
    assert certificate_problems(pair.crt, pair.key) == []


@pytest.mark.parametrize(
    ("crt", "key", "part", "what"),
    [
        ("own", "other", "key", "the key does not belong to the first certificate"),
        ("own", "none", "key", "the key is no PEM private key"),
        ("none", "own", "cert", "there is no PEM certificate"),
    ],
)
def test_a_certificate_that_cannot_be_served(crt, key, part, what):
    texts = {name: certificates.make_ca() for name in ("own", "other")}
    texts["none"] = certificates.Pair("text", "text")
    (problem,) = certificate_problems(texts[crt].crt, texts[key].key)
    assert problem.path == f"proxy.https.manual.{part}"
    assert what in problem.what
    assert problem.cure
