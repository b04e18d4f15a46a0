"""Did an operation get slower than its stored runs? Screened here, convicted by a second look.

A stored run was measured at another time, and on a shared machine time alone moves figures by a
third. So a figure outside the prediction of its stored runs is only a suspect; it is measured
again in a fresh process, and both have to exceed the limit. One or two stored runs say nothing
about their own spread: the pattern's threshold of twice the baseline's p95 stands in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.run import StoredValue
from pytest_perfmon.model.verdict import Change, Comparison, Outcome, Verdict
from pytest_perfmon.stats.prediction import (
    RUNS_NEEDED,
    Prior,
    moderated_variance,
    predict,
    sample_variance,
)
from pytest_perfmon.units import format_ns, format_share
from pytest_perfmon.verdicts.adaptive import THRESHOLD_RATIO, exceeds_adaptive

CRITERION: Final = "baseline"
SCREENING_LEVEL: Final = 0.05
_LEAST_NS: Final = 0.5  # below the clock's last digit; a scripted or coarse clock can show 0


@dataclass(frozen=True, slots=True)
class Suite:
    """What the stored runs of the whole selection say, frozen before the first test.

    Attributes:
        criteria: (test, operation) pairs that the store holds for the selected tests; they share
            alpha.
        prior: of the spread between runs.
        alpha: the chance of one false red in the run.
        min_effect: share below which a change is ignored.
    """

    criteria: int
    prior: Prior
    alpha: float
    min_effect: float

    @property
    def level(self) -> float:
        """The chance of a false red that one criterion may have."""
        return self.alpha / max(1, self.criteria)


def suite_of(
    windows: Mapping[Key, Sequence[StoredValue]], *, alpha: float, min_effect: float
) -> Suite:
    """Freeze what is shared between the criteria of a run."""
    spreads = [
        (len(values) - 1, sample_variance(_logs(values)))
        for values in windows.values()
        if len(values) >= RUNS_NEEDED
    ]
    return Suite(len(windows), moderated_variance(spreads), alpha, min_effect)


def _logs(values: Sequence[StoredValue]) -> list[float]:
    return [_log(value.median) for value in values]


def _log(ns: float) -> float:
    return math.log(max(ns, _LEAST_NS))


@dataclass(frozen=True, slots=True)
class Screening:
    """A figure against its stored runs.

    Attributes:
        suspect: whether it has to be measured again before anything is said.
        comparison: what this measurement alone shows.
        threshold: what it was held against, in words.
    """

    suspect: bool
    comparison: Comparison
    threshold: str


class BaselineJudge:
    """Holds one operation's figures against its stored runs.

    Args:
        key: the operation.
        history: its stored values in this environment and unit, oldest first, one or more.
        suite: what the whole run shares.
        max_regression: share beyond which a slowdown is red at all; None is any.
    """

    def __init__(
        self,
        key: Key,
        history: Sequence[StoredValue],
        suite: Suite,
        max_regression: float | None,
    ) -> None:
        self.key = key
        self._history = history
        self._suite = suite
        self._least = max(suite.min_effect, max_regression or 0.0)

    @property
    def _backing(self) -> str:
        runs = len(self._history)
        return f"{runs} stored run{'s' if runs > 1 else ''}"

    def screen(self, summary: Summary) -> Screening:
        """Compare a first measurement with the stored runs: one in twenty is a suspect."""
        return self._compare(summary, SCREENING_LEVEL)

    def convict(self, summary: Summary) -> Screening:
        """Compare a suspect's second measurement, at the level that keeps the run's alpha."""
        return self._compare(summary, self._suite.level)

    def _compare(self, summary: Summary, level: float) -> Screening:
        if len(self._history) < RUNS_NEEDED:
            return self._adaptive(summary)
        prediction = predict(_logs(self._history), self._suite.prior)
        y = _log(summary.median)
        effect = math.expm1(y - prediction.mean)
        low, high = prediction.interval(y)
        slower = prediction.p_slower(y)
        change = Change.UNCHANGED
        if slower < level and effect > self._least:
            change = Change.REGRESSED
        elif 1 - slower < self._suite.level and effect < 1 / (1 + self._suite.min_effect) - 1:
            change = Change.IMPROVED
        visible = max(prediction.visible(self._suite.level) - 1, self._least)
        comparison = Comparison(change, effect, low - 1, high - 1, self._backing, visible)
        return Screening(
            change is Change.REGRESSED,
            comparison,
            f"t = {prediction.t(y):.2f} with {prediction.df:.1f} degrees of freedom,"
            f" p = {slower:.2g} where nothing changed, level {level:.2g}",
        )

    def _adaptive(self, summary: Summary) -> Screening:
        base_p95 = _geometric_mean([value.p95 for value in self._history])
        base_median = _geometric_mean([value.median for value in self._history])
        effect = summary.median / base_median - 1
        p95_ratio, median_ratio = summary.p95 / base_p95, summary.median / base_median
        suspect = (
            exceeds_adaptive(p95_ratio, median_ratio)
            and max(p95_ratio, median_ratio) - 1 > self._least
        )
        change = Change.REGRESSED if suspect else Change.UNDECIDED
        comparison = Comparison(change, effect, -1.0, math.inf, self._backing)
        return Screening(
            suspect,
            comparison,
            f"p95 {format_ns(summary.p95)} is {p95_ratio:.2f}x the baseline's, threshold"
            f" {THRESHOLD_RATIO:g}x ({format_ns(THRESHOLD_RATIO * base_p95)});"
            f" median {median_ratio:.2f}x",
        )

    def verdict(self, first: Screening, second: Screening | str | None = None) -> Verdict:
        """Give the verdict of a screening and, for a suspect, its second measurement.

        Args:
            first: in the run's own process.
            second: in a fresh process; a text says why there is none.
        """
        comparison = first.comparison
        if not first.suspect:
            return self._quiet(first)
        if isinstance(second, Screening) and second.suspect:
            again = format_share(second.comparison.effect, signed=True)
            return Verdict(
                self.key,
                CRITERION,
                Outcome.FAILED,
                self._headline(comparison),
                details=(
                    first.threshold,
                    f"measured again in a fresh process: {again}, {second.threshold}",
                ),
                comparison=comparison,
                fails=True,
            )
        change = format_share(comparison.effect, signed=True)
        if isinstance(second, Screening):
            again = format_share(second.comparison.effect, signed=True)
            reason = f"{change} here, {again} in a fresh process"
            outcome = Outcome.UNDECIDED
        else:
            reason = f"a suspect ({change}) could not be measured again: {second}"
            outcome = Outcome.NOT_CHECKED
        return Verdict(
            self.key,
            CRITERION,
            outcome,
            f"{self.key.operation} {outcome} {reason} · {self._backing}",
            reason=reason,
            details=(first.threshold,),
            comparison=_undecided(comparison),
        )

    def _quiet(self, screening: Screening) -> Verdict:
        comparison = screening.comparison
        if len(self._history) < RUNS_NEEDED:
            reason = (
                f"{self._backing}: {RUNS_NEEDED} are needed to see less than"
                f" {THRESHOLD_RATIO:g}x the baseline's p95"
            )
            return Verdict(
                self.key,
                CRITERION,
                Outcome.NOT_CHECKED,
                f"{self.key.operation} NOT CHECKED for smaller changes · {reason}",
                reason=reason,
                details=(screening.threshold,),
                comparison=comparison,
            )
        return Verdict(
            self.key,
            CRITERION,
            Outcome.PASSED,
            self._headline(comparison),
            details=(screening.threshold,),
            comparison=comparison,
        )

    def _headline(self, comparison: Comparison) -> str:
        effect = format_share(comparison.effect, signed=True)
        said = f"{self.key.operation} {comparison.change} {effect}"
        if math.isfinite(comparison.high):
            low, high = (
                format_share(end, signed=True).removesuffix("%")
                for end in (comparison.low, comparison.high)
            )
            said += f" [{low}, {high}] · {comparison.backing}"
        else:
            said += f" · only {comparison.backing} behind it"
        if comparison.visible is not None:
            said += f" · could see >= {format_share(comparison.visible)}"
        return said


def _undecided(comparison: Comparison) -> Comparison:
    return Comparison(
        Change.UNDECIDED,
        comparison.effect,
        comparison.low,
        comparison.high,
        comparison.backing,
        comparison.visible,
    )


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(math.fsum(map(_log, values)) / len(values))
