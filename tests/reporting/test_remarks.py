"""Verdicts in words."""

from __future__ import annotations

import pytest
from scripted_results import verdict

from pytest_perfmon.model.verdict import Change, Comparison, Outcome
from pytest_perfmon.reporting.remarks import remarks_on, worst

T = "t.py::test_x"


def outcomes(*given):
    """Verdicts of one operation from (outcome, fails) pairs."""
    return [
        verdict(T, "x", str(index), outcome, fails=fails)
        for index, (outcome, fails) in enumerate(given)
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], None),
        ([(Outcome.PASSED, False), (Outcome.FAILED, True)], Outcome.FAILED),
        ([(Outcome.PASSED, False), (Outcome.UNDECIDED, False)], Outcome.UNDECIDED),
        ([(Outcome.NOT_CHECKED, False), (Outcome.PASSED, False)], Outcome.PASSED),
        ([(Outcome.NOT_CHECKED, True), (Outcome.PASSED, False)], Outcome.NOT_CHECKED),
        ([(Outcome.NOT_CHECKED, True), (Outcome.UNDECIDED, False)], Outcome.NOT_CHECKED),
        ([(Outcome.NOT_CHECKED, False)], Outcome.NOT_CHECKED),
    ],
)
def test_the_outcome_that_speaks_for_an_operation(given, expected):
    """What fails the test first, then by gravity; NOT CHECKED only where nothing was checked."""
    assert worst(outcomes(*given)) is expected


def test_what_passed_is_not_mentioned():
    """Silence means all is well."""
    assert remarks_on([verdict(T, "x", "p95", Outcome.PASSED)]) == ()


def test_remarks_come_worst_first():
    """FAILED, UNDECIDED, NOT CHECKED, IMPROVED."""
    better = Comparison(Change.IMPROVED, -0.1, -0.2, -0.05, "14 blocks")
    verdicts = [
        verdict(T, "x", "baseline", Outcome.PASSED, comparison=better),
        verdict(T, "x", "p99", Outcome.NOT_CHECKED, reason="never called"),
        verdict(T, "x", "p95", Outcome.UNDECIDED, reason="40 more calls"),
        verdict(T, "x", "p50", Outcome.FAILED, fails=True),
    ]
    tags = [remark.tag for remark in remarks_on(verdicts)]
    assert tags == ["FAILED", "UNDECIDED", "NOT CHECKED", "IMPROVED"]


def test_equal_reasons_share_a_remark():
    """Up to ten are named, the others counted; one alone keeps its headline."""
    verdicts = [
        verdict(T, name, "baseline", Outcome.NOT_CHECKED, reason="no stored run") for name in "abc"
    ] + [verdict(T, "d", "p95", Outcome.NOT_CHECKED, "d was never called", reason="never called")]
    assert [remark.text for remark in remarks_on(verdicts)] == [
        "a baseline, b baseline, c baseline: no stored run",
        "d was never called",
    ]
    twelve = [
        verdict(T, f"o{number}", "p95", Outcome.NOT_CHECKED, reason="no") for number in range(12)
    ]
    (remark,) = remarks_on(twelve)
    assert remark.text.endswith("o8 p95, o9 p95 and 2 more: no")


def test_what_fails_stands_apart_from_what_does_not():
    """One reason, two remarks, the failing one first."""
    verdicts = [
        verdict(T, "a", "p95", Outcome.UNDECIDED, reason="too few"),
        verdict(T, "b", "p95", Outcome.UNDECIDED, reason="too few", fails=True),
    ]
    remarks = remarks_on(verdicts)
    assert [remark.fails for remark in remarks] == [True, False]
    assert [len(remark.verdicts) for remark in remarks] == [1, 1]


def test_a_remark_carries_each_warning_of_its_verdicts_once():
    """Doubts are not repeated."""
    verdicts = [
        verdict(T, name, "p95", Outcome.UNDECIDED, reason="too few", warnings=("w", name))
        for name in "ab"
    ]
    (remark,) = remarks_on(verdicts)
    assert remark.warnings == ("w", "a", "b")
