"""Results made by hand, for the tests of everything that shows them."""

from __future__ import annotations

from dataclasses import replace

from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.run import Environment
from pytest_perfmon.model.verdict import (
    Change,
    Comparison,
    MeasuredOperation,
    Outcome,
    Severity,
    TestResult,
    Verdict,
)
from pytest_perfmon.reporting.report import Report, build_report

MS = 1_000_000.0
SHOP = "tests/test_shop.py::test_checkout"
PARSE = "tests/test_parse.py::TestParser::test_parse[big]"


def summary(median, **changes):
    """A summary around that median, of 500 calls, with every interval."""
    known = {
        "unit": "call",
        "rounds": 500,
        "calls": 500,
        "errors": 0,
        "mean": median * 102 / 100,
        "min": median * 90 / 100,
        "median": median,
        "p90": median * 105 / 100,
        "p95": median * 110 / 100,
        "p99": median * 130 / 100,
        "max": median * 2,
        "intervals": {
            name: (median * percent * 98 / 10_000, median * percent * 103 / 10_000)
            for name, percent in {"median": 100, "p90": 105, "p95": 110, "p99": 130}.items()
        },
        "distribution": ((300, 10), (301, 480), (308, 10)),
    }
    return Summary(**{**known, **changes})


def few(median, calls, **changes):
    """A summary of too few calls for any percentile of the tail."""
    whole = summary(median, rounds=calls, calls=calls, **changes)
    return replace(whole, intervals={"median": whole.intervals["median"]})


def verdict(nodeid, operation, criterion, outcome, headline="", **more):
    """A verdict; its headline names operation, criterion and outcome unless given."""
    headline = headline or f"{operation} {criterion} {outcome.value}"
    return Verdict(Key(nodeid, operation), criterion, outcome, headline, **more)


def result(nodeid, *operations, verdicts=()):
    """A measured test's result, from (operation, summary) pairs."""
    measured = tuple(MeasuredOperation(Key(nodeid, name), figures) for name, figures in operations)
    return TestResult(nodeid, measured=True, operations=measured, verdicts=tuple(verdicts))


def unmeasured(nodeid):
    """What a plain run gives."""
    return TestResult(nodeid, measured=False)


def shop_results():
    """Two tests with three operations: one over its budget, one undecided, one improved."""
    over_budget = verdict(
        SHOP,
        "db.query",
        "p95",
        Outcome.FAILED,
        "db.query p95 60.5 ms > budget 50 ms (1.21x, warning) · 500 calls, 95% CI 59.3-62.3",
        details=("41 of 500 calls took more than 50 ms",),
        severity=Severity.WARNING,
        warnings=("calls come in clusters",),
        fails=True,
    )
    checkout = result(
        SHOP,
        ("db.query", summary(55 * MS, warnings=("the machine was busy",))),
        ("cache.get", summary(180_000.0)),
        verdicts=[
            over_budget,
            verdict(SHOP, "cache.get", "p99", Outcome.UNDECIDED, reason="40 more calls needed"),
            verdict(SHOP, "db.query", "baseline", Outcome.NOT_CHECKED, reason="no stored run"),
            verdict(SHOP, "cache.get", "baseline", Outcome.NOT_CHECKED, reason="no stored run"),
        ],
    )
    faster = Comparison(Change.IMPROVED, -0.068, -0.096, -0.041, "5 stored runs", 0.03)
    parse = result(
        PARSE,
        ("test_parse", few(930.0, 20, unit="per-round mean", warnings=("the machine was busy",))),
        verdicts=[
            verdict(
                PARSE,
                "test_parse",
                "baseline",
                Outcome.PASSED,
                "test_parse IMPROVED -6.8% [-9.6, -4.1] · 5 stored runs",
                comparison=faster,
            )
        ],
    )
    return [checkout, parse]


def shop_report(**changes) -> Report:
    """The report of `shop_results`."""
    return build_report(shop_results(), **changes)


ENVIRONMENT = Environment({"python": "3.11.7", "system": "Linux"})
