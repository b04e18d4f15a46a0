"""Budgets judged on scripted numbers: outcomes, headlines, grades, and when measuring may stop."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.model.budget import Budget, Limit, OnUndecided
from pytest_perfmon.model.measurement import Key, Measurement
from pytest_perfmon.model.verdict import Outcome, Severity
from pytest_perfmon.stats.summary import summary_of
from pytest_perfmon.verdicts.budgets import BudgetJudge, default_cap_ns, not_checked, severity

MS = 1_000_000
KEY = Key("test_shop.py::test_checkout", "db.query")


def budget(on_undecided=OnUndecided.PASS, **limits):
    """A budget on the operation, times in nanoseconds."""
    return Budget(
        "db.query",
        tuple(Limit(name, limit) for name, limit in limits.items()),
        on_undecided=on_undecided,
    )


def judge(allowed, **changes):
    """A judge that has the run's alpha of 1 % for itself."""
    return BudgetJudge(KEY, allowed, **{"fail_bar": 100.0, "alpha": 0.01, "criteria": 1, **changes})


def measurement(values_ns, **changes):
    """Calls that were timed one by one, a round each."""
    return Measurement("db.query", tuple(values_ns), rounds=len(values_ns), **changes)


def verdicts(allowed, measured, errors=0, **changes):
    """Judge a whole measurement; give the verdicts by criterion."""
    one = judge(allowed, **changes)
    one.observe(measured.values_ns, errors)
    return {found.criterion: found for found in one.verdicts(measured, summary_of(measured))}


def verdict(allowed, measured, errors=0, **changes):
    """Judge a whole measurement by a budget of one limit."""
    (found,) = verdicts(allowed, measured, errors, **changes).values()
    return found


@pytest.mark.parametrize(
    ("ratio", "grade"),
    [
        (1.01, Severity.WARNING),
        (2.0, Severity.WARNING),
        (2.01, Severity.ERROR),
        (3.0, Severity.ERROR),
        (3.01, Severity.CRITICAL),
    ],
)
def test_grades_begin_above_twice_and_three_times(ratio, grade):
    """A violation of exactly twice the limit is a warning still, of three times an error still."""
    assert severity(ratio) is grade


def test_the_headline_of_a_violation_says_it_all():
    """Operation, criterion, figure, limit, ratio and grade, calls, and the figure's interval."""
    values = [49 * MS] * 200 + [61 * MS] * 40
    measured = measurement(values)
    summary = replace(
        summary_of(measured), p95=61.2 * MS, intervals={"p95": (58.0 * MS, 66.1 * MS)}
    )
    one = judge(budget(p95=50.0 * MS))
    one.observe(values)
    (found,) = one.verdicts(measured, summary)
    assert found.headline == (
        "db.query p95 61.2 ms > budget 50 ms (1.22x, warning) · 240 calls, 95% CI 58.0-66.1"
    )
    assert (found.outcome, found.fails, found.severity) == (Outcome.FAILED, True, Severity.WARNING)
    assert found.details[0] == "40 of 240 calls over 50 ms; p95 allows 5.0%"


@pytest.mark.parametrize(
    ("calls", "over", "outcome"),
    [
        (67, 0, Outcome.UNDECIDED),
        (68, 0, Outcome.PASSED),
        (200, 2, Outcome.PASSED),
        (200, 12, Outcome.UNDECIDED),
        (200, 28, Outcome.FAILED),
    ],
)
def test_a_p95_is_decided_where_the_evidence_reaches(calls, over, outcome):
    """68 calls within the limit pass and 67 do not; 6 % over leave it open, and 14 % fail.

    Slow calls are spread evenly, so that bursts take nothing from the evidence.
    """
    slow = {calls - 1 - index * calls // over for index in range(over)} if over else set()
    values = [60 * MS if index in slow else 40 * MS for index in range(calls)]
    assert verdict(budget(p95=50.0 * MS), measurement(values)).outcome is outcome


def test_a_suites_share_of_alpha_raises_the_bar():
    """What fails alone is undecided where fifty criteria share the run's alpha."""
    values = [60 * MS if index % 9 == 0 else 40 * MS for index in range(200)]
    alone = verdict(budget(p95=50.0 * MS), measurement(values))
    among = verdict(budget(p95=50.0 * MS), measurement(values), fail_bar=5000.0, criteria=50)
    assert (alone.outcome, among.outcome) == (Outcome.FAILED, Outcome.UNDECIDED)


@pytest.mark.parametrize(
    ("policy", "fails", "warns"),
    [
        (OnUndecided.PASS, False, False),
        (OnUndecided.WARN, False, True),
        (OnUndecided.FAIL, True, False),
    ],
)
def test_what_is_undecided_says_what_would_decide(policy, fails, warns):
    """Ten calls within the limit need 58 more; the mark says whether that fails or warns."""
    found = verdict(budget(policy, p95=50.0 * MS), measurement([40 * MS] * 10))
    assert found.outcome is Outcome.UNDECIDED
    assert found.reason == "about 58 more calls would decide"
    assert found.headline.endswith(
        "10 calls, 95% CI needs 72 · undecided, about 58 more calls would decide"
    )
    assert (found.fails, found.warns, found.warnings) == (fails, warns, ())


def test_an_undecided_estimate_above_the_limit_carries_a_doubt():
    """One slow call of ten proves nothing, and the verdict warns of what it looks like."""
    found = verdict(budget(p95=50.0 * MS), measurement([40 * MS] * 9 + [60 * MS]))
    assert found.outcome is Outcome.UNDECIDED
    assert found.warnings == ("the estimate is above the limit",)
    assert "(1.20x, warning)" in found.headline


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [(9.0, Outcome.FAILED), (10.0, Outcome.UNDECIDED), (11.0, Outcome.PASSED)],
)
def test_a_mean_is_held_to_its_interval(limit, outcome):
    """Calls around 10 ms fail a mean of 9, pass one of 11, and leave one of 10 open."""
    values = [(10 + (-1) ** index) * MS for index in range(100)] + [10 * MS + 1, 10 * MS - 1]
    values = [value + (index % 7 - 3) * MS // 10 for index, value in enumerate(values)]
    found = verdict(budget(mean=limit * MS), measurement(values))
    assert found.outcome is outcome
    assert ("budget 9 ms (1.11x, warning)" in found.headline) is (outcome is Outcome.FAILED)


def test_a_mean_of_few_rounds_says_how_many_it_needs():
    """Below sixteen values there is no interval, and no verdict."""
    found = verdict(budget(mean=5.0 * MS), measurement([10 * MS] * 12))
    assert (found.outcome, found.reason) == (
        Outcome.UNDECIDED,
        "4 more rounds would give an interval",
    )


def test_a_mean_of_shared_stretches_is_per_call():
    """Where a stretch holds a hundred calls, the limit is held against a hundredth of it."""
    measured = replace(measurement([100 * MS] * 30), calls_per_value=100)
    found = verdict(budget(mean=1.5 * MS), measured)
    assert found.outcome is Outcome.PASSED
    assert found.headline.startswith("db.query mean of per-round means 1.00 ms <= budget 1.5 ms")
    assert "3,000 calls" in found.headline


def test_one_call_over_a_maximum_fails_and_is_named():
    """A maximum is a fact: the slowest call of all is named by its place."""
    values = [5 * MS] * 1_233 + [60 * MS] + [5 * MS] * 66
    found = verdict(budget(max=50.0 * MS), measurement(values))
    assert found.outcome is Outcome.FAILED
    assert found.headline == (
        "db.query max 60.0 ms > budget 50 ms (1.20x, warning) · 1,300 calls · call 1,234 of 1,300"
    )
    assert verdict(budget(max=60.0 * MS), measurement(values)).outcome is Outcome.PASSED


@pytest.mark.parametrize(("most", "outcome"), [(3, Outcome.PASSED), (4, Outcome.FAILED)])
def test_calls_are_counted_exactly(most, outcome):
    """At most three calls in any iteration: three pass, four fail, however many iterations."""
    found = verdict(budget(calls=3.0), measurement([MS] * 8, most_calls_in_round=most))
    assert found.outcome is outcome
    assert found.headline.startswith(f"db.query {most} calls in one iteration")


@pytest.mark.parametrize(("errors", "outcome"), [(0, Outcome.PASSED), (150, Outcome.FAILED)])
def test_an_error_rate_is_held_to_its_share(errors, outcome):
    """Of 300 calls none may pass a budget of a tenth, and half fail it."""
    found = verdict(budget(error_rate=0.1), measurement([MS] * 300, errors=errors), errors)
    assert found.outcome is outcome
    assert f"{errors} of 300 calls raised" in found.headline
    assert ("(5.00x, critical)" in found.headline) is (errors == 150)


def test_memory_is_a_fact_where_it_was_measured():
    """A peak over its limit fails with both sizes; where none was taken it is NOT CHECKED."""
    allowed = budget(peak_memory=1_000_000.0, allocations=10.0)
    found = verdicts(allowed, measurement([MS] * 9, peak_memory=2_500_000, allocations=10))
    assert (found["peak_memory"].outcome, found["peak_memory"].severity) == (
        Outcome.FAILED,
        Severity.ERROR,
    )
    assert "(2.50x, error)" in found["peak_memory"].headline
    assert found["allocations"].outcome is Outcome.PASSED
    missing = verdicts(allowed, measurement([MS] * 9))
    assert {one.outcome for one in missing.values()} == {Outcome.NOT_CHECKED}


def test_an_operation_never_called_is_not_checked_for_any_limit():
    """Every limit is listed; how much it may regress is the stored runs' affair."""
    allowed = budget(p95=5.0 * MS, calls=3.0, max_regression=0.1)
    found = judge(allowed).not_called()
    assert [(one.criterion, one.outcome) for one in found] == [
        ("p95", Outcome.NOT_CHECKED),
        ("calls", Outcome.NOT_CHECKED),
    ]
    assert found[0].headline == "db.query p95 NOT CHECKED: 'db.query' was never called"
    assert found[0].reason == "'db.query' was never called"


def test_not_checked_never_fails_by_itself():
    """Only `--perf-strict` makes red what could not be checked."""
    assert not not_checked(KEY, "p95", "why").fails


@pytest.mark.parametrize(
    ("limits", "calls_wanted"), [({"p95": 50.0 * MS}, 68), ({"p95": 50.0 * MS, "p50": 1e12}, 68)]
)
def test_measuring_may_stop_once_all_is_decided(limits, calls_wanted):
    """Calls within the limits decide a p95 with the 68th and not before."""
    one = judge(budget(**limits))
    decided_at = None
    for number in range(1, 100):
        one.observe([40 * MS])
        if one.decided:
            decided_at = number
            break
    assert decided_at == calls_wanted


@pytest.mark.parametrize("criterion", ["mean", "max"])
def test_means_and_maxima_are_never_decided_early(criterion):
    """Any further call could change them, so measuring goes on to its cap."""
    one = judge(budget(**{"p95": 50.0 * MS, criterion: 1000.0 * MS}))
    one.observe([40 * MS] * 1_000)
    assert not one.decided


@given(
    st.lists(st.booleans(), min_size=1, max_size=300),
    st.lists(st.integers(1, 40), min_size=1, max_size=20),
)
def test_it_does_not_matter_in_what_pieces_calls_arrive(over, sizes):
    """Told call by call or in pieces, a judge reaches the same verdict."""
    values = [60 * MS if one else 40 * MS for one in over]
    whole, pieces = judge(budget(p95=50.0 * MS)), judge(budget(p95=50.0 * MS))
    whole.observe(values)
    rest = values
    for size in sizes:
        pieces.observe(rest[:size])
        rest = rest[size:]
    pieces.observe(rest)
    measured = measurement(values)
    assert pieces.verdicts(measured, summary_of(measured)) == whole.verdicts(
        measured, summary_of(measured)
    )


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        ({"p95": 1.0 * MS}, 1.0),
        ({"p95": 50.0 * MS}, 3.5),
        ({"p95": 50.0 * MS, "p99": 20.0 * MS}, 7.0),
        ({"p95": 1000.0 * MS}, 10.0),
        ({"mean": 1000.0 * MS, "max": 9000.0 * MS}, 1.0),
    ],
)
def test_the_default_cap_leaves_time_to_prove_a_percentile(limits, seconds):
    """70 calls as long as the p95's limit, 350 as the p99's; a second at least, ten at most."""
    assert default_cap_ns([budget(**limits)], 1_000_000_000) == seconds * 1e9
