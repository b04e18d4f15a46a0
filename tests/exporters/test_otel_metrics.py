"""A monitor's figures as OTLP, decoded by real collectors: names, units and exact counts."""

from __future__ import annotations

import os
import time

import pytest
from collectors import GrpcCollector, HttpCollector, KeepAliveCollector, attributes_of
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.resources import Resource

from pytest_perfmon.exporters.buckets import GENERAL_BOUNDS_S, REQUEST_BOUNDS_S
from pytest_perfmon.exporters.otel import OpenTelemetryExporter
from pytest_perfmon.monitor.core import PerformanceMonitor

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


@pytest.fixture(params=[GrpcCollector, HttpCollector])
def collector(request):
    """A collector that listens, one by gRPC and one by HTTP."""
    with request.param() as collector:
        yield collector


@pytest.fixture
def monitor():
    """Requests, another operation, failures and a cancelled call."""
    monitor = PerformanceMonitor()
    for _ in range(7):
        monitor.record("GET /users/{id}", 30_000_000, status=200)
    monitor.record("GET /users/{id}", 300_000_000, error_type="500", status=500)
    monitor.record("_OTHER <unmatched>", 1_000_000)
    monitor.record("GET /users/{id} (first byte)", 1_000_000)
    monitor.record("db.query", 2_000_000)
    monitor.record("db.query", 3_000_000, error_type="app.Broken")
    monitor.record("db.query", 1, error_type="CancelledError", cancelled=True)
    return monitor


@pytest.fixture
def exporting(collector, monitor):
    """Exports the monitor to the collector when it is told to."""
    with OpenTelemetryExporter(
        monitor,
        collector.exporter(),
        resource=Resource.create({"service.name": "shop"}),
        url_scheme="https",
        interval="600s",
    ) as exporting:
        yield exporting


def points_of(metric):
    """Give a metric's points by their attributes' values."""
    kind = metric.WhichOneof("data")
    points = getattr(metric, kind).data_points
    return {tuple(sorted(attributes_of(point).items())): point for point in points}


def test_the_collector_gets_names_units_and_exact_counts(collector, exporting):
    """Requests bear semantic names, all others ours; seconds; counts, sums and buckets exact."""
    started = time.time_ns()
    assert exporting.flush("30s")
    metrics = collector.metrics
    assert {name: metric.unit for name, metric in metrics.items()} == {
        "http.server.request.duration": "s",
        "perfmon.operation.duration": "s",
        "perfmon.operation.errors": "{call}",
        "perfmon.operation.cancelled": "{call}",
    }
    requests = metrics["http.server.request.duration"].histogram
    assert requests.aggregation_temporality == CUMULATIVE
    points = points_of(metrics["http.server.request.duration"])
    users = {"http.request.method": "GET", "http.route": "/users/{id}", "url.scheme": "https"}
    failed = {**users, "http.response.status_code": 500, "error.type": "500"}
    assert points.keys() == {
        tuple(sorted(about.items()))
        for about in (
            {**users, "http.response.status_code": 200},
            failed,
            {"http.request.method": "_OTHER", "url.scheme": "https"},
        )
    }
    users = points[tuple(sorted({**users, "http.response.status_code": 200}.items()))]
    assert users.count == 7
    assert users.sum == pytest.approx(0.21)
    assert (users.min, users.max) == (pytest.approx(0.03), pytest.approx(0.03))
    assert list(users.explicit_bounds) == list(REQUEST_BOUNDS_S)
    assert list(users.bucket_counts) == [0, 0, 0, 7, *[0] * 11]
    failed = points[tuple(sorted(failed.items()))]
    assert list(failed.bucket_counts) == [*[0] * 7, 1, *[0] * 7]
    assert users.start_time_unix_nano < started <= users.time_unix_nano
    others = points_of(metrics["perfmon.operation.duration"])
    assert {about: point.count for about, point in others.items()} == {
        (("perfmon.operation", "GET /users/{id} (first byte)"),): 1,
        (("perfmon.operation", "db.query"),): 2,
    }
    errors = points_of(metrics["perfmon.operation.errors"])
    assert {about: point.as_int for about, point in errors.items()} == {
        (("error.type", "500"), ("perfmon.operation", "GET /users/{id}")): 1,
        (("error.type", "app.Broken"), ("perfmon.operation", "db.query")): 1,
    }
    assert metrics["perfmon.operation.errors"].sum.is_monotonic
    (cancelled,) = points_of(metrics["perfmon.operation.cancelled"]).values()
    assert cancelled.as_int == 1


def test_it_says_whose_figures_they_are(collector, exporting):
    """The resource is the application's, the scope this package's."""
    exporting.flush("30s")
    (resource_metrics,) = collector.requests[-1].resource_metrics
    assert attributes_of(resource_metrics.resource)["service.name"] == "shop"
    (scope_metrics,) = resource_metrics.scope_metrics
    assert scope_metrics.scope.name == "pytest_perfmon"
    assert scope_metrics.scope.version


def test_a_collector_that_comes_back_has_every_call(collector, monitor, exporting):
    """Calls counted while the collector was dead are in the first export after it."""
    assert exporting.flush("30s")
    collector.__exit__()
    for _ in range(100):
        monitor.record("db.query", 1_000_000)
    assert not exporting.flush("30s")
    with collector:
        # on a busy machine gRPC may not have found the collector again at the first try
        assert any(exporting.flush("30s") for _ in range(5))
        durations = points_of(collector.metrics["perfmon.operation.duration"])
        assert durations[("perfmon.operation", "db.query"),].count == 102
    assert exporting.counts().given_up >= 1
    collector.__enter__()


class Kept(MetricExporter):
    """An exporter of the SDK that keeps what it gets, and answers as it is told."""

    def __init__(self, result=MetricExportResult.SUCCESS):
        super().__init__()
        self.result = result
        self.exported = []
        self.shut_down = 0

    def export(self, metrics_data, *_, **__):
        """Keep the metrics."""
        self.exported.append(metrics_data)
        return self.result

    def force_flush(self, *_):
        """Nothing waits."""
        return True

    def shutdown(self, *_, **__):
        """Count how often."""
        self.shut_down += 1

    def points(self):
        """Give the points of the last export's first metric."""
        return self.exported[-1].resource_metrics[0].scope_metrics[0].metrics[0].data.data_points


def test_totals_go_up_from_a_fixed_start_and_begin_anew_after_a_reset():
    """Cumulative points keep their start time; after a reset it is that of the export before."""
    monitor, kept = PerformanceMonitor(), Kept()
    with OpenTelemetryExporter(monitor, kept, interval="600s") as exporting:
        seen = []
        for calls in (2, 3, "reset", 1):
            if calls == "reset":
                monitor.reset()
                continue
            for _ in range(calls):
                monitor.record("a", 5)
            assert exporting.flush("30s")
            (point,) = kept.points()
            seen.append((point.count, point.start_time_unix_nano, point.time_unix_nano))
    (first, start, _), (second, same, before), (third, anew, _) = seen
    assert [first, second, third] == [2, 5, 1]
    assert same == start
    assert anew == before


def test_an_operation_that_comes_later_starts_at_the_export_before():
    """What was not there at an export began after it."""
    monitor, kept = PerformanceMonitor(), Kept()
    with OpenTelemetryExporter(monitor, kept, interval="600s") as exporting:
        monitor.record("a", 5)
        exporting.flush("30s")
        before = kept.points()[0].time_unix_nano
        monitor.record("b", 5)
        exporting.flush("30s")
        assert kept.points()[1].start_time_unix_nano == before


def test_other_operations_have_bounds_for_quick_ones():
    """What is no request may take microseconds, and its bounds say so."""
    monitor, kept = PerformanceMonitor(), Kept()
    monitor.record("cache.get", 50_000)
    with OpenTelemetryExporter(monitor, kept, interval="600s") as exporting:
        exporting.flush("30s")
    (point,) = kept.points()
    assert tuple(point.explicit_bounds) == GENERAL_BOUNDS_S
    assert point.bucket_counts[0] == 1


def test_a_failed_export_is_given_up_and_shutdown_comes_last():
    """An exporter that says it failed counts as failed; closing shuts it down."""
    monitor, kept = PerformanceMonitor(), Kept(MetricExportResult.FAILURE)
    monitor.record("a", 5)
    exporting = OpenTelemetryExporter(monitor, kept, interval="600s")
    assert not exporting.flush("30s")
    assert exporting.counts().given_up == 1
    exporting.close()
    exporting.close()
    assert kept.shut_down == 1


def test_a_scheme_that_nobody_knows_is_not_sent():
    """Without `url_scheme` requests have none: a proxy may speak another one."""
    monitor, kept = PerformanceMonitor(), Kept()
    monitor.record("GET /x", 5, status=204)
    with OpenTelemetryExporter(monitor, kept, interval="600s") as exporting:
        exporting.flush("30s")
    (point,) = kept.points()
    assert point.attributes == {
        "http.request.method": "GET",
        "http.route": "/x",
        "http.response.status_code": 204,
    }


def test_only_cancelled_calls_are_no_durations():
    """An operation whose calls were all cancelled has no histogram, whose extremes would be 0."""
    monitor, kept = PerformanceMonitor(), Kept()
    for name in ("a", "GET /x"):
        monitor.record(name, 5, error_type="CancelledError", cancelled=True)
    with OpenTelemetryExporter(monitor, kept, interval="600s") as exporting:
        exporting.flush("30s")
    (metric,) = kept.exported[0].resource_metrics[0].scope_metrics[0].metrics
    assert metric.name == "perfmon.operation.cancelled"


def test_nothing_counted_is_nothing_sent():
    """A monitor without calls makes no export."""
    kept = Kept()
    with OpenTelemetryExporter(PerformanceMonitor(), kept, interval="600s") as exporting:
        assert exporting.flush("30s")
    assert kept.exported == []


def test_a_name_that_is_no_unicode_spoils_nothing(collector, monitor, exporting):
    """Lone surrogates are written as escapes; all other operations are there."""
    monitor.record("bad\udcff", 1)
    assert exporting.flush("30s")
    assert len(points_of(collector.metrics["perfmon.operation.duration"])) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("made", [True, False])
def test_a_forked_child_is_an_instance_over_its_own_connection(made, caplog):
    """Parent and child are two series; given a function they have two connections, or it is said.

    Two processes that speak over one connection mix up their requests and answers.
    """
    monitor = PerformanceMonitor()
    monitor.record("a", 5)
    with KeepAliveCollector() as collector:
        exporter = collector.exporter if made else collector.exporter()
        with OpenTelemetryExporter(monitor, exporter, interval="600s") as exporting:
            assert exporting.flush("30s")
            child = os.fork()
            if child == 0:
                good = False
                try:
                    said = any("connection" in message for message in caplog.messages)
                    good = exporting.flush("30s") and said is not made
                finally:
                    os._exit(not good)
            _, status = os.waitpid(child, 0)
            assert status == 0
            assert exporting.flush("30s")
        (before, parent), (other, instance), after = collector.taken[:3]
    assert after == (before, parent)
    assert instance != parent
    assert (other != before) is made
