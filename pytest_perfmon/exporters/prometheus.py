"""Prometheus: a collector to be scraped, the text of `/metrics`, and pushes from many processes.

Names and units follow Prometheus' conventions: seconds, `_total` for counters, one label for the
operation, whose values `max_operations` bounds. A count that goes back, after `monitor.reset()`,
is taken for a restart by Prometheus' functions.
"""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pytest_perfmon.exporters.addresses import without_secrets
from pytest_perfmon.exporters.batching import BatchExporter
from pytest_perfmon.exporters.buckets import GENERAL_BOUNDS_S, Buckets
from pytest_perfmon.exporters.encoding import encodable
from pytest_perfmon.exporters.extras import Extra
from pytest_perfmon.exporters.figures import Totals
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.monitor.stats import MonitorSnapshot, OperationStats
from pytest_perfmon.units import NS_PER_S, parse_cap_ns

with Extra("prometheus", "the Prometheus exporter"):
    from prometheus_client import (
        CollectorRegistry,
        delete_from_gateway,
        generate_latest,
        push_to_gateway,
    )
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
    from prometheus_client.exposition import default_handler
    from prometheus_client.registry import Collector
    from prometheus_client.utils import floatToGoString

Handler = Callable[..., Any]


class PerfmonCollector(Collector):
    """Gives a monitor's figures when it is scraped; calls pay nothing for it.

    - `perfmon_operation_duration_seconds`: a histogram by `operation`; its count is the number of
      calls that succeeded or failed.
    - `perfmon_operation_calls_total`: calls by `operation` and `outcome`: `success`, `error`,
      `cancelled`.
    - `perfmon_operation_responses_total`: the same calls by `operation` and `status`, such as
      `404`, where they have one; an operation has 18 at most.
    - `perfmon_operation_errors_total`: failures by `operation` and `error_type`, of which an
      operation has 101 at most.
    - `perfmon_export_points_total`: where exporters are given, their points by `exporter` and
      `outcome`: `sent`, `dropped`, `given_up`.

    Args:
        monitor: whose figures.
        bounds_s: the histogram's upper bounds in seconds.
        exporters: whose losses are told too.

    Raises:
        UsageError: unless the bounds are ascending, finite and above zero.
    """

    def __init__(
        self,
        monitor: PerformanceMonitor,
        *,
        bounds_s: Sequence[float] = GENERAL_BOUNDS_S,
        exporters: Iterable[BatchExporter[Any]] = (),
    ) -> None:
        self._monitor = monitor
        self._buckets = Buckets(bounds_s)
        self._exporters = tuple(exporters)

    def describe(self) -> Iterator[Metric]:
        """Name the metrics without collecting them, as a registry asks at registration."""
        yield from _operation_metrics((), self._buckets)

    def collect(self) -> Iterator[Metric]:
        """Give the figures of this moment."""
        yield from _operation_metrics(self._monitor.get_stats(), self._buckets)
        if self._exporters:
            yield _export_metric(self._exporters)


def metrics_text(monitor: PerformanceMonitor) -> str:
    """Give a monitor's figures in Prometheus' text format, version 0.0.4."""
    return _exposition(monitor.get_stats(), Buckets(GENERAL_BOUNDS_S)).decode()


class PushgatewayExporter(BatchExporter[MonitorSnapshot]):
    """Pushes a monitor's running totals to a Pushgateway, for servers of several processes.

    Each process is its own group, told apart by `instance`; sums over instances are those of the
    service. A push that fails costs nothing but time, since the next one holds its counts too.
    A group stays in the gateway until somebody deletes it: `forget()` does when the process ends.

    Args:
        monitor: whose figures.
        gateway: the gateway's URL, or host and port.
        job: the label `job`.
        instance: the label `instance`; host and process id unless given.
        interval: the time between two pushes.
        timeout: the longest that a push may take.
        bounds_s: the histogram's upper bounds in seconds.
        handler: makes the HTTP request, such as one with basic authentication; see
            `prometheus_client.push_to_gateway`.

    Raises:
        UsageError: naming the argument and what is allowed.
    """

    def __init__(
        self,
        monitor: PerformanceMonitor,
        gateway: str,
        *,
        job: str,
        instance: str | None = None,
        interval: str = "10s",
        timeout: str = "5s",
        bounds_s: Sequence[float] = GENERAL_BOUNDS_S,
        handler: Handler = default_handler,
    ) -> None:
        self._gateway = _Pushgateway(
            gateway,
            job=job,
            instance=instance,
            timeout_s=parse_cap_ns(timeout, "timeout") / NS_PER_S,
            buckets=Buckets(bounds_s),
            handler=handler,
        )
        # Running totals: the newest holds all, so nothing old is kept or tried again.
        super().__init__(
            self._gateway,
            Totals(monitor),
            interval=interval,
            queue_size=1,
            attempts=1,
            name="pushgateway",
        )

    def forget(self) -> None:
        """Close, and delete this process's group; whether that is possible is the gateway's."""
        self.close()
        self._guard.call(self._gateway.delete)


class _Pushgateway:
    """Sends one snapshot as the group of this process."""

    def __init__(
        self,
        gateway: str,
        *,
        job: str,
        instance: str | None,
        timeout_s: float,
        buckets: Buckets,
        handler: Handler,
    ) -> None:
        self._gateway = gateway
        self._job = job
        self._instance = instance
        self._timeout_s = timeout_s
        self._buckets = buckets
        self._handler = handler

    def __repr__(self) -> str:
        return f"<Pushgateway {without_secrets(self._gateway)}>"

    def send(self, batch: Sequence[MonitorSnapshot]) -> None:
        """Replace the group by the newest snapshot."""
        registry = CollectorRegistry()
        registry.register(_Fixed(batch[-1].operations, self._buckets))
        push_to_gateway(
            self._gateway,
            job=self._job,
            registry=registry,
            grouping_key=self._group(),
            timeout=self._timeout_s,
            handler=self._handler,
        )

    def delete(self) -> None:
        """Delete the group."""
        delete_from_gateway(
            self._gateway,
            job=self._job,
            grouping_key=self._group(),
            timeout=self._timeout_s,
            handler=self._handler,
        )

    def _group(self) -> dict[str, str]:
        # Asked each time: a forked child is a process of its own.
        return {"instance": self._instance or f"{platform.node()}:{os.getpid()}"}


class _Fixed(Collector):
    """Gives the same figures whenever it is asked."""

    def __init__(self, operations: Iterable[OperationStats], buckets: Buckets) -> None:
        self._operations = operations
        self._buckets = buckets

    def collect(self) -> Iterator[Metric]:
        yield from _operation_metrics(self._operations, self._buckets)


def _exposition(operations: Iterable[OperationStats], buckets: Buckets) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Fixed(operations, buckets))
    return generate_latest(registry)


def _operation_metrics(operations: Iterable[OperationStats], buckets: Buckets) -> Iterator[Metric]:
    durations = HistogramMetricFamily(
        "perfmon_operation_duration_seconds",
        "How long calls took that succeeded or failed.",
        labels=["operation"],
    )
    calls = CounterMetricFamily(
        "perfmon_operation_calls",
        "Calls by outcome; those cancelled are in no other figure.",
        labels=["operation", "outcome"],
    )
    responses = CounterMetricFamily(
        "perfmon_operation_responses",
        "Calls that succeeded or failed by status code, such as HTTP's.",
        labels=["operation", "status"],
    )
    errors = CounterMetricFamily(
        "perfmon_operation_errors",
        "Calls that failed, by the class of the error.",
        labels=["operation", "error_type"],
    )
    bounds = [*map(floatToGoString, buckets.bounds_s), "+Inf"]
    for stats in operations:
        operation = encodable(stats.operation)
        below = buckets.cumulative(stats.bins)
        durations.add_metric(
            [operation], list(zip(bounds, below, strict=True)), stats.total_ns / NS_PER_S
        )
        calls.add_metric([operation, "success"], stats.success_count)
        calls.add_metric([operation, "error"], stats.error_count)
        calls.add_metric([operation, "cancelled"], stats.cancelled_count)
        for status, answered in stats.by_status.items():
            if status is not None:
                responses.add_metric([operation, str(status)], answered.count)
        for error_type, count in stats.errors_by_type.items():
            errors.add_metric([operation, encodable(error_type)], count)
    yield durations
    yield calls
    yield responses
    yield errors


def _export_metric(exporters: Iterable[BatchExporter[Any]]) -> Metric:
    points = CounterMetricFamily(
        "perfmon_export_points",
        "Points of this process's exporters by what became of them.",
        labels=["exporter", "outcome"],
    )
    told: Counter[tuple[str, str]] = Counter()  # two exporters of one name are one series
    for exporter in exporters:
        counts = exporter.counts()
        for outcome in ("sent", "dropped", "given_up"):
            told[encodable(exporter.name), outcome] += getattr(counts, outcome)
    for labels, count in told.items():
        points.add_metric(labels, count)
    return points
