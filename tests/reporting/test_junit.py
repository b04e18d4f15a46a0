"""Figures as properties of a test's report."""

from __future__ import annotations

import math

from scripted_results import MS, SHOP, few, result, verdict

from pytest_perfmon.model.verdict import Outcome
from pytest_perfmon.reporting.junit import properties


def test_the_names_are_these():
    """Names that dashboards read do not change; what is not known is left out."""
    one = result(
        SHOP,
        ("db.query", few(55 * MS, 20, max=math.inf)),
        verdicts=[verdict(SHOP, "db.query", "p95", Outcome.NOT_CHECKED)],
    )
    assert properties(one) == [
        ("perfmon.db.query.calls", "20"),
        ("perfmon.db.query.rounds", "20"),
        ("perfmon.db.query.errors", "0"),
        ("perfmon.db.query.mean_ms", "56.1"),
        ("perfmon.db.query.min_ms", "49.5"),
        ("perfmon.db.query.median_ms", "55"),
        ("perfmon.db.query.unit", "call"),
        ("perfmon.db.query.p95.outcome", "NOT CHECKED"),
    ]


def test_a_well_measured_operation_has_its_percentiles():
    """Milliseconds with six significant digits, whatever the size."""
    named = dict(properties(result(SHOP, ("x", few(0.0, 20)), ("y", few(123.456789, 9)))))
    assert named["perfmon.x.median_ms"] == "0"
    assert named["perfmon.y.median_ms"] == "0.000123457"
