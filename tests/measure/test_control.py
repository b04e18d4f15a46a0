"""The reference loop: so many readings, of work that nothing changes."""

from __future__ import annotations

import pytest

from pytest_perfmon.measure import control
from pytest_perfmon.measure.control import read_control
from pytest_perfmon.testing import FakeClock


@pytest.mark.parametrize("times", [1, 5])
def test_there_are_as_many_readings_as_were_asked_for(times):
    """Each reading is one run of the loop."""
    assert read_control(FakeClock(), times) == (0,) * times


def test_a_reading_is_the_loop_without_the_clocks_overhead(monkeypatch):
    """What a reading of the clock costs is taken off."""
    clock = FakeClock()
    clock.overhead_ns = 50
    monkeypatch.setattr(control, "_work", lambda: clock.advance("200us"))
    assert read_control(clock, 2) == (199_950, 199_950)


def test_a_reading_is_never_negative():
    """A loop that seems faster than the overhead reads 0."""
    clock = FakeClock()
    clock.overhead_ns = 50
    assert read_control(clock, 1) == (0,)


def test_the_work_is_the_same_every_time():
    """The loop computes one fixed number, so nothing but the machine changes its time."""
    assert len({control._work() for _ in range(3)}) == 1
