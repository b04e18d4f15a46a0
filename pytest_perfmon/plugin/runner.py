"""Hooks around the perf tests of this process: ambient monitor, body, verdicts, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pytest_perfmon.errors import MeasurementError, PerfmonWarning
from pytest_perfmon.model.budget import Budget
from pytest_perfmon.model.codec import to_plain
from pytest_perfmon.model.verdict import TestResult
from pytest_perfmon.monitor.ambient import set_process_monitor
from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.plugin.fixture import PerfMonitor
from pytest_perfmon.plugin.markers import uses_our_fixture
from pytest_perfmon.plugin.modes import Mode
from pytest_perfmon.plugin.recording import Recording
from pytest_perfmon.plugin.repeat import Body, uses_given
from pytest_perfmon.plugin.way import Way
from pytest_perfmon.reporting.failure import failure_section
from pytest_perfmon.reporting.junit import properties


@dataclass(slots=True)
class Attempt:
    """One attempt at running a perf test, from its setup to its teardown.

    Attributes:
        recording: what it gives.
        way: how its forms are carried out.
        monitor: what its fixture gives.
        previous: the ambient monitor before it.
        result: what it gave, None where its body did not run to the end.
        failed: whether any of its reports has failed.
    """

    recording: Recording
    way: Way
    monitor: PerfMonitor
    previous: PerformanceMonitor
    result: TestResult | None = None
    failed: bool = False


class ItemRunner:
    """Runs the perf tests of this process.

    Args:
        budgets: the perf tests with their marks.
        mode: what kind of run this is.
        speaks: whether verdicts go to hooks and fail tests; a child leaves that to its parent.
        interrupted: told what a test gave before Ctrl-C.
        calm: called when a measurement is over, whatever became of it.
    """

    def __init__(
        self,
        budgets: Mapping[pytest.Item, Sequence[Budget]],
        mode: Mode,
        *,
        speaks: bool,
        interrupted: Callable[[TestResult], None],
        calm: Callable[[], None],
    ) -> None:
        self._budgets = budgets
        self._mode = mode
        self._speaks = speaks
        self._interrupted = interrupted
        self._calm = calm
        self._attempts: dict[pytest.Item, Attempt] = {}

    def monitor_of(self, item: pytest.Item) -> PerfMonitor | None:
        """Give the monitor of a perf test that is being run; None for other items."""
        attempt = self._attempts.get(item)
        return attempt.monitor if attempt is not None else None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Make the test's monitor the process's."""
        if item in self._budgets:
            own = item.ihook.pytest_perfmon_operation_name(item=item) or item.name
            recording = Recording(item.nodeid, own, self._budgets[item], self._mode.make_judge)
            way = self._mode.way(recording)
            monitor = PerfMonitor(recording, way, self._mode.clock)
            self._attempts[item] = Attempt(recording, way, monitor, set_process_monitor(monitor))
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Run the body, repeated where it is the operation; judge; fail the test."""
        attempt = self._attempts.get(item)
        if attempt is None:
            return (yield)
        assert isinstance(item, pytest.Function)  # noqa: S101 - nothing else is selected
        if not self._mode.repeats_bodies:
            result = yield
            self._conclude(item, attempt, time.perf_counter())
            return result
        if uses_given(item) and uses_our_fixture(item):
            pytest.fail(
                f"{item.name} uses @given and perf_monitor: expected one of them; a budget mark"
                " alone measures whole runs of the property",
                pytrace=False,
            )
        body = Body(item, attempt.recording, attempt.monitor, attempt.way)
        started = time.perf_counter()
        try:
            with body.in_place():
                result = yield
            if body.completed:
                self._conclude(item, attempt, started)
        except KeyboardInterrupt:
            attempt.monitor.finish(interrupted=True)
            self._interrupted(self._mode.result(attempt.recording, interrupted=True))
            raise
        finally:
            attempt.monitor.finish(interrupted=True)
            self._calm()
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Give the process its monitor back."""
        try:
            return (yield)
        finally:
            attempt = self._attempts.get(item)
            if attempt is not None:
                set_process_monitor(attempt.previous)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let the result travel on the last report of the last attempt, as plain data."""
        report = yield
        attempt = self._attempts.get(item)
        if attempt is None:
            return report
        attempt.failed = attempt.failed or report.failed or hasattr(report, "wasxfail")
        if call.when == "teardown":
            del self._attempts[item]
            if attempt.result is not None:
                plain = to_plain(attempt.result)
                plain["passed"] = not attempt.failed
                vars(report)["perfmon"] = plain
        return report

    def _conclude(self, item: pytest.Function, attempt: Attempt, started: float) -> None:
        try:
            attempt.monitor.finish()
        except MeasurementError as error:
            pytest.fail(str(error), pytrace=False)
        result = self._mode.result(attempt.recording, interrupted=False)
        result = replace(result, seconds=time.perf_counter() - started)
        attempt.result = result
        if not self._speaks:
            return
        for verdict in result.verdicts:
            item.ihook.pytest_perfmon_verdict(item=item, verdict=verdict)
        item.user_properties += properties(result)
        for verdict in result.verdicts:
            if verdict.warns:
                item.warn(PerfmonWarning(verdict.headline))
        failing = [verdict for verdict in result.verdicts if verdict.fails]
        if failing:
            item.add_report_section("call", "perfmon", failure_section(failing))
            pytest.fail("\n".join(one.headline for one in failing), pytrace=False)
