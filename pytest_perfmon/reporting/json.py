"""The report as JSON with a schema number; docs/json.md describes every member."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from pytest_perfmon.model.codec import to_plain
from pytest_perfmon.model.run import Environment
from pytest_perfmon.model.verdict import Comparison, MeasuredOperation, TestResult, Verdict
from pytest_perfmon.reporting.figures import FIGURES, figure
from pytest_perfmon.reporting.report import Report

SCHEMA: Final = 1


def to_json(report: Report) -> str:
    """Give the whole report as one line of JSON.

    Times are nanoseconds. What has no finite value is null: so is a percentile of too few calls.
    """
    data = {
        "schema": SCHEMA,
        "about": dict(report.about),
        "environment": _environment(report.environment),
        "outcomes": {
            outcome.value if outcome else "not judged": count
            for outcome, count in report.outcomes.items()
        },
        "tests": [_test(result) for result in report.results],
        "notes": list(report.notes),
    }
    return json.dumps(_finite(data), allow_nan=False, separators=(",", ":")) + "\n"


def _environment(environment: Environment | None) -> dict[str, Any] | None:
    if environment is None:
        return None
    return {"fingerprint": environment.fingerprint, "fields": dict(environment.fields)}


def _test(result: TestResult) -> dict[str, Any]:
    return {
        "nodeid": result.nodeid,
        "measured": result.measured,
        "passed": result.passed,
        "seconds": result.seconds,
        "operations": [_operation(one) for one in result.operations],
        "verdicts": [_verdict(one) for one in result.verdicts],
    }


def _operation(operation: MeasuredOperation) -> dict[str, Any]:
    key, summary = operation.key, operation.summary
    return {
        "operation": key.operation,
        "unit": summary.unit,
        "rounds": summary.rounds,
        "calls": summary.calls,
        "errors": summary.errors,
        **{f"{name}_ns": figure(summary, name) for name in FIGURES},
        "intervals_ns": {name: list(ends) for name, ends in summary.intervals.items()},
        "distribution": [list(pair) for pair in summary.distribution],
        "control_ns": summary.control_ns or None,
        "peak_memory_bytes": summary.peak_memory,
        "allocations": summary.allocations,
        "interrupted": summary.interrupted,
        "warnings": list(summary.warnings),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "operation": verdict.key.operation,
        "criterion": verdict.criterion,
        "outcome": verdict.outcome.value,
        "fails": verdict.fails,
        "warns": verdict.warns,
        "headline": verdict.headline,
        "reason": verdict.reason,
        "details": list(verdict.details),
        "severity": verdict.severity.value if verdict.severity else None,
        "comparison": _comparison(verdict.comparison),
        "record": to_plain(verdict.record),
        "warnings": list(verdict.warnings),
    }


def _comparison(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        "change": comparison.change.value,
        "effect": comparison.effect,
        "low": comparison.low,
        "high": comparison.high,
        "backing": comparison.backing,
        "visible": comparison.visible,
    }


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
