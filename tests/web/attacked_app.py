"""A stats endpoint with something to hide, for servers that a test starts."""

from __future__ import annotations

import contextlib
import logging
import os

from hostile_names import HOSTILE_NAMES

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.web import StatsApp


def attacked_monitor():
    """Give a monitor with hostile names, whose events hold what nobody may see."""
    monitor = PerformanceMonitor(slow_threshold=1000, capture_stack="slow")
    for name in ["db.select", "db.insert", *HOSTILE_NAMES]:
        monitor.record_metric(name, 12.5)
    monitor.record_metric("slow.report", 1500, metadata={"note": "leak-metadata"})
    with contextlib.suppress(RuntimeError), monitor.track("failing", {"user": "leak-user"}):
        raise RuntimeError("leak-message")
    return monitor


def broken_metrics(_monitor):
    """Fail as an exporter might, with a secret in the message."""
    raise RuntimeError("leak-metrics")


logging.basicConfig()  # to the server's standard error, which the tests read
stats = StatsApp(
    attacked_monitor(),
    token=os.environ["PERFMON_TEST_TOKEN"],
    budgets={"db.select": 10},
    metrics=broken_metrics,
)
wsgi = stats.wsgi
