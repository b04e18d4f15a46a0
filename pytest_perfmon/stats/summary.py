"""From raw nanoseconds to the figures that are shown and stored."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

from pytest_perfmon.model.measurement import Measurement, Summary
from pytest_perfmon.stats.mean import mean_interval
from pytest_perfmon.stats.quantiles import quantile, quantile_interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BINS_PER_OCTAVE: Final = 16
_FIGURES: Final = {"median": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}


def summary_of(measurement: Measurement) -> Summary:
    """Summarise what was measured, in nanoseconds per call.

    Percentiles are of the values as they were timed: of calls where each was timed by itself, of
    per-round means otherwise (`unit` says which).

    Raises:
        ValueError: where not one value was measured.
    """
    if not len(measurement.values_ns):
        raise ValueError(f"{measurement.operation!r} has no values: a summary needs one or more")
    import numpy as np  # noqa: PLC0415 - slow to load, and not every run measures

    values = np.asarray(measurement.values_ns, dtype=np.float64) / measurement.calls_per_value
    ascending = np.sort(values)
    ordered = ascending.tolist()
    figures = {name: quantile(ordered, p) for name, p in _FIGURES.items()}
    found = {name: quantile_interval(ordered, p) for name, p in _FIGURES.items()}
    if around := mean_interval(values.tolist()):
        low, high = around
        found["mean"] = max(0.0, low), high  # rare slow calls widen it below zero; no time is there
    return Summary(
        unit=measurement.unit,
        rounds=measurement.rounds,
        calls=measurement.calls,
        errors=measurement.errors,
        mean=float(values.mean()),
        min=ordered[0],
        max=ordered[-1],
        **figures,
        intervals={name: interval for name, interval in found.items() if interval},
        distribution=_distribution(ascending),
        control_ns=float(median(measurement.control_ns)) if measurement.control_ns else 0.0,
        peak_memory=measurement.peak_memory,
        allocations=measurement.allocations,
        interrupted=measurement.interrupted,
        warnings=measurement.warnings,
    )


def _distribution(ascending: NDArray[np.float64]) -> tuple[tuple[int, int], ...]:
    """Count values by bin, lowest first; what is below 1 ns is counted in bin 0."""
    import numpy as np  # noqa: PLC0415 - as above

    bins = np.floor(np.log2(np.maximum(ascending, 1.0)) * BINS_PER_OCTAVE).astype(np.int64)
    found, counts = np.unique(bins, return_counts=True)
    return tuple(zip(found.tolist(), counts.tolist(), strict=True))
