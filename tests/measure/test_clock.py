"""The clock: what it says of itself, and that nobody freezes it."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import count, repeat
from pathlib import Path

import freezegun
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

import pytest_perfmon
from pytest_perfmon.measure.clock import (
    Clock,
    SystemClock,
    measure_overhead,
    measure_precision,
)
from pytest_perfmon.testing import FakeClock


def _runs(clock: Clock) -> bool:
    start = clock.now_ns()
    return any(clock.now_ns() != start for _ in range(1_000_000))


def test_the_system_clock_is_measured_once():
    """A process has one system clock, whose precision and overhead are whole nanoseconds."""
    clock = SystemClock.measured()
    assert clock is SystemClock.measured()
    assert isinstance(clock.precision_ns, int)
    assert isinstance(clock.overhead_ns, int)
    assert clock.precision_ns >= 1
    assert clock.overhead_ns >= 0


def test_freezegun_does_not_stop_it():
    """While freezegun holds every clock of the time module, ours runs."""
    clock = SystemClock.measured()
    with freezegun.freeze_time("2026-01-01"):
        assert _runs(clock)


def test_time_machine_does_not_stop_it():
    """While time-machine holds the time, ours runs."""
    clock = SystemClock.measured()
    with time_machine.travel(0, tick=False):
        assert _runs(clock)


@pytest.mark.parametrize(
    "freezing",
    [
        "import freezegun; freezegun.freeze_time('2026-01-01').start()",
        "import time_machine; time_machine.travel(0, tick=False).start()",
    ],
)
def test_a_clock_first_loaded_in_frozen_time_runs(freezing):
    """The order does not matter: loaded and measured while time stands still, ours runs."""
    program = (
        f"{freezing}\n"
        "from pytest_perfmon.measure.clock import SystemClock\n"
        "clock = SystemClock.measured()\n"
        "start = clock.now_ns()\n"
        "assert any(clock.now_ns() != start for _ in range(1_000_000))\n"
        "assert clock.precision_ns < 1_000_000\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(pytest_perfmon.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_measuring_needs_no_heavy_modules():
    """Loading all of measuring loads neither pytest nor numpy, asyncio or sqlite3."""
    program = (
        "import sys\n"
        "import pytest_perfmon.measure.rounds, pytest_perfmon.measure.loop\n"
        "print({'pytest', 'numpy', 'asyncio', 'sqlite3', 'jinja2', 'tabulate'} & set(sys.modules))"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("COV")
    } | {"PYTHONPATH": str(Path(pytest_perfmon.__file__).parents[1])}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    assert ran.stdout.strip() == "set()"


def test_pausing_lets_time_pass_on_the_same_clock():
    """After a pause, the clock shows at least the time that was asked for."""
    clock = SystemClock.measured()
    start = clock.now_ns()
    clock.pause(0.001)
    assert clock.now_ns() - start >= 1_000_000


@given(step=st.integers(1, 10**7), stall=st.integers(1, 10**9))
def test_precision_is_the_step_of_the_clock(step, stall):
    """A clock that moves in steps has them as precision, though most readings are interrupted."""
    interruptions = (stall if reading % 5 < 3 else 0 for reading in count())
    moved = 0

    def now_ns() -> int:
        nonlocal moved
        moved += step + next(interruptions)
        return moved

    assert measure_precision(now_ns) == step


def test_a_clock_that_shows_one_time_twice_has_its_next_step_as_precision():
    """Readings that show no difference are waited out."""
    ticks = (tick for tick in count(step=100) for _ in range(3))
    assert measure_precision(ticks.__next__) == 100


@given(st.integers(0, 10**6))
def test_overhead_is_what_a_pair_of_readings_shows(cost):
    """A start and a stop around nothing show the cost of one reading."""
    assert measure_overhead(count(step=cost).__next__ if cost else repeat(0).__next__) == cost


def test_both_clocks_are_clocks():
    """The fake and the real one offer the same four things."""
    for clock in (SystemClock.measured(), FakeClock()):
        for name in ("now_ns", "pause", "precision_ns", "overhead_ns"):
            assert hasattr(clock, name)
