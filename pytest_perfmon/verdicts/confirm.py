"""A violation seen once is a suspect: what a second measurement in a fresh process makes of it."""

from __future__ import annotations

from dataclasses import replace

from pytest_perfmon.model.verdict import Outcome, Verdict


def confirmed(verdict: Verdict, second: Verdict | str) -> Verdict:
    """Combine a FAILED verdict with that of a fresh process on the same criterion.

    Args:
        verdict: the first.
        second: what the fresh process said; a text says why there is nothing.

    Returns:
        FAILED where both are; UNDECIDED where the fresh process does not agree; NOT CHECKED where
        it could not say.
    """
    if isinstance(second, str):
        reason = f"seen once and could not be measured again: {second}"
        return _let_go(verdict, Outcome.NOT_CHECKED, reason)
    if second.outcome is Outcome.FAILED:
        agreed = f"measured again in a fresh process: {second.headline}"
        return replace(verdict, details=(*verdict.details, agreed))
    reason = f"not confirmed by a fresh process: {second.headline}"
    return _let_go(verdict, Outcome.UNDECIDED, reason)


def _let_go(verdict: Verdict, outcome: Outcome, reason: str) -> Verdict:
    return replace(
        verdict,
        outcome=outcome,
        headline=f"{verdict.headline} · {outcome}, {reason}",
        reason=reason,
        severity=None,
        fails=False,
    )
