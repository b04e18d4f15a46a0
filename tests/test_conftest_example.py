"""conftest_example.py does what its comments say, in a project that copied it."""

from __future__ import annotations

import json
import runpy
import sqlite3
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "conftest_example.py"
TESTS = """
import pytest

def test_api(perf_monitor, perf_clock):
    perf_monitor(perf_clock.advance, "2ms")

def test_anything(perf_monitor, perf_clock):
    perf_monitor(perf_clock.advance, "2ms")

@pytest.mark.budget(p95="1ms")
def test_strict(perf_monitor, perf_clock):
    perf_monitor(perf_clock.advance, "2ms")

def test_plain():
    pass
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """A project whose conftest.py is the example, and a drive for its team."""
    monkeypatch.setenv("TEAM_DRIVE", str(pytester.path / "drive"))
    monkeypatch.setenv("RUNNER_CLASS", "two cores")
    monkeypatch.setenv("VIOLATIONS", str(pytester.path / "violations.txt"))
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:asyncio -p no:randomly")
    pytester.makeconftest(EXAMPLE.read_text(encoding="utf-8"))
    pytester.makepyfile(TESTS)
    return pytester


def run(project, *options):
    """Run the project's tests on a clock that moves by script alone."""
    return project.runpytest("-p", "pytest_perfmon.testing", *options)


def test_a_plain_run_passes(project):
    """The example is no burden on a run that measures nothing."""
    run(project).assert_outcomes(passed=4)


def test_the_table_of_budgets_reaches_the_tests_without_a_mark(project):
    """Tests without a budget get the table's line, and a test's own mark replaces it."""
    items = project.getitems(TESTS)
    runpy.run_path(EXAMPLE)["pytest_collection_modifyitems"](items)
    marks = {item.name: item.get_closest_marker("budget") for item in items}
    assert {name: mark and mark.kwargs for name, mark in marks.items()} == {
        "test_api": {"p95": 50, "max": "1s"},
        "test_anything": {"p95": "1s"},
        "test_strict": {"p95": "1ms"},
        "test_plain": None,
    }


def test_a_saved_run_is_on_the_teams_drive_with_names_and_fields(project):
    """The store's URL, the operations' names and the environment's fields are the example's."""
    run(project, "--perf-save-baseline", "--perf-store=team:shop").assert_outcomes(passed=4)
    (path,) = (project.path / "drive" / "perfmon" / "shop").rglob("*.json")
    saved = path.read_text(encoding="utf-8")
    assert json.loads(saved)["environment"]["fields"].items() >= {
        ("runner", "two cores"),
        ("sqlite", sqlite3.sqlite_version),
    }
    for operation in ("api", "anything", "strict"):
        assert f'"{operation}"' in saved


def test_the_table_shows_the_rate(project):
    """The report has the example's column: 2 ms a call are 500 a second."""
    result = run(project, "--perf-save-baseline", "--perf-store=team:shop")
    result.stdout.fnmatch_lines(["*per second*", "*anything*500*"])


def test_a_violation_is_handed_on(project):
    """The verdict hook is told once of the violation that fails a test, and of nothing else."""
    run(project, "--perf-budgets").assert_outcomes(passed=3, failed=1)
    (line,) = (project.path / "violations.txt").read_text(encoding="utf-8").splitlines()
    assert "::test_strict: " in line
    assert "2.00 ms > budget 1 ms" in line
