"""The benchmarks can be run: what the figures of the README were made with does not rot."""

import json
import math
import os
import runpy
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
ERROR_RATES = BENCHMARKS / "error_rates.py"
REAL_RELEASES = BENCHMARKS / "real_releases.py"
UNAVAILABLE = 75
RELEASED = {"2": "UNCHANGED", "3": "REGRESSED", "4": ""}
INSTALLED = any(plugin.name == "perfmon" for plugin in entry_points(group="pytest11"))


@pytest.mark.slow
@pytest.mark.usefixtures("uncovered")
@pytest.mark.skipif(not INSTALLED, reason="the package is not installed here")
def test_study_of_error_rates_keeps_every_run_and_continues(tmp_path):
    """The quick study compares, injects, keeps its raw results and goes on where it ended."""
    results = tmp_path / "results.json"
    command = [sys.executable, str(ERROR_RATES), "--quick", "--runs=1"]
    command += [f"--output={results}", f"--tools={tmp_path / 'tools'}"]

    def modes_after(*modes):
        ended = subprocess.run([*command, *modes], check=False, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
        kept = json.loads(results.read_text(encoding="utf-8"))["runs"]
        assert all(len(run["tests"]) == 12 for run in kept)
        assert "### Twelve functions against themselves" in ended.stdout
        assert ("### Some of twelve" in ended.stdout) is ("--mode=inject" in modes)
        return [run["mode"] for run in kept]

    assert modes_after("--mode=aa") == ["aa"]
    assert modes_after("--mode=aa", "--mode=inject") == ["aa", "inject"]


@pytest.fixture
def releases(monkeypatch):
    """The names that the study of real releases defines."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return runpy.run_path(str(REAL_RELEASES))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.03, 0.2, "REGRESSED"),
        (-0.2, -0.03, "IMPROVED"),
        (-0.01, 0.01, "UNCHANGED"),
        (0.01, 0.03, ""),
        (-0.03, 0.01, ""),
        (0.02, 0.2, ""),
    ],
)
def test_a_truth_calls_for_a_verdict_where_its_interval_tells(releases, low, high, expected):
    """Timeit's interval has to lie on one side of the smallest change, or between the two."""
    assert releases["Truth"]("1", "2", (low + high) / 2, low, high).expected == expected


def test_a_truth_is_taken_round_by_round(releases):
    """A machine that becomes ten times as slow between two rounds moves no ratio."""
    before = [0.0, 0.1, math.log(10), math.log(10) + 0.1]
    taken = {"1": before, "2": [one + math.log(1.12) for one in before]}
    there, back = releases["truth"]("1", "2", taken), releases["truth"]("2", "1", taken)
    assert (there.low, there.change, there.high) == (0.12, 0.12, 0.12)
    assert (back.low, back.high) == (round(1 / 1.12 - 1, 5),) * 2


@pytest.mark.parametrize(
    ("low", "high", "covers"),
    [(0.1, 0.2, True), (None, 0.1, False), (0.13, None, False), (None, None, True)],
)
def test_an_interval_covers_what_lies_inside(releases, low, high, covers):
    """An end that is not bounded holds everything on its side."""
    compared = releases["Compared"](
        "1", "2", "git", "PASSED", "UNCHANGED", 0.1, low, high, 9, 1.0, ""
    )
    assert compared.covers(0.12) is covers


def test_surprises_are_other_verdicts_and_unclear_truths(releases):
    """What timeit does not tell, and what says something else, is named; the rest is not."""
    run = {"old": "1", "route": "git", "headline": "it UNCHANGED +1.0%", "change": "UNCHANGED"}
    truths = [{"old": "1", "new": new, "expected": one} for new, one in RELEASED.items()]
    runs = [{**run, "new": new} for new in RELEASED]
    assert releases["surprises"]({"truths": truths, "runs": runs}) == [
        "1 to 4: timeit's interval calls for no verdict",
        "it UNCHANGED +1.0% (git, 1 to 3)",
        "it UNCHANGED +1.0% (git, 1 to 4)",
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("uncovered")
@pytest.mark.skipif(not INSTALLED, reason="the package is not installed here")
def test_real_releases_are_compared_by_both_routes(tmp_path):
    """Two releases of a real library are timed, and compared as commits and as pip has them."""
    output = tmp_path / "results.json"
    ended = subprocess.run(
        [sys.executable, REAL_RELEASES, "--quick", f"--output={output}", f"--work={tmp_path}"],
        check=False,
        capture_output=True,
        text=True,
    )
    if ended.returncode == UNAVAILABLE and not os.environ.get("CI"):
        pytest.skip("mistune's source distributions cannot be had here")
    assert ended.returncode == 0, ended.stderr
    kept = json.loads(output.read_text(encoding="utf-8"))
    (truth,) = kept["truths"]
    assert truth["low"] <= truth["change"] <= truth["high"]
    assert [(run["route"], run["blocks"]) for run in kept["runs"]] == [("git", 3), ("pip", 3)]
    assert all(run["effect"] is not None for run in kept["runs"])
