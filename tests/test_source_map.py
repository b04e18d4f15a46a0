"""`docs/source-map.md` is complete, and what it names exists."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from itertools import groupby
from pathlib import Path
from pkgutil import resolve_name
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "source-map.md"
LINK = "(source-map.md)"
TITLE = ["there", "here", "proved by"]
RULE = ["---"] * len(TITLE)
CODE = re.compile(r"`([^`]*)`")
NAME = re.compile(r"(?P<path>pytest_perfmon(?:\.\w+)+)(?:\((?P<keyword>\w+)=…\))?")
WITHOUT = "No counterpart: "

# headings of the pattern, each with what it names in its code
PATTERN = {
    "Production Impact": "",
    "Architecture": "",
    "Basic Setup": """
        PerformanceMonitor logger slowOperationThreshold verySlowOperationThreshold
        captureStackTrace onSlowOperation metrics captureMessage extra createHonoMiddleware app.use
        """,
    "Operation Tracking": "trackOperation",
    "Decorator Pattern": "TrackPerformance",
    "Scoped Monitoring": "scope trackOperation getStats",
    "Real-time Statistics": """
        getStats operation count successCount errorCount successRate avgDuration p50 p95 p99
        """,
    "Performance Budgets": """
        PerformanceBudget budgets checkBudgets BudgetViolation operation budget actual severity
        getSeverity
        """,
    "With Caching": """
        CachedOperationMonitor EdgeCacheService get getJSON set factory ttl key cache.get cache.hit
        cache.miss cache.factory recordMetric operation duration success timestamp metadata
        """,
    "With Error Tracking": """
        MonitoredErrorHandler SentryConnector captureException handle startTimer stop operation
        duration performance slow normal
        """,
    "Critical Path Monitoring": "CRITICAL_OPERATIONS alerting.critical",
    "Trend Analysis": "PerformanceTrends recordSnapshot detectDegradation threshold",
    "Adaptive Thresholds": "AdaptiveThresholds updateBaseline getThreshold",
    "Cloudflare Analytics": """
        CloudflareMetricsExporter AnalyticsEngineDataset export writeDataPoint indexes doubles blobs
        """,
    "Custom Metrics Endpoint": """
        createStatsHandler /metrics status timestamp stats summary totalRequests errorRate
        avgDuration slowestOperation
        """,
    "DO's": "",
    "DON'Ts": "",
    "Common Issues": "maxMetricsPerOperation",
    "Debug Mode": "logger captureStackTrace maxMetricsPerOperation onSlowOperation stackTrace",
}
# how many items it has under those headings that are lists
ITEMS = {"Production Impact": 4, "Architecture": 9, "DO's": 6, "DON'Ts": 6, "Common Issues": 9}


class Row(NamedTuple):
    """A row of a table: the heading it stands under, its line, its cells."""

    heading: str
    line: int
    cells: list[str]


def rows_of(text):
    """Give the rows of all tables of a page; each line that begins with a bar is one."""
    rows, heading = [], ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.removesuffix("|").split("|")[1:]]
            rows.append(Row(heading, number, cells))
    return rows


@cache
def defined_in(path):
    """Give the tests that a file defines as pytest names them, without importing it."""
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    found = set(names_of_tests(body))
    for node in body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            found |= {f"{node.name}::{name}" for name in names_of_tests(node.body)}
    return found


def names_of_tests(body):
    """Give the names of the test functions among these statements."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        node.name for node in body if isinstance(node, functions) and node.name.startswith("test_")
    ]


def is_there(public):
    """Say whether a name, with the argument in its brackets, is one of the package's."""
    match = NAME.fullmatch(public)
    if match is None:
        return False
    try:
        found = resolve_name(match["path"])
    except AttributeError:
        return False
    return match["keyword"] is None or match["keyword"] in inspect.signature(found).parameters


TEXT = PAGE.read_text(encoding="utf-8")
ALL_ROWS = rows_of(TEXT)
ROWS = [row for row in ALL_ROWS if row.cells not in (TITLE, RULE)]


def test_each_heading_has_one_table():
    """The pattern's headings are there in their order, each with one table."""
    tables = [(heading, list(rows)) for heading, rows in groupby(ALL_ROWS, lambda row: row.heading)]
    assert [heading for heading, _ in tables] == list(PATTERN)
    for heading, rows in tables:
        assert [row.cells for row in rows[:2]] == [TITLE, RULE], heading


@pytest.mark.parametrize("heading", PATTERN)
def test_what_the_pattern_names_is_in_the_first_column(heading):
    """Classes, methods, options and figures under a heading are in its table; so is its list."""
    first = [row.cells[0] for row in ROWS if row.heading == heading]
    named = {name for cell in first for name in CODE.findall(cell)}
    assert set(PATTERN[heading].split()) - named == set()
    assert len(first) >= ITEMS.get(heading, 1)


def test_every_cell_is_filled():
    """A row has three cells, and none is empty or a mere sign for nothing."""
    for row in ROWS:
        assert len(row.cells) == len(TITLE), row
        assert all(re.search(r"\w{2}", cell) for cell in row.cells), row


def test_no_row_is_there_twice():
    """The same item with the same counterpart would be one row too many."""
    rows = [(row.heading, *row.cells) for row in ROWS]
    assert len(set(rows)) == len(rows)


def test_a_counterpart_exists_or_is_said_not_to():
    """Each public name can be found, arguments too; a row without any says that and why."""
    for row in ROWS:
        names = [code for code in CODE.findall(row.cells[1]) if code.startswith("pytest_perfmon")]
        assert names or row.cells[1].startswith(WITHOUT), row
        assert [name for name in names if not is_there(name)] == [], row


def test_a_proof_is_a_test_that_exists():
    """The third column is the node id of a test that the suite has."""
    for row in ROWS:
        (node,) = CODE.findall(row.cells[2])
        assert row.cells[2] == f"`{node}`"
        path, _, name = node.partition("::")
        assert name in defined_in(path), row


def test_other_names_are_seen_to_be_missing():
    """What is not there is not found, so that the tests above cannot pass on anything."""
    assert is_there("pytest_perfmon.PerformanceMonitor(logger=…)")
    assert not is_there("pytest_perfmon.PerformanceMonitor(log=…)")
    assert not is_there("pytest_perfmon.PerformanceMonitor.trackOperation")
    assert not is_there("pytest_perfmon.web.hono")
    assert not is_there("pytest_perfmon")
    assert "test_no_test_of_that_name" not in defined_in("tests/test_source_map.py")
    assert rows_of("## A\n| a | |\n") == [Row("A", 2, ["a", ""])]


def test_the_page_can_be_reached():
    """Who reads of applications finds the way here."""
    assert LINK in (ROOT / "docs" / "in-applications.md").read_text(encoding="utf-8")
