"""An application that tells Sentry, run as a process of its own: the SDK changes a whole process.

Takes the address of the server that stands for Sentry, and the case to act out.
"""

from __future__ import annotations

import contextlib
import sys

import sentry_sdk

from pytest_perfmon import CriticalPath, MonitoredErrorHandler, PerformanceMonitor
from pytest_perfmon.exporters.alerts import AlertSource
from pytest_perfmon.exporters.batching import BatchExporter
from pytest_perfmon.exporters.sentry import SentryReporter
from pytest_perfmon.testing import FakeClock

CLOCK = FakeClock()
REPORTER = SentryReporter(cooldown="60min", clock_ns=CLOCK.now_ns)
MONITOR = PerformanceMonitor(
    slow_threshold=100,
    very_slow_threshold=1000,
    clock_ns=CLOCK.now_ns,
    capture_stack="slow",
    on_slow=REPORTER.slow_operation,
)


def call(duration_ms, operation="db.query", **metadata):
    """Make one call that takes so long."""
    with MONITOR.track(operation, metadata or None):
        CLOCK.advance(f"{duration_ms}ms")


def slow_hour():
    """Be slow each second for an hour, very slow at its end, and slow again hours later."""
    for _ in range(3600):
        call(200, table="users", password="hunter2")
        CLOCK.advance("800ms")
    call(2000)
    call(200, "cache.get")
    CLOCK.advance("120min")
    call(200)


def budgets():
    """Leave a budget and a critical path, get worse, come back; all by the background source."""
    critical = CriticalPath(["auth.login"], p99=50)
    source = AlertSource(
        MONITOR, budgets={"db.query": 10}, critical=critical, clock_ns=CLOCK.now_ns
    )
    with BatchExporter(REPORTER, source, interval="60min") as exporter:
        for duration in (15, 15, 40, 5, 5):
            for _ in range(20):
                call(duration)
            exporter.flush()
        for _ in range(20):
            call(60, "auth.login")


def errors():
    """Fail fast and slowly, with a framework that reports the same error once more."""
    handler = MonitoredErrorHandler(MONITOR, REPORTER.capture_error, slow_threshold=1000)

    def charge(duration_ms):
        CLOCK.advance(f"{duration_ms}ms")
        raise ValueError(duration_ms)

    for duration in (5, 1500):
        try:
            handler.handle("payment.process", charge, duration)
        except ValueError as error:
            sentry_sdk.capture_exception(error)


def hostile():
    """Be slow under a name that means something elsewhere, with context of the application."""
    sentry_sdk.set_tag("request", "42")
    call(200, "{{ default }}\n<script>")
    with contextlib.suppress(KeyError), MONITOR.track("failing"):
        CLOCK.advance("200ms")
        raise KeyError


if __name__ == "__main__":
    address, case = sys.argv[1:]
    # Without this the SDK imports every framework it finds, for seconds.
    sentry_sdk.init(dsn=address, auto_enabling_integrations=False)
    {"slow_hour": slow_hour, "budgets": budgets, "errors": errors, "hostile": hostile}[case]()
