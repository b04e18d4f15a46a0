"""Sentry: slow operations, alerts and errors, each with its performance.

The SDK has a background thread, a bounded queue and a timeout of its own, and knows the request
that it is called in. So nothing is queued here a second time; what is thinned out is what is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from pytest_perfmon.exporters.extras import Extra
from pytest_perfmon.model.verdict import Severity
from pytest_perfmon.monitor.core import LOGGER
from pytest_perfmon.monitor.error_handler import ErrorContext
from pytest_perfmon.monitor.retention import Event
from pytest_perfmon.verdicts.alerts import Alert, Edges

with Extra("sentry", "the Sentry exporter"):
    import sentry_sdk
    from sentry_sdk.integrations.logging import ignore_logger

Level = Literal["info", "warning", "error", "fatal"]

_LEVELS: Final[Mapping[Severity, Level]] = {
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
    Severity.CRITICAL: "fatal",
}
_FINGERPRINT: Final = "pytest-perfmon"


class SentryReporter:
    """Tells Sentry what is news, under fingerprints that keep together what belongs together.

    Call `sentry_sdk.init()` before; without it nothing is told. The log lines of this package are
    taken out of the SDK's own capturing, since each very slow call would be an event there.

    Args:
        cooldown: a slow operation is told again once it was not slow for that long, or when it
            gets very slow.
        clock_ns: a clock that never goes back, in integer nanoseconds.

    Raises:
        UsageError: for a cooldown without a unit.
    """

    def __init__(
        self, *, cooldown: str = "60min", clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._slow = Edges(cooldown, clock_ns)
        ignore_logger(LOGGER.name)

    def __repr__(self) -> str:
        return "SentryReporter()"

    def slow_operation(self, event: Event) -> None:
        """Tell of a slow call, as a monitor's `on_slow`; its metadata and stack go along."""
        very = event.slowness == "very_slow"
        if self._slow.happens(event.operation, rank=int(very)):
            _capture(
                f"slow operation {event.operation!r}: {event.duration:.0f} ms",
                "error" if very else "warning",
                fingerprint=("slow", event.operation),
                tags={"operation": event.operation, "performance": event.slowness or "normal"},
                performance={
                    "duration_ms": event.duration,
                    "error_type": event.error_type,
                    "metadata": dict(event.metadata),
                    "stack": list(event.stack),
                },
            )

    def alert(self, alert: Alert) -> None:
        """Tell of an alert, as `on_alert` of a `CriticalPath`."""
        _capture(
            alert.text,
            "info" if alert.state == "recovered" else _LEVELS[alert.severity],
            fingerprint=("budget", *alert.key),
            tags={"operation": alert.operation, "performance": alert.state},
            performance={
                "criterion": alert.criterion,
                "limit_ms": alert.limit,
                "actual_ms": alert.actual,
                "severity": str(alert.severity),
            },
        )

    def send(self, batch: Sequence[Alert]) -> None:
        """Tell of alerts, as the backend of a `BatchExporter` with an `AlertSource`."""
        for alert in batch:
            self.alert(alert)

    def capture_error(self, error: Exception, context: ErrorContext) -> None:
        """Tell of an error and how long its call took, as `report` of a `MonitoredErrorHandler`.

        The SDK leaves out an error that it was just told of, so a framework's own reporting of
        the same error makes no second event.
        """
        with sentry_sdk.new_scope() as scope:
            scope.set_tag("operation", context.operation)
            scope.set_tag("performance", context.performance)
            scope.set_context("performance", {"duration_ms": context.duration})
            sentry_sdk.capture_exception(error)


def _capture(
    message: str,
    level: Level,
    *,
    fingerprint: tuple[str, ...],
    tags: Mapping[str, str],
    performance: Mapping[str, Any],
) -> None:
    with sentry_sdk.new_scope() as scope:
        scope.fingerprint = [_FINGERPRINT, *fingerprint]
        for name, value in tags.items():
            scope.set_tag(name, value)
        scope.set_context("performance", dict(performance))
        sentry_sdk.capture_message(message, level)
