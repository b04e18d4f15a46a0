"""The public helpers: a clock that moves when it is told to, and work that moves it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.errors import UsageError
from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.measure.loop import RoundLoop
from pytest_perfmon.measure.plan import Plan
from pytest_perfmon.testing import FakeClock, ScriptedCall, ScriptedRounds


def test_the_clock_moves_only_when_told():
    """It stands still while it is read, and shows exactly what it was advanced by."""
    clock: Clock = FakeClock()
    start = clock.now_ns()
    assert clock.now_ns() == start
    clock.advance("5ms")
    clock.advance(7)
    assert clock.now_ns() - start == 5_000_007


def test_pausing_moves_the_clock_at_once():
    """A pause of an hour is an advance of an hour."""
    clock = FakeClock()
    clock.pause(3_600)
    assert clock.now_ns() == 3_600 * 10**9


def test_the_clock_has_the_finest_precision_and_no_overhead():
    """Nothing is subtracted from scripted values, and short calls can stand alone."""
    clock = FakeClock()
    assert (clock.precision_ns, clock.overhead_ns) == (1, 0)


@pytest.mark.parametrize("bad", [-1, "5", "ms", "-5ms", "soon"])
def test_a_bad_duration_is_an_error_that_shows_it(bad):
    """A clock never runs backwards, and a text needs a unit."""
    clock = FakeClock()
    with pytest.raises(UsageError, match=f"a scripted duration is {bad!r}"):
        clock.advance(bad)
    with pytest.raises(UsageError, match=f"a scripted duration is {bad!r}"):
        ScriptedCall(clock, ["5ms", bad])


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=5), st.integers(0, 12))
def test_a_script_is_repeated_from_its_start(durations, calls):
    """Each call takes the next duration, round and round, and gives its own number."""
    clock = FakeClock()
    script = ScriptedCall(clock, durations)
    assert [script() for _ in range(calls)] == list(range(1, calls + 1))
    assert script.calls == calls
    assert clock.now_ns() == sum(durations[call % len(durations)] for call in range(calls))


def test_a_scripted_call_takes_any_arguments():
    """It stands in for whatever function is measured."""
    clock = FakeClock()
    ScriptedCall(clock, ["5ms"])(1, two=2)
    assert clock.now_ns() == 5_000_000


def test_an_empty_script_is_an_error():
    """A script without durations says nothing of how long a call takes."""
    with pytest.raises(UsageError, match="no durations: expected at least one"):
        ScriptedCall(FakeClock(), [])


def test_scripted_rounds_give_each_operation_its_own_script():
    """Operations of one body go through their scripts independently."""
    clock = FakeClock()
    work = ScriptedRounds(clock, {"db.query": ["5ms", "6ms"], "cache.get": ["100us"]})
    loop = RoundLoop(
        clock, Plan(rounds=4, warmup_ns=0), begin_round=lambda _: None, end_round=lambda *_: False
    )
    for _ in loop:
        work("db.query")
        work("cache.get")
    assert set(loop.values_ns) == {5_100_000, 6_100_000}


def test_an_operation_without_a_script_is_an_error():
    """It names the operation and those that have one."""
    work = ScriptedRounds(FakeClock(), {"db.query": ["5ms"]})
    with pytest.raises(UsageError, match=r"no script for 'db\.qery': expected one of db\.query"):
        work("db.qery")


def test_as_a_plugin_it_gives_the_clock_of_the_run(pytester):
    """With `-p pytest_perfmon.testing`, every test of a run is handed one and the same clock."""
    pytester.makepyfile(
        """
        from pytest_perfmon.testing import CLOCK_KEY, FakeClock

        def test_first(perf_clock, pytestconfig):
            assert type(perf_clock) is FakeClock
            assert pytestconfig.stash[CLOCK_KEY] is perf_clock
            perf_clock.advance("5ms")

        def test_second(perf_clock):
            assert perf_clock.now_ns() == 5_000_000
        """
    )
    others = ["-p", "no:randomly", "-p", "no:asyncio"]
    pytester.runpytest("-p", "pytest_perfmon.testing", *others).assert_outcomes(passed=2)
