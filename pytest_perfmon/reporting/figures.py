"""Figures of an operation that may be shown, and the names that rows go by."""

from __future__ import annotations

from typing import Final

from pytest_perfmon.model.budget import PERCENTILES
from pytest_perfmon.model.measurement import Key, Summary

FIGURES: Final = ("mean", "min", "median", "p90", "p95", "p99", "max")
_TAIL: Final = frozenset(PERCENTILES) - {"p50"}


def figure(summary: Summary, name: str) -> float | None:
    """Give a figure in nanoseconds; None for a percentile with too few values behind it.

    A percentile of the tail is a number only where its 95 % interval exists.
    """
    if name in _TAIL and name not in summary.intervals:
        return None
    value: float = getattr(summary, name)
    return value


def file_of(nodeid: str) -> str:
    """Give the test file of a node id."""
    return nodeid.partition("::")[0]


def label_of(key: Key) -> str:
    """Name an operation inside its file: `test_parse`, or `test_shop: db.query`."""
    test = key.nodeid.partition("::")[2] or key.nodeid
    plain, bracket, parameters = test.partition("[")
    own = plain.rpartition("::")[2]
    if key.operation in (own, own + bracket + parameters):
        return test
    return f"{test}: {key.operation}"
