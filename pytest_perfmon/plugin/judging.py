"""From a test's recording to its verdicts: budgets, stored runs, and the second look at both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from pytest_perfmon.model.budget import Budget, limit_of
from pytest_perfmon.model.measurement import Key, Measurement, Summary
from pytest_perfmon.model.run import Environment, StoredValue, Window
from pytest_perfmon.model.verdict import MeasuredOperation, Outcome, TestResult, Verdict
from pytest_perfmon.plugin.recording import Recording
from pytest_perfmon.stats.suite import Holm
from pytest_perfmon.stats.summary import summary_of
from pytest_perfmon.verdicts.baselines import CRITERION, BaselineJudge
from pytest_perfmon.verdicts.budgets import STATISTICAL, BudgetJudge, not_checked
from pytest_perfmon.verdicts.confirm import confirmed
from pytest_perfmon.verdicts.screening import Screening, Suite, suite_of

Duel = Callable[[str, str], Mapping[str, Verdict] | str]
"""Compares a test with a commit; verdicts by operation, or why there are none."""

SecondLook = Callable[[str], TestResult | str]
"""Measures a test again in a fresh process; a text says why it could not."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The stored runs that this run is judged against.

    Attributes:
        name: of the baseline.
        place: of the store, for messages.
        environment: of this run.
        window: the stored values of the selected tests.
        suite: what the criteria share.
    """

    name: str
    place: str
    environment: Environment
    window: Window
    suite: Suite


def baseline_of(
    name: str,
    place: str,
    environment: Environment,
    window: Window,
    *,
    alpha: float,
    min_effect: float,
) -> Baseline:
    """Freeze the baseline before the first test."""
    suite = suite_of(window.values, alpha=alpha, min_effect=min_effect)
    return Baseline(name, place, environment, window, suite)


class Judging:
    """Judges the tests of a run one after another.

    Args:
        alpha: chance of one false red in the run.
        criteria: how many statistical budget criteria the selected tests have.
        baseline: None where stored runs are not compared with.
        max_regression: of the whole run; marks may be stricter or laxer.
        strict: NOT CHECKED fails.
        second_look: how a suspect is measured again; None takes suspects at their word, which is
            what a fresh process itself does.
        duel: compares a suspect of the stored runs with the commit of its baseline; None where
            that is not to be had.
    """

    def __init__(
        self,
        *,
        alpha: float,
        criteria: int,
        baseline: Baseline | None = None,
        max_regression: float | None = None,
        strict: bool = False,
        second_look: SecondLook | None = None,
        duel: Duel | None = None,
    ) -> None:
        self._alpha = alpha
        self._criteria = max(1, criteria)
        self._holm: Holm[tuple[Key, str]] = Holm(self._criteria, alpha)
        self._baseline = baseline
        self._max_regression = max_regression
        self._strict = strict
        self._second_look = second_look
        self._duel = None if duel is None else cache(duel)

    @property
    def has_history(self) -> bool:
        """Whether there are stored runs to compare with."""
        return self._baseline is not None and bool(self._baseline.window.values)

    @property
    def criteria_left(self) -> int:
        """How many budget criteria are not rejected yet."""
        return max(1, self._criteria - len(self._holm.rejected))

    def judge(self, key: Key, budget: Budget) -> BudgetJudge:
        """Make the judge of a budget."""
        return BudgetJudge(
            key,
            budget,
            fail_bar=self.criteria_left / self._alpha,
            alpha=self._alpha,
            criteria=self._criteria,
        )

    def verdicts(
        self, recording: Recording, summaries: Mapping[str, Summary]
    ) -> tuple[Verdict, ...]:
        """Judge a finished test; suspects are measured again, all by one second look."""

        @cache
        def second() -> TestResult | str:
            assert self._second_look is not None  # noqa: S101 - asked for only where there is one
            return self._second_look(recording.nodeid)

        found: list[Verdict] = []
        for operation in recording.operations():
            key = Key(recording.nodeid, operation)
            measurement = recording.measurements.get(operation)
            budgets = self._budget_verdicts(recording, key, measurement, summaries)
            found += [self._confirmed(verdict, second) for verdict in budgets]
            if self._baseline is not None and measurement is not None:
                verdict = self._against_baseline(recording, key, summaries[operation], second)
                doubts = self._baseline.window.warnings
                found.append(replace(verdict, warnings=(*verdict.warnings, *doubts)))
        return self.strictly(found)

    def strictly(self, verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
        """Let what could not be checked fail its test where the user asked for that."""
        return tuple(
            replace(one, fails=True) if self._strict and one.outcome is Outcome.NOT_CHECKED else one
            for one in verdicts
        )

    def _budget_verdicts(
        self,
        recording: Recording,
        key: Key,
        measurement: Measurement | None,
        summaries: Mapping[str, Summary],
    ) -> list[Verdict]:
        found: list[Verdict] = []
        for judge in recording.judges(key.operation):
            if measurement is None:
                found += judge.not_called()
            else:
                found += judge.verdicts(measurement, summaries[key.operation])
        return found

    def _confirmed(self, verdict: Verdict, second: Callable[[], TestResult | str]) -> Verdict:
        if verdict.outcome is not Outcome.FAILED or verdict.criterion not in STATISTICAL:
            return verdict
        if self._second_look is not None:
            result = second()
            same = result if isinstance(result, str) else _same_criterion(result, verdict)
            verdict = confirmed(verdict, same)
        if verdict.outcome is Outcome.FAILED:
            self._holm.update({(verdict.key, verdict.criterion): self._holm.bar})
        return verdict

    def _against_baseline(
        self,
        recording: Recording,
        key: Key,
        summary: Summary,
        second: Callable[[], TestResult | str],
    ) -> Verdict:
        baseline = self._baseline
        assert baseline is not None  # noqa: S101 - the caller has looked
        stored = baseline.window.values.get(key, ())
        history = [value for value in stored if value.unit == summary.unit]
        if not history:
            return not_checked(key, CRITERION, _why_no_history(baseline, key, stored))
        limit = limit_of(recording.budgets, "max_regression", key.operation, recording.own)
        judge = BaselineJudge(
            key, history, baseline.suite, self._max_regression if limit is None else limit
        )
        first = judge.screen(summary)
        if not first.suspect or self._second_look is None:
            return judge.verdict(first)
        doubts: tuple[str, ...] = ()
        if self._duel is not None:
            verdicts = self._duel(key.nodeid, history[-1].commit)
            if not isinstance(verdicts, str) and key.operation in verdicts:
                verdict = verdicts[key.operation]
                details = (first.evidence, *verdict.details)
                return replace(
                    verdict, criterion=CRITERION, details=details, threshold=first.threshold
                )
            why = verdicts if isinstance(verdicts, str) else "it was not measured there"
            doubts = (f"not compared with the baseline's commit: {why}",)
        # a machine in trouble would measure no better a moment later
        again = None if first.trouble else _again(second(), key, summary, judge)
        verdict = judge.verdict(first, again)
        return replace(verdict, warnings=(*verdict.warnings, *doubts))


def _again(
    result: TestResult | str, key: Key, summary: Summary, judge: BaselineJudge
) -> Screening | str:
    if isinstance(result, str):
        return result
    again = [one.summary for one in result.operations if one.key == key]
    if not again or again[0].unit != summary.unit:
        return "the fresh process did not measure it"
    return judge.convict(again[0])


def _same_criterion(result: TestResult, verdict: Verdict) -> Verdict | str:
    same = (
        one
        for one in result.verdicts
        if (one.key, one.criterion) == (verdict.key, verdict.criterion)
    )
    return next(same, "the fresh process did not measure it")


def _why_no_history(baseline: Baseline, key: Key, stored: Sequence[StoredValue]) -> str:
    window = baseline.window
    if stored:
        return "stored figures and these are of different kinds (calls, per-round means)"
    elsewhere = window.elsewhere.get(key)
    if elsewhere is not None:
        differences = "; ".join(baseline.environment.differences(elsewhere))
        return f"the baseline is from another environment ({differences})"
    if window.runs:
        return f"not in the baseline {baseline.name!r} yet"
    return f"no baseline {baseline.name!r} in {baseline.place} (--perf-save-baseline makes one)"


def summaries_of(recording: Recording) -> dict[str, Summary]:
    """Summarise what was measured."""
    return {name: summary_of(one) for name, one in recording.measurements.items()}


def measured(
    recording: Recording, summaries: Mapping[str, Summary]
) -> tuple[MeasuredOperation, ...]:
    """Give the figures with their keys."""
    return tuple(
        MeasuredOperation(Key(recording.nodeid, name), summary)
        for name, summary in summaries.items()
    )


def statistical_criteria(budgets: Sequence[Budget]) -> int:
    """Count the criteria of these budgets that share alpha."""
    return sum(limit.criterion in STATISTICAL for budget in budgets for limit in budget.limits)
