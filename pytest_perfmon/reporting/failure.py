"""The evidence that a failing perf test's report carries."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_perfmon.model.verdict import Verdict
from pytest_perfmon.reporting.cells import clean


def failure_section(verdicts: Iterable[Verdict]) -> str:
    """Tell for each verdict that fails its test what was seen: headline, evidence, doubts.

    Empty where none fails.
    """
    return "\n\n".join(_evidence(one) for one in verdicts if one.fails)


def _evidence(verdict: Verdict) -> str:
    headline = verdict.headline
    lines = [f"{verdict.outcome.value} {headline}"]
    if verdict.reason and verdict.reason not in headline:
        lines.append(f"  {verdict.reason}")
    lines += [f"  {detail}" for detail in verdict.details]
    lines += [f"  warning: {warning}" for warning in verdict.warnings]
    return "\n".join(map(clean, lines))
