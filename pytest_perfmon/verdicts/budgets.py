"""Is an operation within its budget? One judge a mark and operation, told of every round.

Percentiles and error rates are decided by sequential evidence (stats.proportion), so that
measuring may stop as soon as they are; means by one look at the end; maxima and counts are facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_perfmon.model.budget import PERCENTILES, Budget, OnUndecided
from pytest_perfmon.model.measurement import Key, Measurement, Summary
from pytest_perfmon.model.verdict import Outcome, Severity, Verdict
from pytest_perfmon.stats.mean import VALUES_NEEDED, mean_interval
from pytest_perfmon.stats.proportion import ProportionTest
from pytest_perfmon.stats.quantiles import calls_needed
from pytest_perfmon.units import common_scale, format_bytes, format_limit_ns, format_share

STATISTICAL: Final = frozenset((*PERCENTILES, "mean", "error_rate"))
"""Criteria that noise can violate; they share the run's alpha and are confirmed when violated."""

_CALLS_TO_PROVE: Final = {"p50": 20, "p90": 40, "p95": 70, "p99": 350}
_LONGEST_DEFAULT_NS: Final = 10_000_000_000


def severity(ratio: float) -> Severity:
    """Grade a violation: warning up to 2x the limit, error above 2x, critical above 3x."""
    if ratio > 3:  # noqa: PLR2004 - the pattern's own grades
        return Severity.CRITICAL
    return Severity.ERROR if ratio > 2 else Severity.WARNING  # noqa: PLR2004 - as above


def default_cap_ns(budgets: Sequence[Budget], least_ns: int) -> int:
    """Give the cap on measuring where nobody set one: long enough to prove every percentile.

    The larger of `least_ns` and, for each percentile limit, as many calls of that length as its
    proof takes; at most ten seconds.
    """
    proofs = (
        _CALLS_TO_PROVE[limit.criterion] * limit.limit
        for budget in budgets
        for limit in budget.limits
        if limit.criterion in _CALLS_TO_PROVE
    )
    return max(least_ns, min(_LONGEST_DEFAULT_NS, round(max(proofs, default=0))))


@dataclass(slots=True)
class _Percentile:
    limit_ns: float
    test: ProportionTest


class BudgetJudge:
    """Judges one operation by one budget while it is being measured.

    Args:
        key: the operation.
        budget: what is allowed.
        fail_bar: the evidence that a violation needs now, given what else the run tests.
        alpha: the chance of a false red in the run, shared by `criteria` statistical criteria.
        criteria: how many statistical criteria the run has.
    """

    def __init__(
        self, key: Key, budget: Budget, *, fail_bar: float, alpha: float, criteria: int
    ) -> None:
        self.key = key
        self.budget = budget
        self._level = alpha / criteria
        self._percentiles = {
            limit.criterion: _Percentile(
                limit.limit, ProportionTest(1 - PERCENTILES[limit.criterion], fail_bar=fail_bar)
            )
            for limit in budget.limits
            if limit.criterion in PERCENTILES
        }
        rate = budget.limit("error_rate")
        self._errors = ProportionTest(rate, fail_bar=fail_bar) if rate is not None else None

    def observe(self, values_ns: Sequence[float], errors: int = 0) -> None:
        """Take the next calls' times, in order, and how many of those calls raised."""
        for one in self._percentiles.values():
            limit = one.limit_ns
            one.test.observe([value > limit for value in values_ns])
        if self._errors is not None:
            self._errors.observe([*[False] * (len(values_ns) - errors), *[True] * errors])

    @property
    def decided(self) -> bool:
        """Whether more calls could not change any verdict: never so for a mean or a maximum."""
        sequential = [one.test for one in self._percentiles.values()]
        if self._errors is not None:
            sequential.append(self._errors)
        waits = any(limit.criterion in ("mean", "max") for limit in self.budget.limits)
        return not waits and all(test.decided for test in sequential)

    def verdicts(self, measurement: Measurement, summary: Summary) -> tuple[Verdict, ...]:
        """Give the verdict on every limit of the budget but `max_regression`."""
        found = []
        for limit in self.budget.limits:
            name, value = limit.criterion, limit.limit
            if name in PERCENTILES:
                verdict = self._percentile(name, value, summary)
            elif name == "mean":
                verdict = self._mean(value, measurement, summary)
            elif name == "max":
                verdict = self._max(value, measurement, summary)
            elif name == "error_rate":
                verdict = self._error_rate(value, summary)
            elif name == "calls":
                verdict = self._calls(value, measurement)
            elif name in ("peak_memory", "allocations"):
                verdict = self._memory(name, value, measurement)
            else:
                continue
            found.append(self._with_policy(verdict))
        return tuple(found)

    def not_called(self) -> tuple[Verdict, ...]:
        """Give the verdicts where the operation never ran: NOT CHECKED, for every limit."""
        return tuple(
            not_checked(self.key, limit.criterion, f"{self.key.operation!r} was never called")
            for limit in self.budget.limits
            if limit.criterion != "max_regression"
        )

    def _with_policy(self, verdict: Verdict) -> Verdict:
        if verdict.outcome is Outcome.UNDECIDED:
            policy = self.budget.on_undecided
            return replace(
                verdict, fails=policy is OnUndecided.FAIL, warns=policy is OnUndecided.WARN
            )
        return replace(verdict, fails=verdict.outcome is Outcome.FAILED)

    def _percentile(self, name: str, limit: float, summary: Summary) -> Verdict:
        test = self._percentiles[name].test
        estimate = getattr(summary, "median" if name == "p50" else name)
        shown = _against(name, estimate, limit, summary)
        allowed = format_share(test.share)
        details = (
            (
                f"{test.over} of {test.calls} {_values(summary)} over {format_limit_ns(limit)};"
                f" {name} allows {allowed}"
            ),
            _evidence(test),
        )
        return self._sequential(name, test, shown, estimate / limit, details)

    def _error_rate(self, limit: float, summary: Summary) -> Verdict:
        test = self._errors
        if test is None or not test.calls:
            return not_checked(self.key, "error_rate", "no call was counted")
        rate = test.over / test.calls
        over = rate > limit
        shown = (
            f"error rate {format_share(rate)} {'>' if over else '<='} budget {format_share(limit)}"
            + (f" ({rate / limit:.2f}x, {severity(rate / limit)})" if over else "")
            + f" · {test.over} of {summary.calls} calls raised"
        )
        return self._sequential("error_rate", test, shown, rate / limit, (_evidence(test),))

    def _sequential(
        self, name: str, test: ProportionTest, shown: str, ratio: float, details: tuple[str, ...]
    ) -> Verdict:
        if test.failed:
            return self._verdict(name, Outcome.FAILED, shown, ratio, details)
        if test.passed:
            return self._verdict(name, Outcome.PASSED, shown, ratio, details)
        more = test.more_calls_to_decide()
        needs = f"about {more:,} more calls would decide" if more else "too close to decide"
        return self._undecided(name, shown, ratio, needs, details)

    def _mean(self, limit: float, measurement: Measurement, summary: Summary) -> Verdict:
        shown = _against("mean", summary.mean, limit, summary)
        per_value = measurement.calls_per_value
        values = [value / per_value for value in measurement.values_ns]
        strict, usual = mean_interval(values, 1 - 2 * self._level), mean_interval(values)
        ratio = summary.mean / limit
        if strict is None or usual is None:
            needs = f"{VALUES_NEEDED - len(values)} more rounds would give an interval"
            return self._undecided("mean", shown, ratio, needs, ())
        if strict[0] > limit:
            return self._verdict("mean", Outcome.FAILED, shown, ratio, ())
        if usual[1] <= limit:
            return self._verdict("mean", Outcome.PASSED, shown, ratio, ())
        distance = abs(summary.mean - limit) or 1.0
        more = round(len(values) * (((usual[1] - usual[0]) / 2 / distance) ** 2 - 1))
        needs = f"about {more:,} more rounds would decide" if more > 0 else "too close to decide"
        return self._undecided("mean", shown, ratio, needs, ())

    def _max(self, limit: float, measurement: Measurement, summary: Summary) -> Verdict:
        worst = max(range(len(measurement.values_ns)), key=measurement.values_ns.__getitem__)
        shown = _against("max", summary.max, limit, summary)
        which = f" · {summary.unit} {worst + 1:,} of {len(measurement.values_ns):,}"
        outcome = Outcome.FAILED if summary.max > limit else Outcome.PASSED
        return self._verdict("max", outcome, shown + which, summary.max / limit, ())

    def _calls(self, limit: float, measurement: Measurement) -> Verdict:
        most = measurement.most_calls_in_round or 1
        outcome = Outcome.FAILED if most > limit else Outcome.PASSED
        shown = (
            f"{most:,} calls in one iteration {'>' if most > limit else '<='} budget {limit:,.0f}"
        ) + _grade(most / limit)
        rounds = f" · {measurement.rounds:,} iterations"
        return self._verdict("calls", outcome, shown + rounds, most / limit, ())

    def _memory(self, name: str, limit: float, measurement: Measurement) -> Verdict:
        used = getattr(measurement, name)
        if used is None:
            return not_checked(
                self.key, name, f"{name} is measured for called functions and whole tests only"
            )
        show = format_bytes if name == "peak_memory" else "{:,.0f} blocks".format
        outcome = Outcome.FAILED if used > limit else Outcome.PASSED
        sign = ">" if used > limit else "<="
        words = name.replace("_", " ")
        shown = f"{words} {show(used)} {sign} budget {show(limit)}" + _grade(used / limit)
        return self._verdict(name, outcome, shown, used / limit, ())

    def _verdict(
        self, name: str, outcome: Outcome, shown: str, ratio: float, details: tuple[str, ...]
    ) -> Verdict:
        return Verdict(
            self.key,
            name,
            outcome,
            f"{self.key.operation} {shown}",
            details=details,
            severity=severity(ratio) if outcome is Outcome.FAILED else None,
        )

    def _undecided(
        self, name: str, shown: str, ratio: float, needs: str, details: tuple[str, ...]
    ) -> Verdict:
        doubt = ("the estimate is above the limit",) if ratio > 1 else ()
        return Verdict(
            self.key,
            name,
            Outcome.UNDECIDED,
            f"{self.key.operation} {shown} · undecided, {needs}",
            reason=needs,
            details=details,
            warnings=doubt,
        )


def not_checked(key: Key, criterion: str, reason: str) -> Verdict:
    """Give the verdict on what could not be checked, with why."""
    headline = f"{key.operation} {criterion} NOT CHECKED: {reason}"
    return Verdict(key, criterion, Outcome.NOT_CHECKED, headline, reason=reason)


def _values(summary: Summary) -> str:
    return "calls" if summary.unit == "call" else "per-round means"


def _evidence(test: ProportionTest) -> str:
    return (
        f"evidence of a violation {test.e_fail:.3g}, needed {test.fail_bar:.3g};"
        f" of compliance {test.e_pass:.3g}, needed {test.pass_bar:.3g}"
    )


def _grade(ratio: float) -> str:
    return f" ({ratio:.2f}x, {severity(ratio)})" if ratio > 1 else ""


def _against(name: str, estimate: float, limit: float, summary: Summary) -> str:
    sign = ">" if estimate > limit else "<="
    scale = common_scale([estimate])
    label = name if summary.unit == "call" else f"{name} of per-round means"
    interval = summary.intervals.get("median" if name == "p50" else name)
    if interval is not None:
        ends = f", 95% CI {scale.number(interval[0])}-{scale.number(interval[1])}"
    elif name in PERCENTILES:
        ends = f", 95% CI needs {calls_needed(PERCENTILES[name])}"
    else:
        ends = ""
    return (
        f"{label} {scale.text(estimate)} {sign} budget {format_limit_ns(limit)}"
        f"{_grade(estimate / limit)} · {summary.calls:,} calls{ends}"
    )
