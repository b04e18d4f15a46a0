"""The reference loop: fixed work, read around a measurement to tell how fast the machine was."""

from __future__ import annotations

from typing import Final

from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.measure.quiet import quiet

_TURNS: Final = 2_000


def read_control(clock: Clock, times: int = 5) -> tuple[int, ...]:
    """Time the reference loop so many times; nanoseconds each.

    The loop is about 0.2 ms of integer arithmetic in the interpreter. It reads no memory to
    speak of and depends on no input, so only the machine and the interpreter change its time.
    """
    now_ns = clock.now_ns
    readings = []
    with quiet():
        for _ in range(times):
            start = now_ns()
            _work()
            end = now_ns()
            readings.append(max(0, end - start - clock.overhead_ns))
    return tuple(readings)


def _work() -> int:
    state = 1
    for _ in range(_TURNS):
        state = (state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    return state
