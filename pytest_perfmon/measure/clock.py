"""The clock as an object: what reads the time, how finely, and what a reading costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Final, Protocol

from pytest_perfmon.measure.quiet import quiet

_STEPS: Final = 25
_PAIRS: Final = 101


class Clock(Protocol):
    """What measuring needs of a clock."""

    @property
    def now_ns(self) -> Callable[[], int]:
        """Read the time: nanoseconds from an arbitrary start, never running backwards."""

    @property
    def precision_ns(self) -> int:
        """The smallest difference the clock shows between two successive readings, 1 or more."""

    @property
    def overhead_ns(self) -> int:
        """What a start and stop around nothing shows; subtracted from every measured value."""

    @property
    def pause(self) -> Callable[[float], None]:
        """Let so many seconds pass on this clock."""


def _own_copy_of_time() -> ModuleType:
    """Give the `time` module as it was built, not the one that others can reach.

    Libraries that freeze time replace the functions of the shared module and every reference to
    them in loaded modules, which they find by identity. A second instance of a built-in module
    has functions of its own.
    """
    spec = find_spec("time")
    if spec is None or spec.loader is None:
        raise ImportError("the time module has no loader")
    own = module_from_spec(spec)
    spec.loader.exec_module(own)
    return own


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's performance counter, which freezegun and time-machine do not reach."""

    now_ns: Callable[[], int]
    pause: Callable[[float], None]
    precision_ns: int
    overhead_ns: int

    @classmethod
    @cache
    def measured(cls) -> SystemClock:
        """Give this process's clock; precision and overhead are measured at the first call."""
        own = _own_copy_of_time()
        now_ns: Callable[[], int] = own.perf_counter_ns
        with quiet():
            return cls(
                now_ns=now_ns,
                pause=own.sleep,
                precision_ns=measure_precision(now_ns),
                overhead_ns=measure_overhead(now_ns),
            )


def measure_precision(now_ns: Callable[[], int]) -> int:
    """Measure the smallest step that a clock shows; nanoseconds, 1 or more.

    Each step is the least of a few that were seen in a row, so that an interruption of the
    process does not count; the answer is the median of these.
    """
    return max(1, _median([min(_step(now_ns) for _ in range(5)) for _ in range(_STEPS)]))


def _step(now_ns: Callable[[], int]) -> int:
    before = now_ns()
    while (after := now_ns()) == before:
        pass
    return after - before


def measure_overhead(now_ns: Callable[[], int]) -> int:
    """Measure the median difference between two readings with nothing between them."""
    differences = []
    for _ in range(_PAIRS):
        start = now_ns()
        end = now_ns()
        differences.append(end - start)
    return _median(differences)


def _median(values: list[int]) -> int:
    return sorted(values)[len(values) // 2]
