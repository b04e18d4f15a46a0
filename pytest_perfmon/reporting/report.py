"""The renderer-neutral report: a table, remarks, footnotes and counts, ready to be shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.run import Environment
from pytest_perfmon.model.verdict import Outcome, TestResult, Verdict
from pytest_perfmon.reporting.layout import Layout
from pytest_perfmon.reporting.remarks import Remark, remarks_on, worst
from pytest_perfmon.reporting.table import Footnotes, Group, Row, columns_of, groups_of


@dataclass(frozen=True, slots=True)
class Report:
    """A run of perf tests, ready for any renderer.

    Attributes:
        columns: titles of the cells of every row.
        groups: rows in the order asked for; none where nothing was measured.
        remarks: what failed, was not decided, was not checked, or improved, each with the numbers
            of its footnotes.
        footnotes: each distinct warning once; number 1 comes first.
        outcomes: how many operations ended in each outcome; None is those without a verdict.
        unchecked: criteria that were not checked, on operations that ended in another outcome.
        unmeasured: perf tests whose body ran once, unmeasured.
        notes: further lines, such as where the run was saved.
        environment: where it was measured, None where nobody asked.
        about: what else is known of the run, text by name.
        results: what the report was built from.
    """

    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    remarks: tuple[tuple[Remark, tuple[int, ...]], ...]
    footnotes: tuple[str, ...]
    outcomes: Mapping[Outcome | None, int]
    unchecked: int
    unmeasured: int
    notes: tuple[str, ...]
    environment: Environment | None
    about: Mapping[str, str]
    results: tuple[TestResult, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, across groups."""
        return tuple(row for group in self.groups for row in group.rows)


DEFAULT_LAYOUT = Layout()


def build_report(
    results: Sequence[TestResult],
    layout: Layout = DEFAULT_LAYOUT,
    *,
    extra_columns: Mapping[Key, Mapping[str, str]] | None = None,
    environment: Environment | None = None,
    about: Mapping[str, str] | None = None,
    notes: Iterable[str] = (),
) -> Report:
    """Build the report of a run.

    Args:
        results: one a perf test, each operation once.
        layout: columns, order and unit of the table.
        extra_columns: texts by column title for each key; they follow the chosen columns.
        environment: where it was measured.
        about: facts of the run by name, such as its time and commit.
        notes: lines to end with.
    """
    operations = [one for result in results for one in result.operations]
    verdicts: dict[Key, list[Verdict]] = {one.key: [] for one in operations}
    for result in results:
        for verdict in result.verdicts:
            verdicts.setdefault(verdict.key, []).append(verdict)
    extra = extra_columns or {}
    footnotes = Footnotes()
    groups = groups_of(operations, verdicts, layout, extra, footnotes)
    remarks = remarks_on([verdict for result in results for verdict in result.verdicts])
    return Report(
        columns=columns_of(layout, extra),
        groups=groups,
        remarks=tuple((one, footnotes.numbers(one.warnings)) for one in remarks),
        footnotes=footnotes.texts,
        outcomes=Counter(map(worst, verdicts.values())),
        unchecked=sum(map(_unchecked, verdicts.values())),
        unmeasured=sum(not result.measured for result in results),
        notes=tuple(notes),
        environment=environment,
        about=about or {},
        results=tuple(results),
    )


def _unchecked(verdicts: Sequence[Verdict]) -> int:
    if worst(verdicts) is Outcome.NOT_CHECKED:
        return 0
    return sum(one.outcome is Outcome.NOT_CHECKED for one in verdicts)


def count_line(report: Report) -> str:
    """Count operations by outcome: `12 operations: 9 passed, 1 failed, 2 not checked`.

    Criteria that were not checked on the other operations follow: `; 3 criteria not checked`.
    Empty where there is nothing to count.
    """
    total = sum(report.outcomes.values())
    if not total:
        return ""
    noun = "operation" if total == 1 else "operations"
    if set(report.outcomes) == {None}:
        return f"{total} {noun} measured"
    words = [(one, one.value.lower()) for one in Outcome]
    counts = [
        (report.outcomes[one], word)
        for one, word in (*words, (None, "not judged"))
        if report.outcomes[one]
    ]
    parts = ", ".join(f"{count} {word}" for count, word in counts)
    criteria = "criterion" if report.unchecked == 1 else "criteria"
    rest = f"; {report.unchecked} {criteria} not checked" if report.unchecked else ""
    return f"{total} {noun}: {parts}{rest}"


def unmeasured_line(report: Report) -> str:
    """Say how many perf tests ran unmeasured and how to measure them; empty where none did."""
    if not report.unmeasured:
        return ""
    tests, them = ("perf tests", "them") if report.unmeasured > 1 else ("perf test", "it")
    return f"{report.unmeasured} {tests} ran once, unmeasured; measure {them} with --perf-budgets"
