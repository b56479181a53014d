"""Label selectors and pod templates."""

import pytest

from proxy_gen import objects, stream, yaml_text


@pytest.mark.parametrize(
    ("selector", "labels", "result"),
    [
        ({}, {"a": "1"}, True),
        (None, {}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True),
        ({"matchLabels": {"a": "1"}}, {"a": "2"}, False),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {"a": "1"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, {}, True),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, {}, False),
    ],
)
def test_matches(selector, labels, result):
    assert objects.matches(selector, labels) is result


def test_templates_of_every_workload():
    pod = {
        "metadata": {"labels": {"a": "1"}},
        "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 80}]}]},
    }
    given = [
        {"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": pod}},
        {
            "kind": "CronJob",
            "metadata": {"name": "c"},
            "spec": {"jobTemplate": {"spec": {"template": pod}}},
        },
        {"kind": "Pod", "metadata": {"name": "p", **pod["metadata"]}, "spec": pod["spec"]},
        {"kind": "Service", "metadata": {"name": "s"}},
    ]
    documents = stream.split("---\n".join(yaml_text.dump(one) for one in given))
    found = objects.pod_templates(documents)
    assert [one.path for one in found] == [
        "spec.jobTemplate.spec.template.spec",
        "spec.template.spec",
        "spec",
    ]
    for one in found:
        assert one.labels == {"a": "1"}
        assert one.port_names() == {"http"}
        assert one.port_numbers() == {80}
