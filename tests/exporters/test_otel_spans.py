"""Whatever makes OpenTelemetry spans feeds the monitor, and its own exporter feeds nothing."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap

import httpx
import pytest
from collectors import HttpCollector
from fastapi import APIRouter, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricExportResult,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Status, StatusCode

from pytest_perfmon.errors import UsageError
from pytest_perfmon.exporters.otel import OpenTelemetryExporter, PerfmonSpanProcessor
from pytest_perfmon.monitor.core import PerformanceMonitor

MS = 1_000_000


@pytest.fixture
def monitor():
    """Where spans are counted."""
    return PerformanceMonitor()


@pytest.fixture
def provider(monitor):
    """Makes spans that the monitor hears of."""
    provider = TracerProvider()
    provider.add_span_processor(PerfmonSpanProcessor(monitor))
    return provider


@pytest.fixture
def tracer(provider):
    """Makes spans by hand."""
    return provider.get_tracer("test")


def test_a_span_is_a_call_as_long_as_the_span(tracer, monitor):
    """The operation is the span's name, the duration its end less its start, to the nanosecond."""
    tracer.start_span("query", start_time=10 * MS).end(end_time=12 * MS + 7)
    stats = monitor.get_stats("query")
    assert (stats.success_count, stats.total_ns) == (1, 2 * MS + 7)


@given(start=st.integers(0, 2**62), end=st.integers(0, 2**62), name=st.text(max_size=3))
def test_any_times_and_names_are_counted(start, end, name):
    """A clock set back is a call of no length, a name that is empty has one of ours."""
    monitor = PerformanceMonitor()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(PerfmonSpanProcessor(monitor))
    # The SDK takes a start of 0 for none.
    provider.get_tracer("test").start_span(name, start_time=start + 1).end(end_time=end + 1)
    stats = monitor.get_stats(name or "(unnamed)")
    assert (stats.count, stats.total_ns) == (1, max(0, end - start))


@pytest.mark.parametrize("name", ["http.response.status_code", "http.status_code"])
def test_an_http_span_has_its_response_status(tracer, monitor, name):
    """By its name of today or of old, failed or not; what is no number is no status."""
    for status in (200, 404, 503, "odd"):
        with tracer.start_as_current_span("GET /x", attributes={name: status}) as span:
            if status == 503:
                span.set_status(Status(StatusCode.ERROR))
    stats = monitor.get_stats("GET /x")
    assert stats.status_classes == {"2xx": 1, "4xx": 1, "5xx": 1}
    assert (stats.count, stats.error_count) == (4, 1)


def test_a_span_with_the_status_of_an_error_failed(tracer, monitor):
    """What raised is counted under the exception's class, and goes on."""
    with pytest.raises(KeyError), tracer.start_as_current_span("query"):
        raise KeyError("x")
    stats = monitor.get_stats("query")
    assert (stats.error_count, stats.errors_by_type) == (1, {"KeyError": 1})


@pytest.mark.parametrize(
    ("attributes", "status", "errors"),
    [
        ({"error.type": "timeout"}, StatusCode.ERROR, {"timeout": 1}),
        ({}, StatusCode.ERROR, {"unknown": 1}),
        ({"error.type": "timeout"}, StatusCode.UNSET, {}),
        ({}, StatusCode.OK, {}),
    ],
)
def test_errors_are_told_by_status_and_named_by_attribute(
    tracer, monitor, attributes, status, errors
):
    """The status says whether it failed, `error.type` what as."""
    span = tracer.start_span("query", attributes=attributes)
    span.set_status(Status(status))
    span.end()
    assert monitor.get_stats("query").errors_by_type == errors


def test_spans_may_be_named_and_left_out(provider):
    """`name_for` tells libraries apart whose spans have the same names, and leaves spans out."""
    monitor = PerformanceMonitor()

    def name_for(span):
        scope = span.instrumentation_scope.name
        return None if scope == "noise" else f"{scope}.{span.name}"

    provider.add_span_processor(PerfmonSpanProcessor(monitor, name_for=name_for))
    for scope in ("httpx", "redis", "noise"):
        provider.get_tracer(scope).start_span("GET").end()
    assert [stats.operation for stats in monitor.get_stats()] == ["httpx.GET", "redis.GET"]


def test_what_cannot_name_a_span_is_refused(monitor):
    """A name in place of a function is an error at once."""
    with pytest.raises(UsageError, match=r"^name_for is 'redis'"):
        PerfmonSpanProcessor(monitor, name_for="redis")


def test_slow_spans_alert(provider):
    """A span is watched as any call is: a slow one makes an event."""
    heard = []
    monitor = PerformanceMonitor(slow_threshold="1ms", on_slow=heard.append)
    provider.add_span_processor(PerfmonSpanProcessor(monitor))
    provider.get_tracer("test").start_span("query", start_time=1).end(end_time=2 * MS)
    assert [event.operation for event in heard] == ["query"]


def test_spans_that_are_sampled_out_are_not_counted(monitor):
    """What the sampler leaves out is not heard of."""
    provider = TracerProvider(sampler=ALWAYS_OFF)
    provider.add_span_processor(PerfmonSpanProcessor(monitor))
    with provider.get_tracer("test").start_as_current_span("query"):
        pass
    assert monitor.get_stats() == []


def test_names_are_bounded_by_the_monitor(provider):
    """A flood of span names stays within `max_operations`."""
    monitor = PerformanceMonitor(max_operations=10)
    provider.add_span_processor(PerfmonSpanProcessor(monitor))
    tracer = provider.get_tracer("test")
    for number in range(100):
        tracer.start_span(f"GET /{number}").end()
    assert len(monitor.get_stats()) == 11
    assert monitor.get_stats("__other__").count == 90


def test_nothing_reaches_the_application(tracer, monitor, monkeypatch, caplog):
    """A monitor that raises is logged once, and the span's code goes on."""

    def record(*_, **__):
        raise RuntimeError("broken monitor")

    monkeypatch.setattr(monitor, "record", record)
    with caplog.at_level(logging.ERROR, "pytest_perfmon"):
        for _ in range(3):
            with tracer.start_as_current_span("query"):
                pass
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_fastapis_own_spans_are_counted_by_route(provider, monitor):
    """Requests of an application that is not changed at all are operations of their template."""
    app = FastAPI(telemetry={"tracer_provider": provider, "metrics": False, "logs": False})
    router = APIRouter(prefix="/api")

    @router.get("/items/{number}")
    def item(number: int):
        if number == 13:
            raise RuntimeError("unlucky")
        return number

    app.include_router(router)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    async def visit():
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            for number in range(20):
                await client.get(f"/api/items/{number}")

    asyncio.run(visit())
    stats = monitor.get_stats("GET /api/items/{number}")
    assert (stats.count, stats.error_count) == (20, 1)


class Instrumented(ConsoleMetricExporter):
    """An exporter whose client makes a span of each request, whatever is suppressed."""

    def __init__(self, tracer):
        super().__init__()
        self.tracer = tracer
        self.suppressed = []

    def export(self, *_, **__):
        """Make a span, as a client does that is instrumented carelessly."""
        self.suppressed.append(get_value(_SUPPRESS_INSTRUMENTATION_KEY))
        with self.tracer.start_as_current_span("POST"):
            return MetricExportResult.SUCCESS


def test_an_instrumented_exporter_does_not_feed_itself(tracer, monitor):
    """Spans of exports are not counted, and well-behaved clients are told to make none."""
    monitor.record("a", 1)
    exporter = Instrumented(tracer)
    with OpenTelemetryExporter(monitor, exporter, interval="600s") as exporting:
        assert [exporting.flush("30s") for _ in range(3)] == [True] * 3
    assert [stats.operation for stats in monitor.get_stats()] == ["a"]
    assert exporter.suppressed == [True] * 4
    with tracer.start_as_current_span("POST"):
        pass
    assert monitor.get_stats("POST").count == 1


def test_spans_come_in_and_figures_go_out_in_one_program():
    """A program with both ends, left to end by itself, has exported its exact counts."""
    script = """
    import sys
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.trace import TracerProvider
    from pytest_perfmon import PerformanceMonitor
    from pytest_perfmon.exporters.otel import OpenTelemetryExporter, PerfmonSpanProcessor

    monitor = PerformanceMonitor()
    OpenTelemetryExporter(monitor, OTLPMetricExporter(endpoint=sys.argv[1]), interval="600s")
    provider = TracerProvider()
    provider.add_span_processor(PerfmonSpanProcessor(monitor))
    for _ in range(1234):
        provider.get_tracer("app").start_span("job").end()
    """
    with HttpCollector() as collector:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                textwrap.dedent(script),
                f"http://127.0.0.1:{collector.port}/v1/metrics",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        (point,) = collector.metrics["perfmon.operation.duration"].histogram.data_points
    assert point.count == 1234
