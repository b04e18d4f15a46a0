"""The soak can be run, and what it promises holds in a few seconds too."""

from __future__ import annotations

import copy
import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[1] / "benchmarks" / "soak.py"


@pytest.mark.slow
@pytest.mark.usefixtures("uncovered")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads memory from /proc")
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed here")
def test_a_server_under_load_loses_no_request_and_no_count(tmp_path):
    """More names than the cap, and a backend that dies and comes back: every count is exact."""
    output = tmp_path / "soak.json"
    command = [sys.executable, str(SOAK), "--quick", f"--output={output}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(output.read_text(encoding="utf-8"))
    for server in ("bare", "monitored"):
        assert result["servers"][server]["requests"] > 0
        assert result["servers"][server]["failed"] == 0
    assert result["counted_as_other"] > 0
    assert [counts["calls_missing"] for counts in result["exporters"].values()] == [0, 0, 0]


KEPT = {
    "servers": {
        "bare": {"requests": 9, "failed": 0, "second_minute_mb": 32.0, "growth_mb": 0.2},
        "monitored": {"requests": 9, "failed": 0, "second_minute_mb": 100.0, "growth_mb": 4.9},
    },
    "requests_handled": 9,
    "requests_counted": 9,
    "names_counted_wrong": 0,
    "counted_as_other": 3,
    "beyond_the_cap": 3,
    "exporters": {"OpenTelemetry": {"sent": 9, "calls_missing": 0}},
}


@pytest.fixture
def soak(monkeypatch):
    """The names that the soak defines."""
    monkeypatch.syspath_prepend(SOAK.parent)
    return runpy.run_path(str(SOAK))


@pytest.mark.parametrize(
    ("where", "value", "broken"),
    [
        (("servers", "bare", "failed"), 1, []),
        (("servers", "monitored", "failed"), 1, ["1 requests failed"]),
        (("servers", "monitored", "growth_mb"), 5.1, ["memory grew by 5.1 MB"]),
        (("requests_counted",), 8, ["counts are not those of the application"]),
        (("names_counted_wrong",), 1, ["counts are not those of the application"]),
        (("counted_as_other",), 2, ["not all counted together"]),
        (("exporters", "OpenTelemetry", "calls_missing"), 2, ["OpenTelemetry misses 2 calls"]),
    ],
)
def test_each_promise_that_does_not_hold_is_told(soak, where, value, broken):
    """Whatever a soak finds broken is in its list, and nothing else is."""
    result = copy.deepcopy(KEPT)
    *path, last = where
    holder = result
    for name in path:
        holder = holder[name]
    holder[last] = value
    told = soak["holds"](result)
    assert soak["holds"](KEPT) == []
    assert all(expected in text for expected, text in zip(broken, told, strict=True))


def test_growth_is_from_the_second_minute_to_the_last(soak):
    """What the first minute fills, and a single export's need, is no growth."""
    steady = [(float(second), 50.0 if second < 60 else 100.0) for second in range(600)]
    peaks = [(at, mb + (20 if at % 5 == 0 else 0)) for at, mb in steady]
    assert soak["memory"](peaks, 600)["growth_mb"] == 0
    leaking = [(at, mb + at / 10) for at, mb in steady]
    assert soak["memory"](leaking, 600)["growth_mb"] == pytest.approx(48)
    assert soak["memory"](steady, 60) == {}
