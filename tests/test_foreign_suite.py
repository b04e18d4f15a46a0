"""A suite that nobody here wrote runs through the plugin, and timeit is put fairly beside it."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "foreign_suite.py"
NAMES = runpy.run_path(str(SCRIPT))


def beside(before, after, pooled):
    """Give a function's figures where the run states 100 ns to 110 ns."""
    return NAMES["Beside"]("test.py::test_it", before, after, pooled, 105.0, 100.0, 110.0)


@pytest.mark.parametrize(
    ("pooled", "agrees"), [(99.9, False), (100.0, True), (110.0, True), (110.1, False)]
)
def test_a_figure_agrees_inside_the_stated_interval(pooled, agrees):
    """Timeit's figure agrees from one end of the interval to the other, and nowhere else."""
    assert beside(105.0, 105.0, pooled).agrees is agrees


@pytest.mark.parametrize(
    ("before", "after", "steady"), [(100, 110, True), (110, 100, True), (100, 110.1, False)]
)
def test_a_drift_wider_than_the_interval_is_no_evidence(before, after, steady):
    """A function is steady where timeit moved by no more than the interval is wide."""
    assert beside(before, after, 105.0).steady is steady


def test_figures_are_put_beside_the_same_tests():
    """Figures meet by node id; a test without an interval of its median is left out."""
    line = {"before_ns": 1.0, "after_ns": 2.0, "pooled_ns": 1.5, "calls": 40}
    timed = [{**line, "nodeid": name} for name in ("a", "b", "c")]
    known = {"median_ns": 1.4, "intervals_ns": {"median": [1.0, 1.8]}}
    unknown = {"median_ns": 1.4, "intervals_ns": {}}
    tests = [
        {"nodeid": "b", "operations": [known]},
        {"nodeid": "c", "operations": [unknown]},
    ]
    assert NAMES["put_together"](timed, tests) == [NAMES["Beside"]("b", 1.0, 2.0, 1.5, 1.4, 1, 1.8)]


@pytest.mark.slow
@pytest.mark.usefixtures("uncovered")
def test_the_suite_runs_is_saved_and_is_compared(tmp_path):
    """graphql-core's benchmarks pass once, are saved three times, and are judged and timed."""
    output = tmp_path / "result.json"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--quick", "--output", str(output)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == NAMES["UNAVAILABLE"] and not os.environ.get("CI"):
        pytest.skip("graphql-core's source distribution cannot be installed here")
    assert output.exists(), done.stdout + done.stderr
    result = json.loads(output.read_text(encoding="utf-8"))
    assert result["plain"] == {"exit_code": 0, "passed": 3}
    assert result["saves"] == [0, 0, 0]
    assert sum(result["compared"]["outcomes"].values()) == 3
    assert "NOT CHECKED" not in result["compared"]["outcomes"]
    assert {row["median_ns"] > 0 for row in result["beside_timeit"]} == {True}
    assert 1 <= result["functions"] <= 3  # a call so long that two fill the time has no interval
