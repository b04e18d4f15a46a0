"""What a second measurement makes of a violation."""

from __future__ import annotations

import pytest

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.verdict import Outcome, Severity, Verdict
from pytest_perfmon.verdicts.confirm import confirmed

KEY = Key("test_shop.py::test_checkout", "db.query")
FIRST = Verdict(
    KEY,
    "p95",
    Outcome.FAILED,
    "db.query p95 61.2 ms > budget 50 ms",
    details=("23 of 200 calls over 50 ms",),
    severity=Severity.WARNING,
    fails=True,
)


def second(outcome):
    """What a fresh process said."""
    return Verdict(KEY, "p95", outcome, f"db.query p95 there, {outcome}")


def test_two_violations_are_one_failure_with_both_as_evidence():
    """The first headline stands, and the second is added to what was seen."""
    verdict = confirmed(FIRST, second(Outcome.FAILED))
    assert (verdict.outcome, verdict.headline, verdict.fails) == (
        Outcome.FAILED,
        FIRST.headline,
        True,
    )
    assert verdict.severity is Severity.WARNING
    assert verdict.details == (
        "23 of 200 calls over 50 ms",
        "measured again in a fresh process: db.query p95 there, FAILED",
    )


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.UNDECIDED, Outcome.NOT_CHECKED])
def test_anything_else_leaves_it_undecided(outcome):
    """A violation that the fresh process does not repeat fails no test, and both are said."""
    verdict = confirmed(FIRST, second(outcome))
    assert (verdict.outcome, verdict.fails, verdict.severity) == (Outcome.UNDECIDED, False, None)
    assert verdict.reason == f"not confirmed by a fresh process: db.query p95 there, {outcome}"
    assert verdict.headline == f"{FIRST.headline} · UNDECIDED, {verdict.reason}"
    assert verdict.details == FIRST.details


def test_without_a_second_measurement_it_is_not_checked():
    """Where there is none, the reason is in the verdict, and the test does not fail for it."""
    verdict = confirmed(FIRST, "needs exclusive fixtures: its setup failed there")
    assert (verdict.outcome, verdict.fails, verdict.severity) == (Outcome.NOT_CHECKED, False, None)
    assert verdict.reason == (
        "seen once and could not be measured again:"
        " needs exclusive fixtures: its setup failed there"
    )
    assert verdict.headline.endswith(f"· NOT CHECKED, {verdict.reason}")
