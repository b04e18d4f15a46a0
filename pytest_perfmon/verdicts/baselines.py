"""Did an operation get slower than its stored runs? Screened here, convicted by a second look.

A stored run was measured at another time, and on a shared machine time alone moves figures by a
third. So a figure outside the prediction of its stored runs is only a suspect; it is measured
again in a fresh process, and both have to exceed the limit. One or two stored runs say nothing
about their own spread: the pattern's threshold of twice the baseline's p95 stands in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.run import StoredValue
from pytest_perfmon.model.verdict import Change, Comparison, Outcome, Verdict
from pytest_perfmon.stats.prediction import RUNS_NEEDED
from pytest_perfmon.units import format_ends, format_share
from pytest_perfmon.verdicts.adaptive import THRESHOLD_RATIO
from pytest_perfmon.verdicts.screening import SCREENING_LEVEL, Screener, Screening, Suite

CRITERION: Final = "baseline"
MACHINE: Final = "machine: it ran at another speed than in the stored runs"


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
        self._level = suite.level
        self._screener = Screener(key, history, suite, max(suite.min_effect, max_regression or 0.0))

    def screen(self, summary: Summary) -> Screening:
        """Compare a first measurement with the stored runs: one in twenty is a suspect."""
        return self._screener.screen(summary, SCREENING_LEVEL)

    def convict(self, summary: Summary) -> Screening:
        """Compare a suspect's second measurement, at the level that keeps the run's alpha."""
        return self._screener.screen(summary, self._level)

    def verdict(self, first: Screening, second: Screening | str | None = None) -> Verdict:
        """Give the verdict of a screening and, for a suspect, its second measurement.

        Args:
            first: in the run's own process.
            second: in a fresh process; a text says why there is none.
        """
        if first.trouble:
            return self._of_another_machine(first, first.trouble)
        if not first.suspect:
            return self._quiet(first)
        change = format_share(first.comparison.effect, signed=True)
        if not isinstance(second, Screening):
            reason = f"a suspect ({change}) could not be measured again: {second}"
            return self._open(first, Outcome.NOT_CHECKED, reason)
        again = format_share(second.comparison.effect, signed=True)
        if second.trouble:
            return self._of_another_machine(first, f"in a fresh process {second.trouble}")
        if not second.suspect:
            reason = f"{change} here, {again} in a fresh process"
            return self._open(first, Outcome.UNDECIDED, reason)
        evidence = f"measured again in a fresh process: {again}, {second.evidence}"
        verdict = self._decided(first, Outcome.FAILED, self._headline(first.comparison))
        return replace(verdict, details=(*verdict.details, evidence), fails=True)

    def _decided(self, screening: Screening, outcome: Outcome, headline: str) -> Verdict:
        return Verdict(
            self.key,
            CRITERION,
            outcome,
            headline,
            details=(screening.evidence,),
            comparison=screening.comparison,
            threshold=screening.threshold,
        )

    def _open(self, screening: Screening, outcome: Outcome, reason: str) -> Verdict:
        said = f"{self.key.operation} {outcome} {reason} · {self._screener.backing}"
        verdict = self._decided(screening, outcome, said)
        undecided = replace(screening.comparison, change=Change.UNDECIDED)
        return replace(verdict, reason=reason, comparison=undecided)

    def _of_another_machine(self, screening: Screening, trouble: str) -> Verdict:
        change = format_share(screening.comparison.effect, signed=True)
        said = f"{self.key.operation} {Outcome.UNDECIDED} (machine) {change} · {trouble}"
        verdict = self._open(screening, Outcome.UNDECIDED, MACHINE)
        return replace(verdict, headline=said, details=(trouble, *verdict.details))

    def _quiet(self, screening: Screening) -> Verdict:
        if self._screener.runs >= RUNS_NEEDED:
            return self._decided(screening, Outcome.PASSED, self._headline(screening.comparison))
        reason = (
            f"{self._screener.backing}: {RUNS_NEEDED} are needed to see less than"
            f" {THRESHOLD_RATIO:g}x the baseline's p95"
        )
        said = f"{self.key.operation} NOT CHECKED for smaller changes · {reason}"
        return replace(self._decided(screening, Outcome.NOT_CHECKED, said), reason=reason)

    def _headline(self, comparison: Comparison) -> str:
        effect = format_share(comparison.effect, signed=True)
        said = f"{self.key.operation} {comparison.change} {effect}"
        if math.isfinite(comparison.high):
            said += f" {format_ends(comparison.low, comparison.high)} · {comparison.backing}"
        else:
            said += f" · only {comparison.backing} behind it"
        if comparison.visible is not None:
            said += f" · could see >= {format_share(comparison.visible)}"
        return said
