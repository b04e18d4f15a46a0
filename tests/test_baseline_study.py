"""The study of baselines: what it resamples is what the rules say, and it can be run."""

from __future__ import annotations

import json
import math
import random
import runpy
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
STUDY = BENCHMARKS / "baseline_study.py"
INSTALLED = any(plugin.name == "perfmon" for plugin in entry_points(group="pytest11"))
NAMES = ("regex", "sort")


@pytest.fixture(scope="module")
def table():
    """The names that the module with the resampling defines."""
    return runpy.run_path(str(BENCHMARKS / "baseline_study_table.py"))


def made_up(count, spread, rng, new=0.0):
    """So many runs of two functions; the last is slower by `new` on the log scale."""

    def figures(number):
        median = 1000 * math.exp(rng.gauss(0, spread) + (new if number == count - 1 else 0))
        return [median, 1.2 * median, 250.0 * math.exp(rng.gauss(0, 0.01))]

    runs = []
    for number in range(count):
        first, second = ({name: figures(number) for name in NAMES} for _ in range(2))
        peer = {name: one[0] for name, one in first.items()}
        time = f"2026-11-24T{number // 60:02d}:{number % 60:02d}:00+00:00"
        runs.append(
            {"condition": "quiet", "time": time, "first": first, "second": second}
            | {"pytest-benchmark": peer}
        )
    return runs


@pytest.mark.parametrize("k", [1, 2, 3, 5, 12])
def test_room_is_how_much_slower_a_function_would_have_to_be(table, k):
    """Slower by the room and a little it is a suspect, by the room less a little it is not."""
    runs = made_up(k + 1, 0.03, random.Random(k))
    rooms = table["Judged"](table["Trial"](runs[:-1], runs[-1])).screened
    for name in NAMES:
        for more, suspect in ((0.001, True), (-0.001, False)):
            factor = math.exp(rooms[name] + more)
            median, p95, control = runs[-1]["first"][name]
            figures = {name: [median * factor, p95 * factor, control]}
            new = {**runs[-1], "first": runs[-1]["first"] | figures}
            there = table["Judged"](table["Trial"](runs[:-1], new)).screened
            assert (there[name] < 0) is suspect


def test_the_rules_of_others_are_theirs(table):
    """Three sigma, twice the p95 and 10 % of the newest median, by hand."""
    runs = made_up(4, 0.03, random.Random(1))
    trial = table["Trial"](runs[:-1], runs[-1])
    new = runs[-1]["first"]["sort"]
    stored = [run["first"]["sort"] for run in runs[:-1]]
    mean = sum(one[0] for one in stored) / 3
    sd = math.sqrt(sum((one[0] - mean) ** 2 for one in stored) / 2)
    assert table["_three_sigma"](trial)["sort"] == pytest.approx(math.log((mean + 3 * sd) / new[0]))
    p95 = sum(one[1] for one in stored) / 3
    assert table["_twice_p95"](trial)["sort"] == pytest.approx(math.log(2 * p95 / new[1]))
    assert table["_median_10"](trial)["sort"] == pytest.approx(
        math.log(1.1 * stored[-1][0] / new[0])
    )


def test_a_trial_is_judged_by_older_runs_only(table):
    """Runs stay in the order of time, the last is judged, and none is drawn twice."""
    runs = made_up(12, 0.03, random.Random(2))
    for trial in table["trials"](runs, 5, 50):
        times = [run["time"] for run in (*trial.stored, trial.new)]
        assert times == sorted(set(times))
        assert len(times) == 6


def test_a_summary_counts_what_is_red(table):
    """In steady runs a rule is red where the function is slower by more than it allows."""
    runs = made_up(8, 0.001, random.Random(3))
    quiet = table["summarise"](runs, 20)
    assert [one["k"] for one in quiet] == [1, 2, 3, 5]
    assert all(one["red_share"]["median:10%"] == 0 for one in quiet)
    assert quiet[-1]["found_90"]["median:10%"] == pytest.approx(0.1, abs=0.01)
    assert table["BASELINES"][:1] == (1,)
    text = table["markdown"](quiet, runs)
    assert text.startswith("8 saved runs of 2 functions, 0 of them beside a busy process")
    assert "| 5 | 0.00 |" in text


@pytest.mark.slow
@pytest.mark.usefixtures("uncovered")
@pytest.mark.skipif(not INSTALLED, reason="the package is not installed here")
def test_the_study_collects_and_continues(tmp_path):
    """Two quick runs, the second with another core busy; then the tables of both."""
    results = tmp_path / "results.json"
    command = [sys.executable, STUDY, "--quick", f"--output={results}", f"--tools={tmp_path}"]

    def ended(*options):
        return subprocess.run([*command, *options], check=False, capture_output=True, text=True)

    for options in (["--collect=1"], ["--collect=1", "--loaded"]):
        collected = ended(*options)
        assert collected.returncode == 0, collected.stderr
    kept = json.loads(results.read_text(encoding="utf-8"))["runs"]
    assert [run["condition"] for run in kept] == ["quiet", "loaded"]
    for run in kept:
        assert set(run["first"]) == set(run["second"]) == set(run["pytest-benchmark"]) == {"sort"}
    assert "| 1 | " in ended("--table").stdout
