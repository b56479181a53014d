"""What operators see."""

import pytest

from jupyterhub_ha.tmpnb_pool import Phase, Server
from jupyterhub_ha.tmpnb_report import Report, percentile


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 50, None),
        ([3.0], 99, 3.0),
        ([1.0, 2.0, 3.0, 4.0], 50, 2.0),
        ([1.0, 2.0, 3.0, 4.0], 99, 4.0),
        ([float(n) for n in range(1, 101)], 99, 99.0),
    ],
)
def test_percentiles(values, percent, expected):
    assert percentile(values, percent) == expected


def test_servers_are_counted_by_what_they_are():
    report = Report()
    servers = [
        Server("a", Phase.READY, "new"),
        Server("b", Phase.READY, "old"),
        Server("c", Phase.STARTING, "new"),
        Server("d", Phase.READY, "old", taken=1.0),
        Server("e", Phase.ENDING, "new", taken=1.0),
        Server("f", Phase.READY, "new", dead=True),
    ]
    report.saw(servers, "new", wanted=5, waiting=7)
    document = report.document(with_reasons=False)
    assert document["pool"] == {"wanted": 5, "ready": 1, "starting": 1, "old": 1}
    assert (document["claimed"], document["ending"], document["waiting"]) == (1, 2, 7)


def test_reasons_of_failures_are_for_operators():
    report = Report()
    report.failed("image registry.internal/x:1 is gone")
    report.spawned(2.5)
    report.end("idle")
    assert "registry" not in str(report.document(with_reasons=False))
    document = report.document(with_reasons=True)
    assert document["last_failure"] == "image registry.internal/x:1 is gone"
    assert document["failures"] == 1
    assert document["spawn_seconds"] == {"p50": 2.5, "p99": 2.5, "of": 1}
    assert document["ended"] == {"idle": 1, "age": 0, "dead": 0, "stopped": 0, "surplus": 0}
