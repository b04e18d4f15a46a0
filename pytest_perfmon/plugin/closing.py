"""The end of a run: save it, write the reports, print the summary."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_perfmon.errors import UsageError
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.run import Commit, Environment, Run
from pytest_perfmon.model.verdict import MeasuredOperation, TestResult
from pytest_perfmon.plugin.places import environment_of, open_run_store
from pytest_perfmon.reporting.report import Report, build_report
from pytest_perfmon.stats.common_mode import KEYS_NEEDED
from pytest_perfmon.storage.environment import current_commit
from pytest_perfmon.verdicts.suite_shift import suite_shift

if TYPE_CHECKING:
    from pytest_perfmon.plugin.options import PerfOptions

_STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


class Closing:
    """Closes a run in the process that the user called.

    Args:
        config: pytest's.
        options: what the user asked.
        results: the last attempt's of each test, filled while the run goes on.
    """

    def __init__(
        self, config: pytest.Config, options: PerfOptions, results: Mapping[str, TestResult]
    ) -> None:
        self._config = config
        self._options = options
        self._results = results
        self._time = datetime.now(UTC)
        self._columns: dict[Key, dict[str, str]] = {}
        self._notes: tuple[str, ...] = ()
        self._report: Report | None = None
        self._errors: list[str] = []

    def add(self, columns: Mapping[Key, Mapping[str, str]], notes: Sequence[str]) -> None:
        """Add columns to the table, by operation, and lines below it."""
        self._columns.update({key: dict(texts) for key, texts in columns.items()})
        self._notes += tuple(notes)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Save, then build and write the reports; what cannot be written ends the run with 4."""
        if not self._results:
            return
        measured = self._options.measuring
        environment = environment_of(self._config) if measured else None
        commit = current_commit(self._config.rootpath) if measured else Commit()
        notes = list(self._notes)
        if self._options.budgets and self._options.against.base is None:
            notes += self._attempt(lambda: self._shift_of_all(session))
        if self._options.save and environment is not None:
            notes += self._attempt(lambda: self._saved(commit, environment, exitstatus))
        report = build_report(
            list(self._results.values()),
            self._options.layout,
            extra_columns=self._extra_columns(),
            environment=environment,
            about=self._about(commit),
            notes=notes,
        )
        self._report = report
        self._attempt(lambda: self._written(report))
        if self._errors:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the report, and what went wrong with writing it."""
        if self._report is None:
            return
        from pytest_perfmon.reporting.terminal import terminal_lines  # noqa: PLC0415 - tabulate

        width = min(80, terminalreporter.config.get_terminal_writer().fullwidth)
        terminalreporter.section("performance", "=")
        for line in terminal_lines(self._report, width=max(40, width)):
            for segment in line:
                terminalreporter.write(segment.text, **segment.markup)
            terminalreporter.write_line("")
        if self._options.explain_threshold:
            from pytest_perfmon.reporting.explain import explanation_lines  # noqa: PLC0415 - rare

            terminalreporter.section("thresholds", "-")
            for text in explanation_lines(self._report.results):
                terminalreporter.write_line(text)
        for error in self._errors:
            terminalreporter.write_line(f"ERROR: {error}", red=True)
        if self._options.github:
            from pytest_perfmon.reporting.github import workflow_commands  # noqa: PLC0415

            for command in workflow_commands(self._report, directory=_directory(self._config)):
                terminalreporter.write_line(command)

    def _attempt(self, step: Callable[[], list[str]]) -> list[str]:
        try:
            return step()
        except UsageError as error:
            self._errors.append(str(error))
        except OSError as error:
            self._errors.append(f"cannot write {error.filename}: {error.strerror}")
        return []

    def _shift_of_all(self, session: pytest.Session) -> list[str]:
        """Judge what the operations have in common; red only where the user wants it strict."""
        compared = {
            verdict.key
            for result in self._results.values()
            for verdict in result.verdicts
            if verdict.threshold is not None and verdict.threshold.spread is not None
        }
        if len(compared) < KEYS_NEEDED:
            return []
        from pytest_perfmon.plugin.measured import stored_baseline  # noqa: PLC0415 - slow to load

        nodeids = {key.nodeid for key in compared}
        baseline = stored_baseline(self._config, self._options, nodeids)
        figures = {one.key: one.summary for one in _operations(self._results)}
        shift = suite_shift(baseline.window.values, figures, baseline.suite)
        if shift is None:
            return []
        if shift.slower and self._options.strict and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return [shift.line()]

    def _saved(self, commit: Commit, environment: Environment, exitstatus: int) -> list[str]:
        if exitstatus == pytest.ExitCode.INTERRUPTED:
            return ["nothing was saved: the run was interrupted"]
        left_out = [
            one.nodeid for one in self._results.values() if one.operations and not one.passed
        ]
        results = {
            Key(*operation.key): operation.summary
            for one in self._results.values()
            if one.passed
            for operation in one.operations
        }
        notes = []
        if left_out:
            tests = "1 failed test" if len(left_out) == 1 else f"{len(left_out)} failed tests"
            notes.append(f"left out of the baseline: {tests} ({', '.join(left_out)})")
        if not results:
            return [*notes, "nothing was saved: no perf test passed"]
        run = Run(
            id=uuid.uuid4().hex[:12],
            name=self._options.baseline_name,
            time=self._time.isoformat(timespec="microseconds"),
            commit=commit,
            environment=environment,
            results=results,
        )
        place = open_run_store(self._config, self._options).save(run)
        operations = "1 operation" if len(results) == 1 else f"{len(results)} operations"
        return [*notes, f"saved {operations} to the baseline {run.name!r}: {self._shown(place)}"]

    def _shown(self, place: str) -> str:
        path = Path(place)
        if path.is_absolute() and path.is_relative_to(self._config.rootpath):
            return str(path.relative_to(self._config.rootpath))
        return place

    def _written(self, report: Report) -> list[str]:
        from pytest_perfmon.reporting.json import to_json  # noqa: PLC0415 - where asked for

        if self._options.json is not None:
            _write(self._options.json, to_json(report))
        if self._options.html is not None:
            from pytest_perfmon.reporting.html import to_html  # noqa: PLC0415 - jinja2

            _write(self._options.html, to_html(report))
        summary_file = os.environ.get(_STEP_SUMMARY)
        if self._options.github and summary_file:
            from pytest_perfmon.reporting.github import step_summary  # noqa: PLC0415

            with Path(summary_file).open("a", encoding="utf-8") as file:
                file.write(step_summary(report))
        return []

    def _extra_columns(self) -> dict[Key, dict[str, str]]:
        columns = dict(self._columns)
        for operation in _operations(self._results):
            for texts in self._config.hook.pytest_perfmon_report_columns(operation=operation):
                named = {str(title): str(text) for title, text in texts.items()}
                columns.setdefault(operation.key, {}).update(named)
        return columns

    def _about(self, commit: Commit) -> dict[str, str]:
        about = {"time": self._time.isoformat(timespec="seconds")}
        if commit.id:
            about |= {"commit": commit.id, "branch": commit.branch}
            about["dirty"] = "yes" if commit.dirty else "no"
        return about


def _operations(results: Mapping[str, TestResult]) -> Iterator[MeasuredOperation]:
    for result in results.values():
        yield from result.operations


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _directory(config: pytest.Config) -> str:
    """Say where pytest's rootdir lies in the repository, which annotations are relative to."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    root = config.rootpath
    if workspace and root.is_relative_to(workspace):
        return root.relative_to(workspace).as_posix().removeprefix(".")
    return ""
