"""What was decided about a figure: a value, never an exception and never a print."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.threshold import Threshold


class Outcome(StrEnum):
    """How a (test, operation, criterion) ended; every one ends in exactly one of these."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    UNDECIDED = "UNDECIDED"
    NOT_CHECKED = "NOT CHECKED"


class Severity(StrEnum):
    """How far a budget was exceeded: up to 2x, above 2x, above 3x."""

    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class Change(StrEnum):
    """What a comparison says of the candidate."""

    IMPROVED = "IMPROVED"
    UNCHANGED = "UNCHANGED"
    REGRESSED = "REGRESSED"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate against its baseline; changes are shares, +0.068 being 6.8 % slower.

    Attributes:
        change: the verdict.
        effect: the estimated change.
        low: lower end of its interval, -1 or more.
        high: upper end, `inf` where unbounded.
        backing: what stands behind it, such as `5 stored runs` or `14 blocks`.
        visible: the smallest change that would have been found in about 90 % of cases; None where
            that cannot be said.
    """

    change: Change
    effect: float
    low: float
    high: float
    backing: str
    visible: float | None = None


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """All that it takes to decide an interleaved comparison again.

    Attributes:
        data: the log ratio of each block, None for a lost one.
        bars: after each block, the evidence that REGRESSED and IMPROVED took, then the lowest
            that each could still fall to.
        min_effect: share below which a change is ignored.
        cap: how many blocks could be made.
        fixed: whether exactly so many were made, and the decision was left to the last.
    """

    data: tuple[float | None, ...]
    bars: tuple[tuple[float, float, float, float], ...]
    min_effect: float
    cap: int
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """One criterion's outcome.

    Attributes:
        key: the test and operation.
        criterion: `p95`, `mean`, `calls`, …, `baseline`, or `against`.
        outcome: how it ended.
        headline: one line that says it all.
        reason: why it was NOT CHECKED or is UNDECIDED, without the operation's name, so that
            equal reasons can be counted; empty otherwise.
        details: further lines of evidence.
        severity: of a violated budget.
        comparison: of a comparison with a baseline.
        record: the blocks of an interleaved comparison.
        threshold: how that of a comparison with stored runs came about.
        warnings: doubts about this verdict; the report numbers them.
        fails: whether the test fails for it (a FAILED verdict, or what `on_undecided` and
            `--perf-strict` make of the others).
        warns: whether its author asked for a warning.
    """

    key: Key
    criterion: str
    outcome: Outcome
    headline: str
    reason: str = ""
    details: tuple[str, ...] = ()
    severity: Severity | None = None
    comparison: Comparison | None = None
    record: BlockRecord | None = None
    threshold: Threshold | None = None
    warnings: tuple[str, ...] = ()
    fails: bool = False
    warns: bool = False


@dataclass(frozen=True, slots=True)
class MeasuredOperation:
    """An operation of a test with its figures."""

    key: Key
    summary: Summary


@dataclass(frozen=True, slots=True)
class TestResult:
    """All that one perf test gave: its figures and its verdicts; travels on the test's report.

    Attributes:
        nodeid: the test.
        measured: False where a plain run executed the body once.
        passed: whether setup, call and teardown went well; only then are figures kept.
        operations: figures, in the order in which they were made.
        verdicts: one per criterion.
        seconds: how long measuring and judging took.
    """

    __test__ = False  # pytest would collect the class by its name

    nodeid: str
    measured: bool
    passed: bool = True
    operations: tuple[MeasuredOperation, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    seconds: float = 0.0
