"""What a measurement gave: raw nanoseconds, and their summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Key(NamedTuple):
    """What a figure is about: the test's rootdir-relative node id, and the operation in it."""

    nodeid: str
    operation: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """One operation as it was measured in one process; raw, never rounded, never reordered.

    Attributes:
        operation: the operation's name.
        values_ns: one integer a timed stretch, in the order in which they were made.
        calls_per_value: calls in each stretch; 1 means individually timed calls, and only then is
            a percentile one of calls.
        rounds: rounds (iterations of the body) that were made, which is what gets reported.
        errors: calls that raised, among the calls counted.
        most_calls_in_round: the most calls in any one round; None where a round is one call.
        control_ns: readings of the reference loop around the measurement.
        peak_memory: bytes, the highest that one traced call needed above what stood before it.
        allocations: memory blocks that one call left allocated.
        interrupted: whether Ctrl-C ended it; such figures are shown and never kept.
        warnings: what a reader of these figures has to know.
    """

    operation: str
    values_ns: Sequence[int]
    calls_per_value: int = 1
    rounds: int = 0
    errors: int = 0
    most_calls_in_round: int | None = None
    control_ns: tuple[int, ...] = ()
    peak_memory: int | None = None
    allocations: int | None = None
    interrupted: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def calls(self) -> int:
        """Calls that were made in the timed stretches."""
        return len(self.values_ns) * self.calls_per_value

    @property
    def unit(self) -> str:
        """What one value stands for: `call`, or `per-round mean`."""
        return "call" if self.calls_per_value == 1 else "per-round mean"


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of one measured operation, nanoseconds per call.

    Attributes:
        unit: `call` or `per-round mean`; percentiles are of these.
        rounds: rounds made.
        calls: calls made.
        p90, p95, p99: 0 where they are not known, as in a run imported from mere means; such a run
            comes from an environment of its own and is not judged against.
        intervals: 95 % intervals by figure name (`median`, `p95`, …), left out where too few
            values stand behind them.
        distribution: (bin, count) pairs of a histogram with 16 bins an octave; bin b holds
            values from 2**(b/16) ns up.
        control_ns: the reference loop's median around the measurement; 0 where it was not read.
    """

    unit: str
    rounds: int
    calls: int
    errors: int
    mean: float
    min: float
    median: float
    p90: float
    p95: float
    p99: float
    max: float
    intervals: dict[str, tuple[float, float]]
    distribution: tuple[tuple[int, int], ...]
    control_ns: float = 0.0
    peak_memory: int | None = None
    allocations: int | None = None
    interrupted: bool = False
    warnings: tuple[str, ...] = ()
