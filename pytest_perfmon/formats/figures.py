"""The figures of an operation that every format may show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from pytest_perfmon.model.measurement import Summary

FIGURES: Final = ("mean", "min", "median", "p90", "p95", "p99", "max")
INTERVALS: Final = ("mean", "median", "p90", "p95", "p99")
"""The figures that can have a 95 % interval."""

_TAIL: Final = ("p90", "p95", "p99")


class Figure(NamedTuple):
    """A figure, nanoseconds, with its 95 % interval where there is one."""

    ns: float
    interval: tuple[float, float] | None


def figures_of(summary: Summary) -> Mapping[str, Figure]:
    """Give the figures that are known, by name.

    A percentile of the tail is known only where its interval exists: it takes 36 values for p90,
    72 for p95 and 368 for p99, and an import from mere means has none.
    """
    return {
        name: Figure(getattr(summary, name), summary.intervals.get(name))
        for name in FIGURES
        if name not in _TAIL or name in summary.intervals
    }
