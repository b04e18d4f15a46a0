"""What a call needs of memory, counted in extra calls that nobody times."""

from __future__ import annotations

import sys
import tracemalloc
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from pytest_perfmon.measure.quiet import quiet
from pytest_perfmon.measure.timing import Subject

_COUNTED_CALLS: Final = 3


@dataclass(frozen=True, slots=True)
class MemoryCount:
    """What was counted.

    Attributes:
        peak_memory: bytes, the highest that one call needed above what stood before it.
        allocations: memory blocks that one call left allocated, its result among them; the least
            of three calls, so that a cache that fills once does not count.
    """

    peak_memory: int
    allocations: int


class PeakMemory:
    """Traces the memory of a `with` block.

    Where tracemalloc runs already it goes on running and keeps its traces; only its own record
    of the peak is reset, which the block needs.

    Attributes:
        bytes: the peak above the start, once the block is left.
    """

    __slots__ = ("_before", "_was_tracing", "bytes")

    def __enter__(self) -> Self:
        self.bytes = 0
        self._was_tracing = tracemalloc.is_tracing()
        if self._was_tracing:
            tracemalloc.reset_peak()
        else:
            tracemalloc.start()
        self._before, _ = tracemalloc.get_traced_memory()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        _, peak = tracemalloc.get_traced_memory()
        if not self._was_tracing:
            tracemalloc.stop()
        self.bytes = max(0, peak - self._before)


class BlocksLeft:
    """Counts the memory blocks that a `with` block leaves allocated.

    Attributes:
        blocks: how many, once the block is left; counting itself needs none.
    """

    __slots__ = ("_before", "blocks")

    def __enter__(self) -> Self:
        self.blocks = 0
        self._before = sys.getallocatedblocks()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.blocks = sys.getallocatedblocks() - self._before


class MemoryCounting:
    """One count: each of `steps` is a `with` block around one call of the same function.

    Attributes:
        steps: one traces the peak, three count blocks.
    """

    __slots__ = ("_lefts", "_peak", "steps")

    def __init__(self) -> None:
        self._peak = PeakMemory()
        self._lefts = tuple(BlocksLeft() for _ in range(_COUNTED_CALLS))
        self.steps: tuple[PeakMemory | BlocksLeft, ...] = (self._peak, *self._lefts)

    def total(self) -> MemoryCount:
        """Take the peak, and the least count of blocks."""
        least = min(left.blocks for left in self._lefts)
        return MemoryCount(self._peak.bytes, max(0, least))


def count_calls(subject: Subject) -> MemoryCount:
    """Count the memory of a function in four further calls, setup and teardown left out.

    Whatever the function raises comes through.
    """
    counting = MemoryCounting()
    for step in counting.steps:
        result = None  # the previous call's result is gone before the next call begins
        with subject.surrounded(), quiet(), step:
            result = subject.call()
    del result
    return counting.total()


async def count_awaitables(subject: Subject) -> MemoryCount:
    """Count the memory of a coroutine function; the twin of `count_calls`.

    What other tasks allocate while the call waits is counted too.
    """
    counting = MemoryCounting()
    for step in counting.steps:
        result = None
        with subject.surrounded(), quiet(), step:
            result = await subject.call()
    del result
    return counting.total()
