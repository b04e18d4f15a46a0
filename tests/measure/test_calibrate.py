"""Calibration: as many calls in a stretch as the clock needs, and no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.measure.calibrate import PRECISIONS, Calibration, calibrate
from pytest_perfmon.testing import FakeClock


def _calibrated(
    call_ns: int, *, precision_ns: int = 1, overhead_ns: int = 0, most: int = 100, stalls=()
) -> tuple[Calibration, list[tuple[int, list[int]]]]:
    clock = FakeClock()
    clock.precision_ns, clock.overhead_ns = precision_ns, overhead_ns
    stalls = iter(stalls)
    rounds = []
    course = calibrate(clock, most=most)
    while True:
        try:
            batch = next(course)
        except StopIteration as stop:
            return stop.value, rounds
        for _ in range(batch.most):
            took_ns = batch.calls_per_value * call_ns + next(stalls, 0)
            clock.advance(took_ns + overhead_ns)
            batch.raw_ns.append(took_ns + overhead_ns)
            if clock.now_ns() >= batch.until_ns:
                break
        rounds.append((batch.calls_per_value, batch.raw_ns))


@given(call_ns=st.integers(1, 10**6), precision_ns=st.integers(1, 500))
def test_a_stretch_is_the_shortest_doubling_that_the_clock_resolves(call_ns, precision_ns):
    """Stretches last 100 times the precision, and half as many calls would not."""
    calibration, _ = _calibrated(call_ns, precision_ns=precision_ns)
    calls, enough_ns = calibration.calls_per_value, PRECISIONS * precision_ns
    assert calls.bit_count() == 1
    assert calls * call_ns >= enough_ns
    assert calls == 1 or calls // 2 * call_ns < enough_ns


@given(st.integers(1, 10**6))
def test_only_the_last_round_is_kept(call_ns):
    """The stretches of the last round are data; those of shorter ones are dropped."""
    calibration, rounds = _calibrated(call_ns, precision_ns=50)
    calls, raw_ns = rounds[-1]
    assert (calibration.calls_per_value, list(calibration.raw_ns)) == (calls, raw_ns)
    assert [calls for calls, _ in rounds] == [2**power for power in range(len(rounds))]


def test_a_call_that_is_long_enough_stands_alone():
    """A call of 100 times the precision has a value to itself."""
    assert _calibrated(100, precision_ns=1)[0].calls_per_value == 1


def test_an_interruption_is_not_taken_for_the_call():
    """One stretch that is long by accident does not end the calibration."""
    calibration, _ = _calibrated(10, precision_ns=1, stalls=[5_000])
    assert calibration.calls_per_value == 16


def test_the_clocks_overhead_is_not_taken_for_the_call():
    """What a reading costs does not count towards the stretch."""
    assert _calibrated(10, precision_ns=1, overhead_ns=90)[0].calls_per_value == 16


def test_a_slow_call_is_calibrated_by_one_call():
    """A call longer than a slice is made once and kept."""
    calibration, rounds = _calibrated(50_000_000)
    assert calibration == Calibration(1, (50_000_000,))
    assert len(rounds) == 1


def test_no_more_stretches_are_kept_than_are_wanted():
    """A fixed number of rounds below three is not exceeded by calibration."""
    assert len(_calibrated(1_000, most=2)[0].raw_ns) == 2


def test_a_clock_that_stands_still_is_an_error_that_says_so():
    """Doubling ends, with the number of calls and what the clock showed."""
    with pytest.raises(MeasurementError, match=r"1,048,576 calls took 0 ns: expected at least 100"):
        _calibrated(0)
