"""The monitor is usable where there is neither pytest nor numpy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest_perfmon

PROGRAM = """
import json, sys, threading
for missing in ("pytest", "numpy", "_pytest", "sqlite3"):
    sys.modules[missing] = None
before = threading.active_count()
import pytest_perfmon
monitor = pytest_perfmon.PerformanceMonitor(slow_threshold=1, on_slow=lambda event: None)
@pytest_perfmon.track_performance("ambient")
def work(): pass
work()
with monitor.track("op", metadata={"k": 1}): pass
monitor.record_metric("op", duration=5)
monitor.scope("api").track_operation("x", work)
stats = monitor.get_stats("op")
stats.p95, monitor.summary(), monitor.snapshot(), pytest_perfmon.current_monitor().get_stats()
print(json.dumps({
    "loaded": [name for name, module in sys.modules.items() if module is not None],
    "threads": threading.active_count() - before,
    "count": stats.count,
}))
"""


def test_a_program_with_a_monitor_loads_nothing_heavy():
    """Importing and using it loads no pytest, numpy, asyncio or sqlite3, and starts no thread."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("COV", "PERFMON"))
    }
    environment["PYTHONPATH"] = str(Path(pytest_perfmon.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        check=True,
        env=environment,
        text=True,
    )
    answer = json.loads(done.stdout)
    roots = {name.split(".")[0] for name in answer["loaded"]}
    assert not roots & {"pytest", "numpy", "asyncio", "sqlite3", "tabulate", "jinja2", "pluggy"}
    assert (answer["threads"], answer["count"]) == (0, 2)
