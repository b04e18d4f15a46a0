"""The Analytics Engine's exporter under Pyodide itself, which is what runs Python in a Worker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DEADLINE_S = 120
CODE = """
import js
import json
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.exporters.cloudflare import CloudflareMetricsExporter

monitor = PerformanceMonitor()
exporter = CloudflareMetricsExporter(monitor, js.PERF, service="shop", version="1.4.0")
for number in range(600):
    monitor.record_metric(f"op.{number:03}", 2.0)
told = []
for invocation in range(4):
    monitor.record_metric("every invocation", 1.0)
    delivered = exporter.flush()
    counts = exporter.counts()
    told.append([counts.sent, counts.waiting, delivered])
exporter.close()
json.dumps(told)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def worker():
    """What four invocations of a Worker wrote, and what the exporter said after each."""
    pyodide = os.environ.get("PERFMON_PYODIDE")
    node = shutil.which("node")
    if pyodide is None or node is None:
        pytest.skip("needs node, and in PERFMON_PYODIDE the path of pyodide.mjs (npm: pyodide)")
    done = subprocess.run(
        [node, HERE / "worker_host.mjs", pyodide, HERE.parents[1], CODE],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=DEADLINE_S,
    )
    return json.loads(done.stdout)


def test_the_binding_gets_objects_of_javascripts_own(worker):
    """A point has its fields there, in the order that is documented."""
    assert None not in worker["points"]
    (point,) = (one for one in worker["points"] if one["indexes"] == ["op.007"])
    assert point["doubles"] == [2.0, 2.0, 2.0, 2.0, 1.0, 0.0, 2.0, 2.0, 2.0]
    assert point["blobs"][1:] == ["op.007", "shop", "1.4.0"]


def test_no_invocation_writes_more_than_it_may_and_nothing_is_lost(worker):
    """Points of 601 operations go in three invocations; what was called meanwhile in the next."""
    assert worker["told"] == [
        [250, 351, False],
        [500, 101, False],
        [601, 0, True],
        [602, 0, True],
    ]
    assert len(worker["points"]) == 602
    each = [one for one in worker["points"] if one["indexes"] == ["every invocation"]]
    assert [one["doubles"][4] for one in each] == [1.0, 3.0]
