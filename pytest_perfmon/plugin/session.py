"""A run with perf tests in it: selection, preparation, gathering of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from pytest_perfmon.errors import MarkError, UsageError
from pytest_perfmon.model.budget import Budget
from pytest_perfmon.model.codec import from_plain
from pytest_perfmon.model.verdict import TestResult
from pytest_perfmon.plugin.child import duet_worker_of, job_of
from pytest_perfmon.plugin.fixture import PerfMonitor
from pytest_perfmon.plugin.markers import budgets_of, uses_our_fixture
from pytest_perfmon.plugin.modes import Mode, Plain
from pytest_perfmon.plugin.progress import Progress
from pytest_perfmon.plugin.runner import ItemRunner

if TYPE_CHECKING:
    from pytest_perfmon.plugin.closing import Closing
    from pytest_perfmon.plugin.options import PerfOptions

_NAME = "perfmon-session"


class PerfSession:
    """The state of a run with perf tests.

    Attributes:
        results: by node id, the last attempt's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.results: dict[str, TestResult] = {}
        self._job = job_of(config)
        self._worker = duet_worker_of(config)
        self._budgets: dict[pytest.Item, Sequence[Budget]] = {}
        self._runner: ItemRunner | None = None
        self._closing: Closing | None = None
        if not hasattr(config, "workerinput") and self._job is None and self._worker is None:
            from pytest_perfmon.plugin.closing import Closing  # noqa: PLC0415 - not in workers

            self._closing = Closing(config, self.options, self.results)
            config.pluginmanager.register(self._closing, "perfmon-closing")

    @cached_property
    def options(self) -> PerfOptions:
        """What the user asked; a worker of an A/B, which is told all, does not read it."""
        from pytest_perfmon.plugin.options import read_options  # noqa: PLC0415 - loads much

        return read_options(self._config)

    @property
    def measuring(self) -> bool:
        """Whether this run measures."""
        return self.options.measuring or self._job is not None

    def select(self, items: list[pytest.Item], candidates: Sequence[pytest.Item]) -> None:
        """Sort out which items are perf tests; report bad marks; leave out what is not wanted."""
        bad = self._read_marks(candidates)
        if self._worker is not None:  # it is told which of them to run
            return
        only, skip = self.options.only, self.options.skip
        unwanted = [item for item in items if (item in self._budgets) is skip and (only or skip)]
        if unwanted:
            self._config.hook.pytest_deselected(items=unwanted)
        compares = self.options.against.base is not None
        if compares and not self._budgets and not bad and not self._config.option.collectonly:
            raise pytest.UsageError(
                f"--perf-against={self.options.against.base!r}: no perf test was collected, so"
                " there is nothing to compare"
            )
        leave_out = {*unwanted, *bad}
        items[:] = [item for item in items if item not in leave_out]

    def _read_marks(self, candidates: Sequence[pytest.Item]) -> list[pytest.Item]:
        bad: list[pytest.Item] = []
        for item in candidates:
            if not isinstance(item, pytest.Function):
                continue
            try:
                budgets = budgets_of(item)
            except MarkError as error:
                bad.append(item)
                self._report_bad_mark(item, str(error))
            else:
                if budgets or uses_our_fixture(item):
                    self._budgets[item] = budgets
        return bad

    def _report_bad_mark(self, item: pytest.Item, text: str) -> None:
        report = pytest.CollectReport(item.nodeid, "failed", text, result=[])
        self._config.hook.pytest_collectreport(report=report)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Prepare to measure and judge, once it is known what will run.

        Raises:
            pytest.UsageError: where the store cannot be read, or was written by a later version.
        """
        selected = {item: self._budgets[item] for item in session.items if item in self._budgets}
        if self._worker is not None:
            wanted = self._worker.park([item.nodeid for item in selected])
            by_nodeid = {item.nodeid: item for item in selected}
            session.items[:] = [by_nodeid[nodeid] for nodeid in wanted if nodeid in by_nodeid]
            selected = {item: self._budgets[item] for item in session.items}
        if not selected or self._config.option.collectonly:
            return
        progress = Progress(self._config)
        mode = self._mode(selected, progress)
        self._runner = ItemRunner(
            selected,
            mode,
            speaks=self._job is None and self._worker is None,
            interrupted=self.take,
            calm=progress.clear,
        )
        self._config.pluginmanager.register(self._runner, "perfmon-runner")
        if self._worker is None and self.measuring:
            from pytest_perfmon.plugin.xdist import turns_of  # noqa: PLC0415 - see below

            turns = turns_of(self._config, set(selected))
            if turns is not None:
                self._config.pluginmanager.register(turns, "perfmon-turns")

    def _mode(self, selected: Mapping[pytest.Item, Sequence[Budget]], progress: Progress) -> Mode:
        """Choose the mode; what only one of them needs is loaded with it."""
        if self._worker is not None:
            return self._worker
        if not self.measuring:
            return Plain()
        try:
            if self._job is None and self.options.against.base is not None:
                from pytest_perfmon.plugin.against import compare  # noqa: PLC0415 - see above

                against, notes = compare(self._config, self.options, selected, progress.blocks)
                if self._closing is not None:
                    self._closing.add(against.columns(), notes)
                return against
            from pytest_perfmon.plugin.measured import measured_mode  # noqa: PLC0415 - see above

            return measured_mode(self._config, self.options, self._job, selected, progress.update)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        finally:
            progress.clear()

    def monitor_of(self, item: pytest.Item) -> PerfMonitor:
        """Give what the `perf_monitor` fixture is for that test."""
        monitor = self._runner.monitor_of(item) if self._runner is not None else None
        if monitor is None:
            pytest.fail(
                f"perf_monitor was asked for while {item.name} ran: expected it as an argument of"
                " the test or of a fixture that the test asks for",
                pytrace=False,
            )
        return monitor

    def take(self, result: TestResult) -> None:
        """Take what a test gave."""
        self.results[result.nodeid] = result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what travelled on the report of a test, of this process or of a worker."""
        plain = getattr(report, "perfmon", None)
        if plain is not None:
            self.take(from_plain(TestResult, plain))


def session_of(config: pytest.Config) -> PerfSession:
    """Give the run's session, made when first asked for."""
    session: PerfSession | None = config.pluginmanager.getplugin(_NAME)
    if session is None:
        session = PerfSession(config)
        config.pluginmanager.register(session, _NAME)
    return session
