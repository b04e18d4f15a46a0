"""Memory of one call: the peak above the start, and what stays allocated."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from measure.undisturbed import drive

from pytest_perfmon.measure.counters import MemoryCount, count_awaitables, count_calls
from pytest_perfmon.measure.timing import Subject


def counted(subject: Subject, how: str) -> MemoryCount:
    """Count a function, or the same as a coroutine function."""
    if how == "calls":
        return count_calls(subject)

    async def call() -> object:
        return subject.call()

    return drive(count_awaitables(Subject(call, subject.setup, subject.teardown)))


twins = pytest.mark.parametrize("how", ["calls", "awaitables"])


@twins
def test_nothing_needs_next_to_nothing(how):
    """A function that does nothing leaves no block and needs less than a kilobyte."""
    count = counted(Subject(lambda: None), how)
    assert count.allocations == 0
    assert count.peak_memory < 1_000


@twins
def test_a_result_is_an_allocation(how):
    """One object that comes back is one block, exactly."""
    assert counted(Subject(object), how).allocations == 1


@twins
@given(size=st.integers(100_000, 5_000_000))
@settings(max_examples=20)
def test_the_peak_is_the_memory_that_one_call_needs_at_once(how, size):
    """Memory that is given back within the call is in the peak, and is no allocation left."""

    def call() -> None:
        bytes(size)
        bytes(size // 2)

    count = counted(Subject(call), how)
    assert size <= count.peak_memory < size + 10_000
    assert count.allocations == 0


@twins
def test_giving_memory_back_is_no_negative_allocation(how):
    """A function that frees more than it allocates counts 0."""
    held = [object() for _ in range(4_000)]

    def call() -> None:
        del held[-1_000:]

    assert counted(Subject(call), how).allocations == 0


@twins
@given(blocks=st.integers(0, 500))
@settings(max_examples=20)
def test_allocations_are_the_blocks_that_stay(how, blocks):
    """Each object that the result keeps alive is a block."""
    empty = counted(Subject(lambda: [None for _ in range(blocks)]), how).allocations
    full = counted(Subject(lambda: [object() for _ in range(blocks)]), how).allocations
    assert full - empty == blocks


@twins
def test_a_cache_that_fills_once_is_no_allocation(how):
    """The least of three calls counts."""
    cache: list[list[object]] = []

    def call() -> None:
        if len(cache) < 2:
            cache.append([object() for _ in range(100)])

    assert counted(Subject(call), how).allocations == 0


@twins
def test_setup_and_teardown_are_not_counted(how):
    """Both run around each of the four calls, outside the count."""
    log: list[str] = []
    kept: list[bytes] = []
    subject = Subject(
        lambda: log.append("call"),
        setup=lambda: (log.append("setup"), kept.append(bytes(1_000_000))),
        teardown=lambda: log.append("teardown"),
    )
    assert counted(subject, how).peak_memory < 10_000
    assert log == ["setup", "call", "teardown"] * 4


@twins
@pytest.mark.parametrize("tracing", [False, True])
def test_tracemalloc_is_left_as_found(how, tracing):
    """Running or not, it is the same after, and traces that it held are kept."""
    if tracing:
        tracemalloc.start()
    try:
        held = bytes(50_000)
        counted(Subject(lambda: bytes(1_000_000)), how)
        assert tracemalloc.is_tracing() is tracing
        if tracing:
            assert tracemalloc.get_object_traceback(held) is not None
    finally:
        tracemalloc.stop()


@twins
def test_the_peak_is_above_what_stood_before(how):
    """Memory that tracing knew before is not the call's, be it held or long given back."""
    tracemalloc.start()
    try:
        bytearray(9_000_000)
        held = bytearray(3_000_000)
        count = counted(Subject(lambda: bytes(100_000)), how)
    finally:
        tracemalloc.stop()
    assert len(held) == 3_000_000
    assert 100_000 <= count.peak_memory < 120_000


@twins
def test_an_error_puts_everything_back(how):
    """The exception comes through; neither tracing nor a stopped collector is left behind."""
    found = gc.isenabled()
    torn: list[int] = []
    subject = Subject(lambda: 1 / 0, teardown=lambda: torn.append(1))
    with pytest.raises(ZeroDivisionError):
        counted(subject, how)
    assert not tracemalloc.is_tracing()
    assert gc.isenabled() is found
    assert torn == [1]
