"""The evidence section of a failing test."""

from __future__ import annotations

from scripted_results import SHOP, shop_results, verdict

from pytest_perfmon.model.verdict import Outcome
from pytest_perfmon.reporting.failure import failure_section


def test_each_failing_verdict_is_told_with_its_evidence():
    """Headline, details, warnings; what does not fail is not there."""
    unchecked = verdict(
        SHOP, "cache.get", "p95", Outcome.NOT_CHECKED, reason="never called", fails=True
    )
    verdicts = [*shop_results()[0].verdicts, unchecked]
    assert failure_section(verdicts) == (
        """\
FAILED db.query p95 60.5 ms > budget 50 ms (1.21x, warning) · 500 calls, 95% CI 59.3-62.3
  41 of 500 calls took more than 50 ms
  warning: calls come in clusters

NOT CHECKED cache.get p95 NOT CHECKED
  never called"""
    )


def test_a_reason_that_the_headline_tells_is_not_told_again():
    """One line says it all where it can."""
    one = verdict(
        SHOP, "a", "p95", Outcome.UNDECIDED, "a: too few calls", reason="too few calls", fails=True
    )
    assert failure_section([one]) == "UNDECIDED a: too few calls"


def test_nothing_fails_nothing_is_told():
    """No empty section appears on reports."""
    assert failure_section(shop_results()[1].verdicts) == ""


def test_names_cannot_act_on_the_terminal():
    """Control characters are escaped."""
    one = verdict(SHOP, "a", "p95", Outcome.FAILED, "a\x1b[2J\nb", fails=True)
    assert failure_section([one]) == "FAILED a\\x1b[2J\\nb"
