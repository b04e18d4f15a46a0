"""One body's slices on both sides, on a clock that the calls move."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_perfmon.duet.protocol import Pace
from pytest_perfmon.duet.slices import (
    CPU,
    LOCATION,
    MEMORY,
    P95,
    P95_IF_QUICK,
    SliceLoop,
    SliceTask,
    couplet_order,
    most_couplets,
    pace_of,
)
from pytest_perfmon.duet.turnstile import Turnstile, TurnstileError
from pytest_perfmon.testing import FakeClock


class Side:
    """One side: its clock, its calls, what its slices came to."""

    def __init__(self, connection, slot, call_ns, **task):
        self.clock = FakeClock()
        self.call_ns = call_ns
        self.calls = 0
        self.values = []
        self.slices = []
        settings = {"statistic": LOCATION, "pace": None, "coins": "7 test op"}
        settings |= {"most_couplets": 8} | task
        self.loop = SliceLoop(
            SliceTask(
                turnstile=Turnstile(connection, slot, 5.0),
                read_ns=self.clock.now_ns,
                overhead_ns=0,
                begin=lambda: self.slices.append(self.calls),
                end=lambda _, values: self.values.extend(values),
                **settings,
            )
        )

    def run(self):
        """Walk the loop, each call moving the clock."""
        for calls in self.loop.stretches():
            self.calls += calls
            self.clock.advance(calls * self.call_ns)


def run_both(left_ns, right_ns, **task):
    """Run two sides in threads; give both."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        right = socket.create_connection(server.getsockname())
        left = server.accept()[0]
    with left, right, ThreadPoolExecutor(2) as pool:
        sides = Side(left, 0, left_ns, **task), Side(right, 1, right_ns, **task)
        for future in [pool.submit(side.run) for side in sides]:
            future.result(10)
    return sides


def test_slot_0_finds_the_pace_and_both_make_equal_calls():
    """Calls double until a slice lasts 0.2 ms; warm-up, pace and slices are equal on both sides."""
    first, second = run_both(1_000, 2_000)
    assert first.loop.pace == second.loop.pace == Pace(256, 24, LOCATION)
    assert first.calls == second.calls
    assert first.values == [1_000.0] * 16
    assert second.values == [2_000.0] * 16
    assert first.loop.slot_zero_first == second.loop.slot_zero_first


def test_a_given_pace_needs_no_calibration():
    """In later blocks each side warms up with one slice and makes its slices."""
    first, second = run_both(50_000, 50_000, pace=Pace(4, 3, LOCATION))
    assert first.calls == second.calls == 4 + 4 * 6
    assert first.slices == [4 + 4 * number for number in range(6)]


def test_a_long_call_is_a_slice_of_its_own_in_few_couplets():
    """A call of 30 ms makes slices of one call, and only as many as fit."""
    first, _ = run_both(30_000_000, 30_000_000)
    assert first.loop.pace == Pace(1, 1, LOCATION)
    assert len(first.values) == 2


def test_p95_times_calls_one_by_one():
    """For a p95 at least a hundred calls a side are timed each on its own."""
    first, second = run_both(10_000, 10_000, statistic=P95)
    assert len(first.values) == len(second.values) >= 100
    assert set(first.values) == {10_000.0}


@pytest.mark.parametrize(("call_ns", "statistic"), [(5_000_000, P95), (5_000_001, LOCATION)])
def test_p95_if_quick_is_the_location_where_a_hundred_calls_would_take_long(call_ns, statistic):
    """Both sides compare the p95 of calls up to 5 ms, and the location of longer ones."""
    first, second = run_both(call_ns, call_ns, statistic=P95_IF_QUICK)
    assert first.loop.pace.statistic == second.loop.pace.statistic == statistic
    assert (len(first.values) >= 100) is (statistic == P95)


def test_memory_is_the_peak_of_one_call():
    """For memory each slice is one call under tracemalloc, which is off again afterwards."""
    import tracemalloc

    was_tracing = tracemalloc.is_tracing()
    first, _ = run_both(10, 10, statistic=MEMORY)
    assert first.loop.pace == Pace(1, 1, MEMORY)
    assert len(first.values) == 2
    assert tracemalloc.is_tracing() is was_tracing


def test_cpu_time_is_sliced_like_wall_time():
    """The statistic of CPU time has slices of the same kind."""
    first, _ = run_both(1_000, 1_000, statistic=CPU)
    assert len(first.values) == 16


def test_setup_and_teardown_are_outside_the_clock():
    """With a setup every call is its own stretch, and what the setup costs is in no figure."""
    made = []
    first, second = run_both(
        100_000, 100_000, setup=lambda: made.append("in"), teardown=lambda: made.append("out")
    )
    assert set(first.values) == {100_000.0}
    assert len(made) == 2 * (first.calls + second.calls)
    assert made.count("in") == made.count("out")


def test_a_side_that_fails_frees_the_other():
    """An error in one side's call goes through there, and the other is told."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        right = socket.create_connection(server.getsockname())
        left = server.accept()[0]
    with left, right, ThreadPoolExecutor(2) as pool:
        fine, failing = Side(left, 0, 1_000), Side(right, 1, 1_000)

        def fail():
            for calls in failing.loop.stretches():
                failing.calls += calls
                if failing.values:
                    raise ValueError("mine")
                failing.clock.advance(calls * 1_000)

        waiting, raising = pool.submit(fine.run), pool.submit(fail)
        with pytest.raises(ValueError, match="mine"):
            raising.result(10)
        with pytest.raises(TurnstileError, match=r"failed there|gone"):
            waiting.result(10)


def test_couplets_are_fair_and_repeatable():
    """Neighbours differ, equal names throw equal coins, and heads come up half of the time."""
    order = couplet_order("5 a b", 8)
    assert order == couplet_order("5 a b", 8)
    assert all(first is not second for first, second in zip(order[::2], order[1::2], strict=True))
    heads = sum(couplet_order(f"{seed} a b", 1)[0] for seed in range(2000))
    assert 900 < heads < 1100


@pytest.mark.parametrize(
    ("slice_ns", "couplets"), [(200_000, 24), (2_000_000, 24), (12_500_000, 4), (10**9, 1)]
)
def test_couplets_fit_the_time_of_a_block(slice_ns, couplets):
    """A side's slices of one body last about 0.1 s, 24 couplets at most and one at least."""
    assert pace_of(1, slice_ns, CPU) == Pace(1, couplets, CPU)


@pytest.mark.parametrize(
    ("tests", "couplets"), [(1, 24), (12, 24), (13, 23), (30, 10), (37, 8), (1000, 8)]
)
def test_the_fewer_tests_share_a_block_the_more_each_is_measured(tests, couplets):
    """Some 300 couplets are shared out, at least eight and at most 24 to each test."""
    assert most_couplets(tests) == couplets


def test_both_sides_make_no_more_couplets_than_they_are_allowed():
    """The pace is kept for later blocks as it was found; this block's share limits its slices."""
    first, second = run_both(1_000, 1_000, most_couplets=2)
    assert first.loop.pace == second.loop.pace == Pace(256, 24, LOCATION)
    assert len(first.values) == len(second.values) == 4
