"""The timed loop: what it calls, what it counts, when it stops."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import time
from itertools import pairwise

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from measure.undisturbed import drive, undisturbed

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.measure.clock import SystemClock
from pytest_perfmon.measure.plan import MOST_VALUES, Plan
from pytest_perfmon.measure.rounds import (
    Measured,
    Measuring,
    Task,
    measure_awaitables,
    measure_calls,
)
from pytest_perfmon.model.measurement import Measurement
from pytest_perfmon.testing import FakeClock, ScriptedCall

MS = 1_000_000


def never(_: object) -> bool:
    """Leave everything undecided."""
    return False


def always(_: object) -> bool:
    """Have everything decided at once."""
    return True


class Work:
    """A scripted function that can be measured in both ways."""

    def __init__(self, *durations: int | str) -> None:
        self.clock = FakeClock()
        self.script = ScriptedCall(self.clock, durations)

    def task(self, **changes) -> Task:
        """Describe its measurement."""
        settings = {"clock": self.clock, "plan": Plan(), "decided": never, **changes}
        return Task("work", self.script, **settings)


def measured(task: Task, how: str) -> Measured:
    """Measure a task as a function, or as a coroutine function driven in one of three ways."""
    if how == "calls":
        return measure_calls(task)

    async def call(*args: object, **kwargs: object) -> object:
        await _pause(how)
        return task.call(*args, **kwargs)

    twin = _with_call(task, call)
    if how == "by hand":
        return drive(measure_awaitables(twin))
    if how == "asyncio":
        return asyncio.run(measure_awaitables(twin))
    return trio.run(measure_awaitables, twin)


async def _pause(how: str) -> None:
    if how == "asyncio":
        await asyncio.sleep(0)
    elif how == "trio":
        await trio.lowlevel.checkpoint()


def _with_call(task: Task, call) -> Task:
    settings = {name: getattr(task, name) for name in Task.__dataclass_fields__}
    return Task(**{**settings, "call": call})


ways = pytest.mark.parametrize("how", ["calls", "by hand", "asyncio", "trio"])
twins = pytest.mark.parametrize("how", ["calls", "by hand"])


@ways
def test_the_calls_reported_are_those_made(how):
    """Calls made are those reported and the two of the warm-up, and values are what they took."""
    work = Work("5ms")
    measurement, result = measured(work.task(), how)
    assert measurement.values_ns == (5 * MS,) * 200
    assert (measurement.rounds, measurement.calls, measurement.unit) == (200, 200, "call")
    assert result == work.script.calls == 202


@twins
def test_the_last_result_is_handed_on(how):
    """The function gets its arguments, and its last result comes back."""
    work = Work("5ms")

    def call(first: int, *, second: int) -> tuple[int, int, int]:
        return first, second, work.script()

    task = _with_call(work.task(args=(1,), kwargs={"second": 2}, plan=Plan(rounds=3)), call)
    assert measured(task, how).result == (1, 2, 5)


@twins
@given(rounds=st.integers(1, 50), call_ns=st.integers(1, 3 * MS), decided=st.booleans())
def test_a_fixed_number_of_rounds_is_exact(how, rounds, call_ns, decided):
    """So many values are made, whatever the time, the calibration and the decisions."""
    work = Work(call_ns)
    plan = Plan(rounds=rounds, max_time_ns=1, min_rounds=rounds + 1)
    measurement, _ = measured(work.task(plan=plan, decided=lambda _: decided), how)
    assert len(measurement.values_ns) == measurement.rounds == rounds


@twins
def test_one_round_is_one_call(how):
    """A body that cannot be repeated is called once, with `rounds=1`, and timed."""
    work = Work("3ms", "4ms")
    measurement, result = measured(work.task(plan=Plan(rounds=1), count_memory=True), how)
    assert (measurement.values_ns, result) == ((3 * MS,), 1)
    assert work.script.calls == 1


@twins
def test_short_calls_share_a_stretch(how):
    """A call of 3 ns on a clock of 1 ns is timed in stretches of 64 calls, all accounted for."""
    work = Work(3)
    plan = Plan(rounds=10, warmup_ns=0)
    measurement, result = measured(work.task(plan=plan), how)
    assert (measurement.calls_per_value, measurement.unit) == (64, "per-round mean")
    assert measurement.values_ns == (192,) * 10
    thrown_away = 1 + 3 * (1 + 2 + 4 + 8 + 16 + 32)
    assert measurement.calls == 640
    assert result == 640 + thrown_away


@twins
def test_decisions_are_told_nanoseconds_per_call(how):
    """Where calls share a stretch, the decision is told the mean of each."""
    work, told = Work(3), []
    plan = Plan(min_rounds=5)
    measured(work.task(plan=plan, decided=lambda new: bool(told.extend(new)) or True), how)
    assert set(told) == {3.0}


@twins
def test_warm_up_is_not_in_the_figures(how):
    """Slow first calls are thrown away until calls get no faster."""
    clock = FakeClock()
    durations = iter([30, 20, 10])
    task = Task(
        "work",
        lambda: clock.advance(next(durations, 5) * MS),
        clock=clock,
        plan=Plan(rounds=10),
        decided=never,
    )
    assert measured(task, how).measurement.values_ns == (5 * MS,) * 10


@twins
def test_warm_up_by_itself_takes_a_tenth_of_the_time_at_most(how):
    """Calls that never stop getting faster are measured all the same."""
    clock = FakeClock()
    durations = iter(range(60, 0, -10))
    task = Task(
        "work",
        lambda: clock.advance(next(durations) * MS),
        clock=clock,
        plan=Plan(rounds=2, max_time_ns=1_000 * MS),
        decided=never,
    )
    assert measured(task, how).measurement.values_ns == (40 * MS, 30 * MS)


@twins
@pytest.mark.parametrize(("warmup_ns", "calls"), [(0, 1), (50 * MS, 10), (52 * MS, 11)])
def test_a_warm_up_of_a_given_length_takes_it(how, warmup_ns, calls):
    """The warm-up starts no call after its time, and is never less than one call."""
    work = Work("5ms")
    plan = Plan(rounds=4, warmup_ns=warmup_ns)
    measured(work.task(plan=plan), how)
    assert work.script.calls == calls + 4


@twins
def test_it_stops_when_all_is_decided(how):
    """The first slice after which all is decided is the last."""
    work, told = Work("5ms"), []

    def decided(new) -> bool:
        told.extend(new)
        return len(told) == 68

    assert measured(work.task(decided=decided), how).measurement.rounds == 68


@twins
def test_a_decision_waits_for_the_least_number_of_rounds(how):
    """However early all is decided, `min_rounds` are made."""
    plan = Plan(min_rounds=30)
    work = Work("5ms")
    assert measured(work.task(decided=always, plan=plan), how).measurement.rounds == 30


@twins
@given(
    durations=st.lists(st.integers(1, 400 * MS), min_size=1, max_size=8),
    cap_ns=st.integers(1, 1_000 * MS),
)
def test_the_time_cap_is_overshot_by_one_call_at_most(how, durations, cap_ns):
    """However unevenly calls take, the last one begins before the cap."""
    work = Work(*durations)
    plan = Plan(max_time_ns=cap_ns, warmup_ns=0, min_rounds=1_000)
    task = work.task(plan=plan, setup=lambda: None)
    measurement, _ = measured(task, how)
    assert sum(measurement.values_ns[:-1]) < cap_ns


@twins
def test_setup_time_counts_towards_the_cap(how):
    """A slow setup does not make the measurement longer than its cap and one call."""
    work = Work("1ms")
    task = work.task(plan=Plan(max_time_ns=100 * MS), setup=lambda: work.clock.advance("9ms"))
    assert measured(task, how).measurement.rounds == 10


@twins
def test_setup_and_teardown_are_outside_the_clock(how):
    """Both run around every call, warm-up included, and in no value."""
    work, log = Work("5ms"), []

    def setup() -> None:
        log.append("setup")
        work.clock.advance("70ms")

    def teardown() -> bool:
        log.append("teardown")
        work.clock.advance("80ms")
        return True

    task = work.task(setup=setup, teardown=teardown, plan=Plan(rounds=6))
    task = _with_call(task, lambda: (log.append("call"), work.script())[1])
    measurement, _ = measured(task, how)
    assert measurement.values_ns == (5 * MS,) * 6
    assert log == ["setup", "call", "teardown"] * work.script.calls


@twins
def test_with_a_setup_there_is_one_call_per_value(how):
    """Calls that need a setup never share a stretch, short as they may be."""
    work = Work(3)
    task = work.task(setup=lambda: None, plan=Plan(rounds=4))
    measurement, _ = measured(task, how)
    assert (measurement.calls_per_value, measurement.values_ns) == (1, (3,) * 4)


@twins
@pytest.mark.parametrize("role", ["setup", "teardown"])
def test_what_a_setup_or_teardown_returns_is_ignored(how, role):
    """A function that gives something, such as one that makes a cache, serves as it is."""
    work = Work("5ms")
    measurement, _ = measured(work.task(**{role: lambda: (1, 2)}, plan=Plan(rounds=4)), how)
    assert measurement.values_ns == (5 * MS,) * 4


@twins
@pytest.mark.parametrize("role", ["setup", "teardown"])
def test_a_coroutine_as_setup_or_teardown_is_an_error(how, role):
    """Nothing would await it."""

    async def forgotten() -> None:
        """Be never awaited."""

    with pytest.raises(MeasurementError, match=f"{role} of 'work' returned <coroutine"):
        measured(Work("5ms").task(**{role: forgotten}), how)


@ways
def test_an_error_in_the_third_round_comes_through(how):
    """The very exception is raised, teardown has run, and everything is as it was."""
    error, log = ValueError("third"), []
    calls = iter(range(1, 10))

    def call() -> None:
        if next(calls) == 5:
            raise error

    found = gc.isenabled(), sys.gettrace(), random.getstate()
    task = _with_call(
        Work("5ms").task(
            plan=Plan(rounds=5, warmup_ns=MS),
            teardown=lambda: log.append("teardown"),
            on_interrupt=log.append,
        ),
        call,
    )
    with pytest.raises(ValueError, match="third") as raised:
        measured(task, how)
    assert raised.value is error
    assert log == ["teardown"] * 5
    assert (gc.isenabled(), sys.gettrace(), random.getstate()) == found


@twins
def test_an_error_in_the_first_call_tears_down(how):
    """A function that fails at once is torn down like any other call."""
    log = []
    task = Work("5ms").task(teardown=lambda: log.append("teardown"))
    with pytest.raises(ZeroDivisionError):
        measured(_with_call(task, lambda: 1 / 0), how)
    assert log == ["teardown"]


@twins
@pytest.mark.parametrize("error", [KeyboardInterrupt, asyncio.CancelledError])
def test_an_interruption_hands_over_what_was_measured(how, error):
    """Ctrl-C and cancellation come through, and the figures so far are told before."""
    work, told = Work("1ms"), []

    def call() -> None:
        if work.script() == 9:  # amid a slice
            raise error

    task = work.task(plan=Plan(warmup_ns=0), on_interrupt=told.append)
    found = gc.isenabled()
    with pytest.raises(error):
        measured(_with_call(task, call), how)
    (partial,) = told
    assert (partial.values_ns, partial.rounds, partial.interrupted) == ((MS,) * 7, 7, True)
    assert gc.isenabled() is found


@twins
def test_an_interruption_before_the_first_value_tells_nothing(how):
    """Without a value there are no figures to show."""
    work, told = Work("1ms"), []

    def call() -> None:
        if work.script() == 2:
            raise KeyboardInterrupt

    task = _with_call(work.task(plan=Plan(warmup_ns=0), on_interrupt=told.append), call)
    with pytest.raises(KeyboardInterrupt):
        measured(task, how)
    assert told == []


@twins
def test_the_collector_is_off_in_calls_and_back_between_slices(how):
    """Calls run without gc; decisions and progress run with it as it was found."""
    inside, between = set(), set()
    work = Work("5ms")
    task = work.task(
        plan=Plan(rounds=5),
        tick=lambda *_: between.add(gc.isenabled()),
        decided=lambda _: bool(between.add(gc.isenabled())),
    )
    call = lambda: (inside.add(gc.isenabled()), work.script())  # noqa: E731 - one line of a test
    found = gc.isenabled()
    measured(_with_call(task, call), how)
    assert (inside, between) == ({False}, {found})


@undisturbed
def test_tracers_see_the_first_call_and_no_other():
    """Coverage sees the body once, outside the timed part."""
    seen = []
    work = Work("5ms")

    def body() -> None:
        work.script()

    def trace(frame, event, _arg) -> None:
        if frame.f_code is body.__code__:
            seen.append(event)

    task = _with_call(work.task(plan=Plan(rounds=5)), body)
    sys.settrace(trace)
    measure_calls(task)
    sys.settrace(None)
    assert seen == ["call"]


@twins
def test_progress_is_told_between_slices(how):
    """Each slice tells how many values there are and how much time has passed."""
    told = []
    work = Work("5ms")
    task = work.task(plan=Plan(rounds=3), tick=lambda *now: told.append(now))
    measured(task, how)
    assert told == [(1, 5 * MS), (2, 10 * MS), (3, 15 * MS)]


@twins
def test_the_clocks_overhead_is_taken_off(how):
    """Values are without what the clock itself costs, and never below 0."""
    work = Work(90, 110)
    work.clock.overhead_ns = 100
    task = work.task(plan=Plan(rounds=4), setup=lambda: None)
    assert set(measured(task, how).measurement.values_ns) == {0, 10}


@twins
def test_the_clock_is_read_twice_for_each_value(how):
    """A slice of n values reads the clock 2 n times, not once more."""
    work = Work("100us")
    reads, told = [0], []
    clock = work.clock

    class Counting(FakeClock):
        def now_ns(self) -> int:
            reads[0] += 1
            return clock.now_ns()

    def decided(new) -> bool:
        told.append((len(new), reads[0]))
        return False

    task = work.task(clock=Counting(), decided=decided, plan=Plan(rounds=200, warmup_ns=0))
    measured(task, how)
    slices = [(made, after - before) for (_, before), (made, after) in pairwise(told[1:])]
    assert {made for made, _ in slices[:-1]} == {20}
    assert all(read == 2 * made + 1 for made, read in slices)  # and one to begin the slice


@twins
def test_a_control_is_read_before_and_after(how):
    """The reference loop stands around the measurement, five readings each."""
    assert len(measured(Work("5ms").task(), how).measurement.control_ns) == 10


@twins
def test_memory_is_counted_in_calls_of_its_own(how):
    """Counting makes four more calls, which are in no value."""
    work, kept = Work("5ms"), []
    task = work.task(plan=Plan(rounds=3, warmup_ns=0), count_memory=True, setup=kept.clear)
    task = _with_call(task, lambda: (work.script(), kept.append(bytes(100_000)))[0])
    measurement, _ = measured(task, how)
    assert work.script.calls == 1 + 3 + 4
    assert measurement.rounds == 3
    assert 100_000 <= measurement.peak_memory < 120_000
    assert measurement.allocations >= 1


@twins
def test_memory_is_not_counted_unless_asked(how):
    """Without the request there are no extra calls and no counts."""
    measurement, _ = measured(Work("5ms").task(), how)
    assert (measurement.peak_memory, measurement.allocations) == (None, None)


def test_the_first_result_tells_how_to_go_on():
    """A function that returns an awaitable is found out, and that awaitable is not lost."""
    work, awaited = Work("5ms"), []

    def call():
        async def later() -> int:
            awaited.append(work.script())
            return awaited[-1]

        return later()

    measuring = Measuring(_with_call(work.task(plan=Plan(rounds=3, warmup_ns=0)), call))
    assert measuring.awaits
    assert awaited == []
    measurement, result = drive(measuring.finish_awaiting())
    assert (measurement.rounds, result, awaited) == (3, 4, [1, 2, 3, 4])


def test_one_awaited_round_holds_the_call_and_the_await():
    """With one round, what happens before the awaitable comes back is in the value."""
    clock = FakeClock()

    def call():
        async def later() -> None:
            clock.advance("3ms")

        clock.advance("2ms")
        return later()

    task = Task("work", call, clock=clock, plan=Plan(rounds=1), decided=never)
    assert drive(measure_awaitables(task)).measurement.values_ns == (5 * MS,)


def test_a_coroutine_function_measured_as_a_function_is_an_error():
    """It says that the result has to be awaited, tears down, and leaves no warning behind."""
    torn = []

    async def call() -> None:
        """Be never awaited."""

    task = _with_call(Work("5ms").task(teardown=lambda: torn.append(1)), call)
    with pytest.raises(MeasurementError, match="of type coroutine, has to be awaited"):
        measure_calls(task)
    assert torn == [1]


def test_a_function_measured_as_a_coroutine_function_is_an_error():
    """It says that the result cannot be awaited, and tears down."""
    torn = []
    task = Work("5ms").task(teardown=lambda: torn.append(1))
    with pytest.raises(MeasurementError, match="of type int, cannot be awaited"):
        drive(measure_awaitables(task))
    assert torn == [1]


def test_a_class_that_could_be_awaited_is_a_plain_result():
    """Returning a class is returning a value, though its instances are awaitable."""
    task = _with_call(Work("5ms").task(plan=Plan(rounds=1)), lambda: asyncio.Future)
    assert measure_calls(task).result is asyncio.Future


@twins
@pytest.mark.parametrize("warmup_ns", [None, MS])
def test_a_measurement_ends_where_its_memory_does(how, warmup_ns):
    """A clock that stands still makes neither warm-up nor measurement endless."""
    clock, plan = FakeClock(), Plan(warmup_ns=warmup_ns)
    task = Task("work", int, clock=clock, plan=plan, decided=never, setup=lambda: None)
    assert measured(task, how).measurement.rounds == MOST_VALUES


def test_the_users_random_state_is_left_alone():
    """Measuring draws nothing from the shared generator."""
    found = random.getstate()
    measure_calls(Work(3).task(plan=Plan(rounds=10)))
    assert random.getstate() == found


def test_it_works_on_the_machines_own_clock():
    """Real calls on the real clock: the numbers of rounds and calls are those made."""
    made = [0]

    def call() -> None:
        made[0] += 1
        time.perf_counter_ns()

    told: list[Measurement] = []
    task = Task(
        "work",
        call,
        clock=SystemClock.measured(),
        plan=Plan(max_time_ns=20 * MS, warmup_ns=0),
        decided=never,
        on_interrupt=told.append,
    )
    measurement, _ = measure_calls(task)
    assert 0 < measurement.calls <= made[0]
    assert all(value >= 0 for value in measurement.values_ns)
