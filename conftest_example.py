"""A conftest.py to copy from: a table of budgets, and the five hooks of pytest-perfmon.

Every part stands alone; keep what you need. A plain `pytest` run is not slowed down by any of it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_perfmon.model.verdict import MeasuredOperation, Verdict
    from pytest_perfmon.storage.base import RunStore

# --- One table of budgets for the whole suite ----------------------------------------------------

# Node ids by pattern, first match wins. A mark on a test, its class or its module is nearer to the
# code and replaces the table's line. Plain numbers are milliseconds.
BUDGETS: Mapping[str, Mapping[str, Any]] = {
    "*test_api*": {"p95": 50, "max": "1s"},
    "*": {"p95": "1s"},
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the table's budget to each test that measures and has no budget of its own."""
    for item in items:
        measures = "perf_monitor" in getattr(item, "fixturenames", ())
        if measures and item.get_closest_marker("budget") is None:
            limits = next(limits for node, limits in BUDGETS.items() if fnmatch(item.nodeid, node))
            item.add_marker(pytest.mark.budget(**limits))


# --- What runs may be compared with each other ---------------------------------------------------


def pytest_perfmon_environment() -> Mapping[str, str]:
    """Compare only runs on the same class of runner and the same SQLite.

    Stored runs whose fields differ are not judged against; the summary names the fields.
    """
    return {"runner": os.environ.get("RUNNER_CLASS", "local"), "sqlite": sqlite3.sqlite_version}


# --- What operations are called ------------------------------------------------------------------


def pytest_perfmon_operation_name(item: pytest.Item) -> str | None:
    """Show `parse[large]` where the test is `test_parse[large]`.

    Runs are stored by this name: changing it later starts a new history.
    """
    return item.name.removeprefix("test_")


# --- Who else wants to know ----------------------------------------------------------------------


def pytest_perfmon_verdict(item: pytest.Item, verdict: Verdict) -> None:
    """Append what fails a test to a file, for a later step to post where the team reads it."""
    file = os.environ.get("VIOLATIONS")
    if file and verdict.fails:
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(f"{item.nodeid}: {verdict.headline}\n")


def pytest_perfmon_report_columns(operation: MeasuredOperation) -> Mapping[str, str]:
    """Add the rate to the table; `mean` is nanoseconds per call."""
    return {"per second": f"{1e9 / operation.summary.mean:,.0f}"}


# --- Where runs are kept -------------------------------------------------------------------------


def pytest_perfmon_open_store(url: str, root: Path) -> RunStore | None:
    """Understand `--perf-store=team:NAME` as a folder on the drive that the team shares."""
    scheme, _, name = url.partition(":")
    if scheme != "team":
        return None
    from pytest_perfmon.storage.base import open_store  # noqa: PLC0415 - only where it is asked for

    return open_store(os.environ["TEAM_DRIVE"] + "/perfmon/" + name, root)
