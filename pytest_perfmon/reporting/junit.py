"""The figures as properties of a test's report, which JUnit files and other reports carry on."""

from __future__ import annotations

import math

from pytest_perfmon.model.verdict import TestResult
from pytest_perfmon.reporting.figures import FIGURES, figure
from pytest_perfmon.reporting.layout import COUNTS
from pytest_perfmon.units import NS_PER_MS


def properties(result: TestResult) -> list[tuple[str, str]]:
    """Give names and values, stable across versions and for one operation in this order.

    `perfmon.OPERATION.calls`, `.rounds`, `.errors`; `.mean_ms`, `.min_ms`, `.median_ms`,
    `.p90_ms`, `.p95_ms`, `.p99_ms`, `.max_ms`; `.unit`, which is `call` or `per-round mean`. For
    each criterion, `perfmon.OPERATION.CRITERION.outcome`. What has no finite value, such as a
    percentile of too few calls, is left out.
    """
    pairs: list[tuple[str, str]] = []
    for key, summary in ((one.key, one.summary) for one in result.operations):
        prefix = f"perfmon.{key.operation}"
        pairs += [(f"{prefix}.{name}", str(getattr(summary, name))) for name in COUNTS]
        for name in FIGURES:
            value = figure(summary, name)
            if value is not None and math.isfinite(value):
                pairs.append((f"{prefix}.{name}_ms", f"{value / NS_PER_MS:.6g}"))
        pairs.append((f"{prefix}.unit", summary.unit))
    pairs += [
        (f"perfmon.{one.key.operation}.{one.criterion}.outcome", one.outcome.value)
        for one in result.verdicts
    ]
    return pairs
