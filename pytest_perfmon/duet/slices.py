"""One side's slices of one body: warm up, find the pace, then run in turn with the other side.

`SliceLoop` times from one yield to the next, so that functions, coroutines and loop bodies, which
differ only in how a call is made, share it.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfmon.duet.protocol import Pace
from pytest_perfmon.duet.turnstile import Turnstile
from pytest_perfmon.measure.quiet import quiet

LOCATION: Final = "location"
P95: Final = "p95"
CPU: Final = "cpu"
MEMORY: Final = "memory"
STATISTICS: Final = (LOCATION, P95, CPU, MEMORY)
P95_IF_QUICK: Final = "p95 if quick"
"""The p95 of calls of which a hundred take at most half a second; of longer ones the location."""

SLICE_NS: Final = 200_000
_SIDE_NS: Final = 100_000_000  # a side's slices of one operation in a block last about so long
_FEWEST_COUPLETS: Final = 8
_MOST_COUPLETS: Final = 24  # from here on, what processes differ by is what is left of the noise
_COUPLETS_OF_A_BLOCK: Final = 300
_MOST_CALLS: Final = 2**20
_PILOT_CALLS: Final = 50
_QUICK_NS: Final = 5_000_000


@dataclass(frozen=True, slots=True)
class SliceTask:
    """What a side is to do for one body.

    Attributes:
        turnstile: between the two sides, which have met.
        read_ns: the clock, of wall or CPU time.
        overhead_ns: what a start and stop around nothing shows.
        statistic: one of `STATISTICS`, or `P95_IF_QUICK`.
        pace: from an earlier block; None lets slot 0 find it.
        most_couplets: how many couplets there may be; a p95 takes what it needs.
        coins: the name of this block, test and body; equal on both sides, it seeds their coins.
        begin: called before each slice, outside the clock.
        end: called after each slice with its pace and values, outside the clock.
        setup, teardown: run around every call, outside the clock; None where there are none.
    """

    turnstile: Turnstile
    read_ns: Callable[[], int]
    overhead_ns: int
    statistic: str
    pace: Pace | None
    most_couplets: int
    coins: str
    begin: Callable[[], None]
    end: Callable[[Pace, Sequence[float]], None]
    setup: Callable[[], object] | None = None
    teardown: Callable[[], object] | None = None


class SliceLoop:
    """Yields how many calls to make, until this side has made all of its slices.

    Attributes:
        pace: as found or given.
        slot_zero_first: for each pair of slices, whether slot 0 goes first.
    """

    def __init__(self, task: SliceTask) -> None:
        self._task = task
        self.pace = task.pace
        self.slot_zero_first: tuple[bool, ...] = ()

    def stretches(self) -> Generator[int, None, None]:
        """Yield the calls of one stretch after another; a stretch ends when the next is asked for.

        Raises:
            TurnstileError: the other side failed, is gone, or late.
        """
        turnstile = self._task.turnstile
        try:
            pace = self.pace or (yield from self._find_pace())
            self.pace = pace
            if self._task.pace is not None:
                for _ in turnstile.turns((0, 1)):
                    yield from self._timed(pace.calls)
            most = pace.couplets if pace.statistic == P95 else self._task.most_couplets
            self.slot_zero_first = couplet_order(self._task.coins, min(pace.couplets, most))
            order = [
                slot for first in self.slot_zero_first for slot in ((0, 1) if first else (1, 0))
            ]
            for _ in turnstile.turns(order):
                self._task.begin()
                values = yield from self._slice(pace)
                self._task.end(pace, values)
        except BaseException:
            turnstile.break_off()
            raise

    def _find_pace(self) -> Generator[int, None, Pace]:
        turnstile = self._task.turnstile
        if turnstile.slot == 1:
            warmup, calls, couplets, kind = turnstile.hear_pace()
            for _ in turnstile.turns((0, 1)):
                yield from self._timed(warmup)
            return Pace(calls, couplets, STATISTICS[kind])
        pace = Pace(1, 1, LOCATION)
        for _ in turnstile.turns((0, 1)):
            made, pace = yield from self._calibrate()
            kind = STATISTICS.index(pace.statistic)
            turnstile.tell_pace(made, pace.calls, pace.couplets, kind)
        return pace

    def _calibrate(self) -> Generator[int, None, tuple[int, Pace]]:
        yield from self._timed(1)
        if self._task.statistic == MEMORY:
            return 1, Pace(1, 1, MEMORY)
        made, calls = 1, 1
        while True:
            slice_ns = yield from self._timed(calls)
            made += calls
            if slice_ns >= SLICE_NS or calls >= _MOST_CALLS:
                break
            calls *= 2
        statistic = self._task.statistic
        if statistic == P95_IF_QUICK:
            statistic = P95 if slice_ns <= calls * _QUICK_NS else LOCATION
        if statistic != P95:
            return made, pace_of(calls, slice_ns, statistic)
        pilot = yield from self._one_by_one(_PILOT_CALLS)
        calls = math.ceil(_calls_for_p95(pilot) / (2 * _FEWEST_COUPLETS))
        return made + _PILOT_CALLS, Pace(calls, _FEWEST_COUPLETS, P95)

    def _slice(self, pace: Pace) -> Generator[int, None, Sequence[float]]:
        if pace.statistic == P95:
            return (yield from self._one_by_one(pace.calls))
        if pace.statistic == MEMORY:
            return [float((yield from self._around(self._peak_of_one)))]
        return [(yield from self._timed(pace.calls)) / pace.calls]

    def _one_by_one(self, calls: int) -> Generator[int, None, Sequence[float]]:
        values = array("d")
        for _ in range(calls):
            values.append((yield from self._timed(1)))
        return values

    def _timed(self, calls: int) -> Generator[int, None, int]:
        task = self._task
        if task.setup is None and task.teardown is None:
            return (yield from self._stretch(calls))
        total_ns = 0
        for _ in range(calls):
            total_ns += yield from self._around(lambda: self._stretch(1))
        return total_ns

    def _around(
        self, stretch: Callable[[], Generator[int, None, int]]
    ) -> Generator[int, None, int]:
        task = self._task
        if task.setup is not None:
            task.setup()
        try:
            return (yield from stretch())
        finally:
            if task.teardown is not None:
                task.teardown()

    def _stretch(self, calls: int) -> Generator[int, None, int]:
        read_ns = self._task.read_ns
        with quiet():
            start = read_ns()
            yield calls
            end = read_ns()
        return max(1, end - start - self._task.overhead_ns)

    def _peak_of_one(self) -> Generator[int, None, int]:
        import tracemalloc  # noqa: PLC0415 - loads much, for this alone

        running = tracemalloc.is_tracing()
        if not running:
            tracemalloc.start()
        try:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            yield 1
            return max(1, tracemalloc.get_traced_memory()[1] - before)
        finally:
            if not running:
                tracemalloc.stop()


def pace_of(calls: int, slice_ns: int, statistic: str) -> Pace:
    """Say how many couplets of such slices fit a block: 1 to 24."""
    return Pace(calls, max(1, min(_MOST_COUPLETS, _SIDE_NS // (2 * slice_ns))), statistic)


def most_couplets(tests: int) -> int:
    """Say how many couplets each of so many tests may make in a block: 8 to 24.

    A block costs two processes, however much they measure: the fewer tests share it, the more of
    the noise inside processes each of them averages away.
    """
    return max(_FEWEST_COUPLETS, min(_MOST_COUPLETS, _COUPLETS_OF_A_BLOCK // tests))


def _calls_for_p95(pilot: Sequence[float]) -> int:
    from statistics import stdev  # noqa: PLC0415 - few tests ask for it, and workers start sooner

    from pytest_perfmon.stats.couplets import calls_for_p95  # noqa: PLC0415 - as above

    return calls_for_p95(stdev(map(math.log, pilot)))


def couplet_order(coins: str, couplets: int) -> tuple[bool, ...]:
    """Throw the coins of a body in a block: for each pair of slices, whether slot 0 goes first.

    Neighbours differ, since a couplet is both orders. Equal names throw equal coins.
    """
    chance = random.Random(coins)  # noqa: S311 - a fair coin, not a secret
    firsts = [chance.random() < 0.5 for _ in range(couplets)]  # noqa: PLR2004 - fair
    return tuple(first for heads in firsts for first in (heads, not heads))
