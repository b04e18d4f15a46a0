"""Is the whole suite slower than its stored runs, and what is slower beside the others?

Judged apart, when all is measured: a test's own verdict takes out nothing that the suite has in
common, because a change of everything is a change, too.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.run import StoredValue
from pytest_perfmon.stats.common_mode import CommonMode, common_mode
from pytest_perfmon.stats.prediction import (
    NO_PRIOR,
    RUNS_NEEDED,
    Fit,
    fit_runs,
    moderated_variance,
    predict,
)
from pytest_perfmon.units import format_ends, format_share
from pytest_perfmon.verdicts.screening import Suite
from pytest_perfmon.verdicts.stored import log_ns


@dataclass(frozen=True, slots=True)
class SuiteShift:
    """What the operations of a run have in common; changes are shares.

    Attributes:
        keys: how many operations were compared.
        runs: stored runs behind it.
        effect: change of the median operation, beside what the control explains.
        low, high: its 95 % interval.
        slower: whether that is more than the stored runs' spread, at the run's alpha.
        apart: operations that are slower beside the others, each at its share of alpha, with the
            change that the others do not have.
    """

    keys: int
    runs: int
    effect: float
    low: float
    high: float
    slower: bool
    apart: tuple[tuple[Key, float], ...]

    def line(self) -> str:
        """Say it in one line."""
        said = (
            f"all {self.keys} operations together: {format_share(self.effect, signed=True)}"
            f" {format_ends(self.low, self.high)} against {self.runs} stored runs, "
        )
        said += "SLOWER than these ever vary" if self.slower else "within what these vary"
        if self.apart:
            named = ", ".join(
                f"{key.operation} {format_share(effect, signed=True)}" for key, effect in self.apart
            )
            said += f"; slower beside the others, and worth a look: {named}"
        return said


def suite_shift(
    windows: Mapping[Key, Sequence[StoredValue]], figures: Mapping[Key, Summary], suite: Suite
) -> SuiteShift | None:
    """Judge what all operations of a run have in common.

    Args:
        windows: their stored values, oldest first.
        figures: this run's.
        suite: what was frozen of the stored runs before the run.

    Returns:
        None below eight operations that have been measured together three times before.
    """
    found = _deviations(windows, figures, suite)
    new = common_mode(found.now)
    stored = [one for one in map(common_mode, found.stored.values()) if one is not None]
    # a coefficient that was fitted to the stored runs takes a degree of freedom
    spent = 2 if found.beyond else 1
    if new is None or len(stored) < max(RUNS_NEEDED, spent + 1):
        return None
    prediction = predict(_spread([one.shift for one in stored], spent), NO_PRIOR)
    prediction = replace(prediction, beyond=median(found.beyond or [0.0]))
    low, high = prediction.interval(new.shift)
    effect = math.expm1(new.shift - prediction.mean)
    slower = prediction.p_slower(new.shift) < suite.alpha and effect > suite.min_effect
    apart = _apart(new, stored, suite, spent)
    return SuiteShift(len(found.now), len(stored), effect, low - 1, high - 1, slower, apart)


@dataclass(slots=True)
class _Deviations:
    """Log deviations from what each operation's stored runs say.

    Attributes:
        now: of this run.
        stored: of the stored runs, by time and id.
        beyond: by how much this run's control lies beyond the stored readings, where it is used.
    """

    now: dict[Key, float]
    stored: dict[tuple[str, str], dict[Key, float]]
    beyond: list[float]


def _deviations(
    windows: Mapping[Key, Sequence[StoredValue]], figures: Mapping[Key, Summary], suite: Suite
) -> _Deviations:
    found = _Deviations({}, defaultdict(dict), [])
    for key, summary in figures.items():
        alike = [one for one in windows.get(key, ()) if one.unit == summary.unit]
        values = suite.current(key, alike)
        if len(values) < RUNS_NEEDED:
            continue
        fit = suite.fit(key, values, has_reading=summary.control_ns > 0)
        found.now[key] = _deviation(fit, summary.median, summary.control_ns)
        for value in values:
            run = value.time, value.run_id
            found.stored[run][key] = _deviation(fit, value.median, value.control_ns)
        if fit.control is not None:
            found.beyond.append(fit.control.beyond(log_ns(summary.control_ns)))
    return found


def _deviation(fit: Fit, ns: float, control_ns: float) -> float:
    explained = 0.0 if fit.control is None else fit.control.explained(log_ns(control_ns))
    return log_ns(ns) - fit.mean - explained


def _spread(values: Sequence[float], spent: int) -> Fit:
    fit = fit_runs(values)
    df = fit.runs - spent
    return replace(fit, variance=fit.variance * fit.df / df, df=df)


def _apart(
    new: CommonMode[Key], stored: Sequence[CommonMode[Key]], suite: Suite, spent: int
) -> tuple[tuple[Key, float], ...]:
    fits = {}
    for key in new.apart:
        values = [one.apart[key] for one in stored if key in one.apart]
        if len(values) >= max(RUNS_NEEDED, spent + 1):
            fits[key] = _spread(values, spent)
    prior = moderated_variance((fit.df, fit.variance) for fit in fits.values())
    found = []
    for key, fit in fits.items():
        prediction = predict(fit, prior)
        effect = math.expm1(new.apart[key] - prediction.mean)
        if prediction.p_slower(new.apart[key]) < suite.alpha / len(fits):
            found.append((key, effect))
    return tuple(
        sorted((one for one in found if one[1] > suite.min_effect), key=lambda one: -one[1])
    )
