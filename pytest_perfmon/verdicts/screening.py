"""A figure held against its stored runs: where it was expected, and whether it is beyond that.

Only run-level figures enter: a run is one of many that could have been, its calls are not. The
stored runs are those since the last change that the stored runs themselves show.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.run import StoredValue
from pytest_perfmon.model.threshold import ControlPart, SpreadPart, Threshold
from pytest_perfmon.model.verdict import Change, Comparison
from pytest_perfmon.stats.distributions import t_quantile
from pytest_perfmon.stats.prediction import (
    NO_PRIOR,
    RUNS_NEEDED,
    Fit,
    Prediction,
    Prior,
    fit_runs,
    moderated_variance,
    predict,
    typical_room,
)
from pytest_perfmon.units import format_ns
from pytest_perfmon.verdicts.adaptive import THRESHOLD_RATIO, exceeds_adaptive
from pytest_perfmon.verdicts.stored import last_change, log_figures, log_ns, log_readings

SCREENING_LEVEL: Final = 0.05
_MACHINE_CONFIDENCE: Final = 0.99


@dataclass(frozen=True, slots=True)
class Suite:
    """What the stored runs of the whole selection say, frozen before the first test.

    Attributes:
        criteria: (test, operation) pairs that the store holds for the selected tests; they share
            alpha.
        prior: of the spread between runs.
        alpha: the chance of one false red in the run.
        min_effect: share below which a change is ignored.
        since: for keys that changed, the time of the first stored run after the last change.
        with_control: whether figures are compared beside what the control explains, which is so
            where the stored runs of all of them together are predicted more sharply by that.
        fits: of the stored runs since the last change, three or more, by key and unit.
    """

    criteria: int
    prior: Prior
    alpha: float
    min_effect: float
    since: Mapping[Key, str]
    with_control: bool
    fits: Mapping[tuple[Key, str], Fit]

    @property
    def level(self) -> float:
        """The chance of a false red that one criterion may have."""
        return self.alpha / max(1, self.criteria)

    def current(self, key: Key, values: Sequence[StoredValue]) -> Sequence[StoredValue]:
        """Give the values since the last change."""
        since = self.since.get(key)
        return values if since is None else [one for one in values if one.time >= since]

    def fit(self, key: Key, values: Sequence[StoredValue], *, has_reading: bool) -> Fit:
        """Give the fit of a key's current values of one unit, three or more.

        Args:
            key: the operation.
            values: as `current` gives them.
            has_reading: whether the control was read beside the new figure.
        """
        known = self.fits.get((key, values[-1].unit))
        if known is not None and (has_reading or known.control is None):
            return known
        readings = log_readings(values) if self.with_control and has_reading else None
        return fit_runs(log_figures(values), readings)


def suite_of(
    windows: Mapping[Key, Sequence[StoredValue]], *, alpha: float, min_effect: float
) -> Suite:
    """Freeze what is shared between the criteria of a run."""
    since: dict[Key, str] = {}
    plain: dict[tuple[Key, str], Fit] = {}
    beside: dict[tuple[Key, str], Fit] = {}
    for key, values in windows.items():
        unit = values[-1].unit
        alike = [value for value in values if value.unit == unit]
        figures = log_figures(alike)
        cut = last_change(figures)
        if cut:
            since[key] = alike[cut].time
        if len(alike) - cut >= RUNS_NEEDED:
            figures, readings = figures[cut:], log_readings(alike[cut:])
            plain[key, unit] = fit_runs(figures)
            beside[key, unit] = fit_runs(figures, readings)
    ways = [_predicting(fits) for fits in (plain, beside)]
    with_control = ways[1].room < ways[0].room
    chosen = ways[with_control]
    return Suite(len(windows), chosen.prior, alpha, min_effect, since, with_control, chosen.fits)


class _Way(NamedTuple):
    """A way to fit stored runs, and how far a figure may typically be from its mean by it."""

    fits: Mapping[tuple[Key, str], Fit]
    prior: Prior
    room: float


def _predicting(fits: Mapping[tuple[Key, str], Fit]) -> _Way:
    all_of_them = list(fits.values())
    prior = moderated_variance((fit.df, fit.variance) for fit in all_of_them)
    room = typical_room(all_of_them, prior, SCREENING_LEVEL) if all_of_them else 0.0
    return _Way(fits, prior, room)


@dataclass(frozen=True, slots=True)
class Screening:
    """A figure against its stored runs.

    Attributes:
        suspect: whether it is beyond its threshold, so that more is needed to say anything.
        comparison: what this measurement alone shows.
        evidence: what it was held against, in words.
        threshold: the same, number by number.
        trouble: why the machine was not the one of the stored runs; empty where it was.
    """

    suspect: bool
    comparison: Comparison
    evidence: str
    threshold: Threshold
    trouble: str = ""


class Screener:
    """Holds one operation's figures against its stored runs.

    Args:
        key: the operation.
        history: its stored values in this environment and unit, oldest first, one or more.
        suite: what the whole run shares.
        least: share below which a slowdown is not red.

    Attributes:
        runs: how many stored runs there are since the last change.
        backing: the same in words.
    """

    def __init__(
        self, key: Key, history: Sequence[StoredValue], suite: Suite, least: float
    ) -> None:
        self._key = key
        self._values = suite.current(key, history) or history
        self._left_out = len(history) - len(self._values)
        self._suite = suite
        self._least = least
        self.runs = len(self._values)
        self.backing = f"{self.runs} stored run{'s' if self.runs > 1 else ''}"

    def screen(self, summary: Summary, level: float) -> Screening:
        """Compare a measurement with the stored runs, at that level where they tell their spread.

        With the control outside of what its own stored readings predict nothing is said by this
        alone, of a suspect or any other: the figure is one of another machine.
        """
        if self.runs < RUNS_NEEDED:
            return self._adaptive(summary)
        readings = log_readings(self._values) if summary.control_ns > 0 else None
        fit = self._suite.fit(self._key, self._values, has_reading=readings is not None)
        reading = log_ns(summary.control_ns)
        prediction = predict(fit, self._suite.prior, reading)
        control = None
        if readings is not None:
            control = _control_part(fit, prediction, readings, reading, summary)
        trouble = "" if control is None else self._trouble(control)
        y = log_ns(summary.median)
        slower = prediction.p_slower(y)
        change = self._change(prediction, y, level)
        low, high = prediction.interval(y)
        visible = max(prediction.visible(self._suite.level) - 1, self._least)
        effect = math.expm1(y - prediction.mean)
        return Screening(
            change is Change.REGRESSED,
            Comparison(
                Change.UNDECIDED if trouble else change,
                effect,
                low - 1,
                high - 1,
                self.backing,
                visible,
            ),
            f"t = {prediction.t(y):.2f} with {prediction.df:.1f} degrees of freedom,"
            f" p = {slower:.2g} where nothing changed, level {level:.2g}",
            self._threshold(fit, prediction, level, summary, control),
            trouble,
        )

    def _change(self, prediction: Prediction, y: float, level: float) -> Change:
        effect = math.expm1(y - prediction.mean)
        if prediction.p_slower(y) < level and effect > self._least:
            return Change.REGRESSED
        faster = effect < 1 / (1 + self._suite.min_effect) - 1
        if faster and prediction.p_faster(y) < self._suite.level:
            return Change.IMPROVED
        return Change.UNCHANGED

    def _trouble(self, control: ControlPart) -> str:
        near = 1 + self._suite.min_effect
        if control.low / near <= control.reading <= control.high * near:
            return ""
        return (
            f"the control took {format_ns(control.reading)}, where its stored readings predict"
            f" {format_ns(control.low)} to {format_ns(control.high)}"
        )

    def _threshold(
        self,
        fit: Fit,
        prediction: Prediction,
        level: float,
        summary: Summary,
        control: ControlPart | None,
    ) -> Threshold:
        prior = self._suite.prior
        limit = max(prediction.limit(level), prediction.mean + math.log1p(self._least))
        return Threshold(
            figure="median",
            runs=fit.runs,
            left_out=self._left_out,
            mean=math.exp(fit.mean),
            level=level,
            criteria=self._suite.criteria,
            alpha=self._suite.alpha,
            least=self._least,
            threshold=math.exp(limit),
            measured=summary.median,
            spread=SpreadPart(
                own=math.sqrt(fit.variance),
                df=fit.df,
                prior=math.sqrt(prior.variance),
                prior_df=prior.df,
                moderated=math.sqrt(prediction.variance),
                quantile=t_quantile(1 - level, prediction.df),
            ),
            control=control,
        )

    def _adaptive(self, summary: Summary) -> Screening:
        base_p95 = _geometric_mean([value.p95 for value in self._values])
        base_median = _geometric_mean([value.median for value in self._values])
        effect = summary.median / base_median - 1
        p95_ratio, median_ratio = summary.p95 / base_p95, summary.median / base_median
        suspect = (
            exceeds_adaptive(p95_ratio, median_ratio)
            and max(p95_ratio, median_ratio) - 1 > self._least
        )
        change = Change.REGRESSED if suspect else Change.UNDECIDED
        return Screening(
            suspect,
            Comparison(change, effect, -1.0, math.inf, self.backing),
            f"p95 {format_ns(summary.p95)} is {p95_ratio:.2f}x the baseline's, threshold"
            f" {THRESHOLD_RATIO:g}x ({format_ns(THRESHOLD_RATIO * base_p95)});"
            f" median {median_ratio:.2f}x",
            Threshold(
                figure="p95",
                runs=self.runs,
                left_out=self._left_out,
                mean=base_p95,
                level=None,
                criteria=self._suite.criteria,
                alpha=self._suite.alpha,
                least=self._least,
                threshold=max(THRESHOLD_RATIO, 1 + self._least) * base_p95,
                measured=summary.p95,
            ),
        )


def _control_part(
    fit: Fit,
    prediction: Prediction,
    readings: Sequence[float],
    reading: float,
    summary: Summary,
) -> ControlPart:
    """Say what the control does to a figure, and where its reading was expected by itself."""
    expected = predict(fit_runs(readings), NO_PRIOR)
    half = t_quantile((1 + _MACHINE_CONFIDENCE) / 2, expected.df) * expected.scale
    used = fit.control
    return ControlPart(
        coefficient=None if used is None else used.coefficient,
        stored=math.exp(expected.mean),
        reading=summary.control_ns,
        low=math.exp(expected.mean - half),
        high=math.exp(expected.mean + half),
        explained=0.0 if used is None else math.expm1(used.explained(reading)),
        allowed=math.expm1(prediction.beyond),
    )


def _geometric_mean(values: Sequence[float]) -> float:
    return math.exp(math.fsum(map(log_ns, values)) / len(values))
