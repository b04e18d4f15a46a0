"""What a test's marks together say of one operation."""

from __future__ import annotations

import pytest

from pytest_perfmon.model.budget import Budget, Limit, limit_of

BUDGETS = (
    Budget("parse", (Limit("p95", 5.0),)),
    Budget("parse", (Limit("max_regression", 0.1),)),
    Budget(None, (Limit("max_regression", 0.2),)),
    Budget("test_it", (Limit("max_regression", 0.3), Limit("p95", 7.0))),
)


@pytest.mark.parametrize(
    ("criterion", "operation", "limit"),
    [
        ("max_regression", "parse", 0.1),
        ("max_regression", "test_it", 0.2),
        ("p95", "parse", 5.0),
        ("p95", "test_it", 7.0),
        ("max_regression", "render", None),
        ("mean", "parse", None),
    ],
)
def test_the_first_mark_that_limits_an_operation_counts(criterion, operation, limit):
    """A mark without a name is about the test's own measurement."""
    assert limit_of(BUDGETS, criterion, operation, "test_it") == limit
