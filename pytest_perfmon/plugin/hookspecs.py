"""The five hooks through which a conftest or plugin takes part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_perfmon.model.verdict import MeasuredOperation, Verdict
    from pytest_perfmon.storage.base import RunStore


@pytest.hookspec
def pytest_perfmon_environment(  # type: ignore[empty-body]
    config: pytest.Config,
) -> Mapping[str, str]:
    """Add named fields to the environment; runs whose fields differ are not compared.

    Called once a session, before the first comparison or save. Values are short texts.
    """


@pytest.hookspec(firstresult=True)
def pytest_perfmon_operation_name(item: pytest.Item) -> str | None:
    """Name the test's own measurement; None leaves it at the test's name.

    Called once a perf test, before it runs. The name is part of the key that runs are stored by.
    """


@pytest.hookspec
def pytest_perfmon_verdict(item: pytest.Item, verdict: Verdict) -> None:
    """Take note of a verdict.

    Called in the process that ran the test, once for each criterion, before a violation fails it.
    """


@pytest.hookspec
def pytest_perfmon_report_columns(  # type: ignore[empty-body]
    operation: MeasuredOperation,
) -> Mapping[str, str]:
    """Add columns to the report: texts by column title, for one measured operation.

    Called in the process that prints the report.
    """


@pytest.hookspec(firstresult=True)
def pytest_perfmon_open_store(url: str, root: Path) -> RunStore | None:
    """Open a store for a URL scheme that pytest-perfmon does not know; None where it is not yours.

    Called when the store is first needed. `root` is what relative paths are relative to.
    """
