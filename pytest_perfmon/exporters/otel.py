"""OpenTelemetry, both ways: a monitor's figures as OTLP metrics, and anybody's spans as calls.

Metrics are built of the SDK's own data classes and go to any of its exporters, as running totals:
what a dead collector misses is in the next export. Requests bear the names of the semantic
conventions for HTTP (https://opentelemetry.io/docs/specs/semconv/http/http-metrics/).
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Final

from pytest_perfmon.errors import PerfmonError
from pytest_perfmon.exporters.batching import BatchExporter, ExportThread
from pytest_perfmon.exporters.buckets import (
    GENERAL_BOUNDS_S,
    REQUEST_BOUNDS_S,
    Buckets,
)
from pytest_perfmon.exporters.encoding import encodable
from pytest_perfmon.exporters.extras import Extra
from pytest_perfmon.exporters.figures import Totals
from pytest_perfmon.monitor.arguments import checked_callback
from pytest_perfmon.monitor.core import LOGGER, UNKNOWN_ERROR, PerformanceMonitor
from pytest_perfmon.monitor.guard import Guard
from pytest_perfmon.monitor.histogram import Durations
from pytest_perfmon.monitor.requests import SERVER_ERROR, RequestName, request_named
from pytest_perfmon.monitor.stats import MonitorSnapshot, OperationStats
from pytest_perfmon.units import NS_PER_S

with Extra("otel", "the OpenTelemetry exporter"):
    from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value
    from opentelemetry.sdk.metrics.export import (
        AggregationTemporality,
        Histogram,
        HistogramDataPoint,
        Metric,
        MetricExporter,
        MetricExportResult,
        MetricsData,
        NumberDataPoint,
        ResourceMetrics,
        ScopeMetrics,
        Sum,
    )
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import StatusCode

UNNAMED: Final = "(unnamed)"

_CUMULATIVE: Final = AggregationTemporality.CUMULATIVE


class OpenTelemetryExporter(BatchExporter[MonitorSnapshot]):
    """Exports a monitor's running totals through an OpenTelemetry metric exporter.

    - `http.server.request.duration`, a histogram in seconds, for operations that are requests
      (`GET /users/{id}`), with `http.request.method`, `http.route`,
      `http.response.status_code`, for server errors `error.type`, and `url.scheme` where given.
    - `perfmon.operation.duration`, the same for all others, with `perfmon.operation`.
    - `perfmon.operation.errors` and `perfmon.operation.cancelled`: counts by `perfmon.operation`,
      the former by `error.type` too.

    Temporality is cumulative, whatever the exporter prefers. An export that fails costs nothing
    but time, since the next one holds its counts too.

    A forked child is an instance of its own: its resource has a new `service.instance.id`.

    Args:
        monitor: whose figures.
        exporter: such as `OTLPMetricExporter(endpoint="http://localhost:4318/v1/metrics")`, or a
            function that makes it, called in each forked child again: two processes must not
            speak over one connection. Its own `timeout` (10 s unless given) includes its retries.
            `close()` shuts it down.
        resource: what the figures are about; the SDK's default resource unless given.
        url_scheme: by which clients ask, `"https"` or `"http"`: the monitor does not know what a
            proxy in front speaks. Without it that attribute is not sent.
        interval: the time between two exports.

    Raises:
        UsageError: naming the argument and what is allowed.
    """

    def __init__(
        self,
        monitor: PerformanceMonitor,
        exporter: MetricExporter | Callable[[], MetricExporter],
        *,
        resource: Resource | None = None,
        url_scheme: str | None = None,
        interval: str = "10s",
    ) -> None:
        self._metrics = _MetricBackend(
            exporter,
            resource=Resource.create() if resource is None else resource,
            about_requests={} if url_scheme is None else {"url.scheme": url_scheme},
        )
        # Running totals: the newest holds all, so nothing old is kept or tried again.
        super().__init__(
            self._metrics,
            Totals(monitor),
            interval=interval,
            queue_size=1,
            attempts=1,
            name="opentelemetry",
        )

    def close(self) -> None:
        """Export what is left, and shut the exporter down."""
        if not self._closed:
            super().close()
            self._guard.call(self._metrics.shut_down)

    def start_in_child(self) -> None:
        """Go on in a forked child, as another instance."""
        self._guard.call(self._metrics.start_in_child)
        super().start_in_child()


class PerfmonSpanProcessor(SpanProcessor):
    """Counts every span that ends as one call of the operation of its name.

    Whatever library is instrumented for OpenTelemetry feeds the monitor so:
    `tracer_provider.add_span_processor(PerfmonSpanProcessor(monitor))`. A call takes as long as
    its span; it failed where the span's status is an error, with the span's `error.type`, else
    the class of the recorded exception; an HTTP response's status is its status. Spans of this
    package's own exporters are left out, and those that sampling leaves out are not heard of.

    Args:
        monitor: where to count.
        name_for: gives the operation of a span, None for a span that is not counted; the span's
            name unless given. What it raises is logged once.

    Raises:
        UsageError: naming the argument and what is allowed.
    """

    def __init__(
        self,
        monitor: PerformanceMonitor,
        *,
        name_for: Callable[[ReadableSpan], str | None] | None = None,
    ) -> None:
        self._monitor = monitor
        self._name_for = checked_callback(name_for, "name_for") or _name
        self._guard = Guard(LOGGER)

    def on_end(self, span: ReadableSpan) -> None:
        """Count the span; what goes wrong in that is logged once."""
        if not isinstance(threading.current_thread(), ExportThread):
            self._guard.call(self._count, span)

    def _count(self, span: ReadableSpan) -> None:
        operation = self._name_for(span)
        if operation is None:
            return
        elapsed_ns = (span.end_time or 0) - (span.start_time or 0)
        self._monitor.record(
            operation or UNNAMED,
            max(0, elapsed_ns),  # the wall clock of spans may be set back
            error_type=_error_type(span) if span.status.status_code is StatusCode.ERROR else None,
            status=_status(span),
        )


def _name(span: ReadableSpan) -> str:
    return span.name


def _status(span: ReadableSpan) -> int | None:
    attributes = span.attributes or {}
    for name in ("http.response.status_code", "http.status_code"):  # the latter until 2023
        if isinstance(status := attributes.get(name), int):
            return status
    return None


def _error_type(span: ReadableSpan) -> str:
    named = (span.attributes or {}).get("error.type")
    if named is None:
        for event in reversed(span.events):
            named = (event.attributes or {}).get("exception.type")
            if named is not None:
                break
    return UNKNOWN_ERROR if named is None else str(named)


class _MetricBackend:
    """Sends one snapshot as OpenTelemetry's metrics."""

    def __init__(
        self,
        exporter: MetricExporter | Callable[[], MetricExporter],
        *,
        resource: Resource,
        about_requests: Mapping[str, str],
    ) -> None:
        self._make = None if isinstance(exporter, MetricExporter) else exporter
        self._exporter = exporter if isinstance(exporter, MetricExporter) else exporter()
        self._connected = False
        self._resource = resource
        self._about_requests = about_requests
        self._scope = InstrumentationScope("pytest_perfmon", version("pytest-perfmon"))
        self._beginnings = _Beginnings()

    def __repr__(self) -> str:
        return type(self._exporter).__name__

    def send(self, batch: Sequence[MonitorSnapshot]) -> None:
        """Export the newest snapshot.

        Raises:
            PerfmonError: where the exporter says that it failed; it has logged why.
        """
        metrics = list(self._metrics(batch[-1].operations, time.time_ns()))
        if not metrics:
            return
        data = MetricsData(
            [ResourceMetrics(self._resource, [ScopeMetrics(self._scope, metrics, "")], "")]
        )
        # As the SDK's own reader does, so that no instrumented client makes a span of this.
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))  # noqa: FBT003 - its API
        self._connected = True
        try:
            result = self._exporter.export(data)
        finally:
            detach(token)
        if result is not MetricExportResult.SUCCESS:
            raise PerfmonError(f"{self!r} did not deliver the metrics")

    def start_in_child(self) -> None:
        """Be another instance in a forked child, over another connection where that can be."""
        instance = Resource({"service.instance.id": str(uuid.uuid4())})
        self._resource = self._resource.merge(instance)
        if self._make is not None:
            self._exporter = self._make()
        elif self._connected:
            LOGGER.warning(
                "%r has its parent's connection after a fork: expected a function that makes the"
                " exporter, which is then called in each process",
                self,
            )

    def shut_down(self) -> None:
        """Let go of the connection."""
        self._exporter.shutdown()

    def _metrics(self, operations: Iterable[OperationStats], now_ns: int) -> Iterator[Metric]:
        since_ns = self._beginnings.note(operations, now_ns)
        requests: list[HistogramDataPoint] = []
        others: list[HistogramDataPoint] = []
        errors: list[NumberDataPoint] = []
        cancelled: list[NumberDataPoint] = []
        for stats in operations:
            since, name = since_ns[stats.operation], encodable(stats.operation)
            about: dict[str, str | int]
            if request := request_named(name):
                for status, durations in stats.by_status.items():
                    about = {**self._about_requests, **_about(request, status)}
                    requests.append(_duration(durations, _FOR_REQUESTS, about, since, now_ns))
            elif stats.count:
                about = {"perfmon.operation": name}
                others.append(_duration(stats, _FOR_OTHERS, about, since, now_ns))
            for error_type, count in stats.errors_by_type.items():
                about = {"perfmon.operation": name, "error.type": encodable(error_type)}
                errors.append(NumberDataPoint(about, since, now_ns, count))
            if stats.cancelled_count:
                about = {"perfmon.operation": name}
                cancelled.append(NumberDataPoint(about, since, now_ns, stats.cancelled_count))
        yield from _histogram(
            "http.server.request.duration", "Duration of HTTP server requests.", requests
        )
        yield from _histogram(
            "perfmon.operation.duration", "How long calls took that succeeded or failed.", others
        )
        yield from _count("perfmon.operation.errors", "Calls that failed.", errors)
        yield from _count("perfmon.operation.cancelled", "Calls that were cancelled.", cancelled)


class _Beginnings:
    """Since when each operation's totals have been counting, as cumulative points have to say."""

    def __init__(self) -> None:
        self._last_ns = time.time_ns()
        self._known: dict[str, tuple[int, int]] = {}

    def note(self, operations: Iterable[OperationStats], now_ns: int) -> dict[str, int]:
        """Give the beginnings by operation; one that has fewer calls than before began anew."""
        noted = {}
        for stats in operations:
            calls = stats.count + stats.cancelled_count
            since_ns, before = self._known.get(stats.operation, (self._last_ns, 0))
            noted[stats.operation] = (since_ns if calls >= before else self._last_ns, calls)
        self._known, self._last_ns = noted, now_ns
        return {operation: since_ns for operation, (since_ns, _) in noted.items()}


_FOR_REQUESTS: Final = Buckets(REQUEST_BOUNDS_S)
_FOR_OTHERS: Final = Buckets(GENERAL_BOUNDS_S)


def _about(request: RequestName, status: int | None) -> dict[str, str | int]:
    about: dict[str, str | int] = {"http.request.method": request.method}
    if request.route is not None:
        about["http.route"] = request.route
    if status is not None:
        about["http.response.status_code"] = status
        if status >= SERVER_ERROR:
            about["error.type"] = str(status)
    return about


def _duration(
    calls: OperationStats | Durations,
    buckets: Buckets,
    about: Mapping[str, str | int],
    since_ns: int,
    now_ns: int,
) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=about,
        start_time_unix_nano=since_ns,
        time_unix_nano=now_ns,
        count=calls.count,
        sum=calls.total_ns / NS_PER_S,
        bucket_counts=buckets.apart(calls.bins),
        explicit_bounds=buckets.bounds_s,
        min=calls.min_ns / NS_PER_S,
        max=calls.max_ns / NS_PER_S,
    )


def _histogram(name: str, description: str, points: list[HistogramDataPoint]) -> Iterator[Metric]:
    if points:
        yield Metric(name, description, "s", Histogram(points, _CUMULATIVE))


def _count(name: str, description: str, points: list[NumberDataPoint]) -> Iterator[Metric]:
    if points:
        yield Metric(name, description, "{call}", Sum(points, _CUMULATIVE, is_monotonic=True))
