"""Rounds of a loop's body: each timed, each told of, everything restored however it ends."""

from __future__ import annotations

import asyncio
import gc
import sys

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from measure.undisturbed import drive, undisturbed

from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.measure.loop import RoundLoop
from pytest_perfmon.measure.plan import Plan
from pytest_perfmon.testing import FakeClock, ScriptedCall

MS = 1_000_000


class Told:
    """A loop on a scripted clock, and what it tells its owner."""

    def __init__(self, *durations: int | str, decided_after: int | None = None, **options) -> None:
        self.clock = FakeClock()
        self.work = ScriptedCall(self.clock, durations)
        self.log: list[tuple[object, ...]] = []
        self._decided_after = decided_after
        options = {"plan": Plan(), **options}
        self.loop = RoundLoop(self.clock, begin_round=self._begin, end_round=self._end, **options)

    def _begin(self, warming: bool) -> None:
        self.log.append(("begin", warming))
        self.clock.advance("7ms")

    def _end(self, body_ns: int, warming: bool) -> bool:
        self.log.append(("end", body_ns, warming))
        self.clock.advance("8ms")
        return self._decided_after is not None and self.loop.rounds + 1 >= self._decided_after

    @property
    def warm_rounds(self) -> int:
        """How many rounds ended as warm-up."""
        return sum(entry[0] == "end" and entry[-1] is True for entry in self.log)


def walk(told: Told, how: str) -> None:
    """Walk through the loop, working in each round."""
    if how == "for":
        for _ in told.loop:
            told.work()
        return

    async def body() -> None:
        async for _ in told.loop:
            if how == "asyncio":
                await asyncio.sleep(0)
            elif how == "trio":
                await trio.lowlevel.checkpoint()
            told.work()

    if how == "by hand":
        drive(body())
    elif how == "asyncio":
        asyncio.run(body())
    else:
        trio.run(body)


ways = pytest.mark.parametrize("how", ["for", "by hand", "asyncio", "trio"])


@ways
def test_every_iteration_is_a_round_and_is_told(how):
    """Bodies run are rounds reported and warm-up rounds, and each value is a body's time."""
    told = Told("5ms", plan=Plan(rounds=6))
    walk(told, how)
    assert told.loop.values_ns == (5 * MS,) * 6
    assert told.loop.rounds == 6
    assert told.work.calls == told.warm_rounds + 6
    warm = [("begin", True), ("end", 5 * MS, True)] * told.warm_rounds
    assert told.log == warm + [("begin", False), ("end", 5 * MS, False)] * 6


@pytest.mark.parametrize("warmup_ns", [0, 100 * MS])
def test_warm_up_rounds_come_first(warmup_ns):
    """The warm-up follows the plan and is in no figure."""
    told = Told("5ms", plan=Plan(rounds=2, warmup_ns=warmup_ns))
    walk(told, "for")
    assert told.warm_rounds == max(1, warmup_ns // (20 * MS))


@ways
def test_it_ends_when_the_owner_says_so(how):
    """The round whose end decides everything is the last."""
    told = Told("5ms", decided_after=31)
    walk(told, how)
    assert told.loop.rounds == 31


def test_a_decision_waits_for_the_least_number_of_rounds():
    """However early all is decided, `min_rounds` are made."""
    told = Told("5ms", decided_after=1, plan=Plan(min_rounds=12))
    walk(told, "for")
    assert told.loop.rounds == 12


def test_what_the_owner_does_between_rounds_counts_towards_the_cap():
    """A round of 5 ms with 15 ms around it is made fifty times in a second."""
    told = Told("5ms")
    walk(told, "for")
    assert told.loop.rounds == 50


@given(st.lists(st.integers(1, 30 * MS), min_size=1, max_size=9))
def test_values_are_the_bodies_times_in_order(durations):
    """Whatever the bodies take, each value is one of them, none is left out and none is merged."""
    told = Told(*durations, plan=Plan(rounds=25))
    walk(told, "for")
    made = [durations[turn % len(durations)] for turn in range(told.work.calls)]
    assert list(told.loop.values_ns) == made[-25:]


def test_the_clocks_overhead_is_taken_off():
    """What the clock costs is neither in the values nor in what the owner is told."""
    told = Told("5ms", plan=Plan(rounds=2, warmup_ns=0))
    told.clock.overhead_ns = MS
    walk(told, "for")
    assert told.loop.values_ns == (4 * MS,) * 2
    assert {entry[1] for entry in told.log if entry[0] == "end"} == {4 * MS}


@ways
def test_one_round_is_one_iteration(how):
    """With `rounds=1` the body runs once and is timed, even where memory is asked for."""
    told = Told("5ms", plan=Plan(rounds=1), count_memory=True)
    walk(told, how)
    assert told.work.calls == told.loop.rounds == 1


@ways
def test_once_yields_once_and_measures_nothing(how):
    """In a plain run the body runs once, and nobody is told."""
    told = Told("5ms", once=True)
    walk(told, how)
    assert (told.work.calls, told.loop.rounds, told.log) == (1, 0, [])


def test_in_once_mode_the_body_runs_undisturbed():
    """In a plain run the collector stays as it is."""
    found = gc.isenabled()
    for _ in Told("5ms", once=True).loop:
        assert gc.isenabled() is found


@ways
def test_the_body_is_quiet_and_the_owner_is_not(how):
    """The collector is off in the body and as found in the callbacks."""
    inside, between = set(), set()
    clock = FakeClock()
    loop = RoundLoop(
        clock,
        Plan(rounds=4),
        begin_round=lambda _: between.add(gc.isenabled()),
        end_round=lambda *_: bool(between.add(gc.isenabled())),
    )
    found = gc.isenabled()
    told = Told("5ms")
    told.loop, told.work = loop, lambda: inside.add(gc.isenabled())
    walk(told, how)
    assert (inside, between) == ({False}, {found})


@undisturbed
def test_tracers_see_the_first_body_and_no_other():
    """Coverage sees the body once, in the first warm-up round."""
    seen = []

    def body() -> None:
        told.work()

    def trace(frame, event, _arg) -> None:
        if frame.f_code is body.__code__:
            seen.append(event)

    told = Told("5ms", plan=Plan(rounds=5))
    sys.settrace(trace)
    for _ in told.loop:
        body()
    after = sys.gettrace()
    sys.settrace(None)
    assert seen == ["call"]
    assert after is trace


def leave_by_break(told: Told, how: str) -> None:
    """Walk through the loop and leave it in the fourth round after the warm-up."""
    if how == "for":
        for _ in told.loop:
            if told.loop.rounds == 3:
                break
        told.log.append(("collecting", gc.isenabled()))
        return

    async def body() -> None:
        async for _ in told.loop:
            if told.loop.rounds == 3:
                break
        told.log.append(("collecting", gc.isenabled()))

    run = {"by hand": lambda: drive(body()), "asyncio": lambda: asyncio.run(body())}
    run.get(how, lambda: trio.run(body))()


@ways
def test_break_restores_everything_at_once(how):
    """A loop left by `break` is quiet no more, and the round that was left is not counted."""
    told = Told("5ms", plan=Plan(rounds=9, warmup_ns=0))
    found = gc.isenabled()
    leave_by_break(told, how)
    assert told.log[-2:] == [("begin", False), ("collecting", found)]
    assert told.loop.rounds == 3


@undisturbed
def test_an_error_in_the_third_round_restores_everything():
    """The very exception comes through, and tracer and collector are as they were."""
    error = ValueError("third")
    told = Told("5ms", plan=Plan(rounds=9, warmup_ns=0))

    def trace(_frame, _event, _arg) -> None:
        """See nothing."""

    def body() -> None:
        for _ in told.loop:
            if told.loop.rounds == 2:
                raise error

    gc.enable()
    sys.settrace(trace)
    with pytest.raises(ValueError, match="third") as raised:
        body()
    after = sys.gettrace(), gc.isenabled()
    sys.settrace(None)
    assert raised.value is error
    assert after == (trace, True)


def test_after_ctrl_c_the_rounds_that_were_made_are_there():
    """An interrupted loop still gives its figures, marked as interrupted."""
    told = Told("5ms", plan=Plan(rounds=9, warmup_ns=0))

    def body() -> None:
        for _ in told.loop:
            told.work()
            if told.loop.rounds == 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        body()
    partial = told.loop.measurement("body", interrupted=True)
    assert (partial.operation, partial.values_ns) == ("body", (5 * MS,) * 4)
    assert (partial.rounds, partial.interrupted) == (4, True)


def test_as_a_context_manager_it_restores_an_iterator_that_somebody_keeps():
    """Leaving `with loop:` ends the walk, though a reference to it is still held."""
    told = Told("5ms")
    found = gc.isenabled()
    with told.loop as loop:
        kept = iter(loop)
        next(kept)
        assert not gc.isenabled()
    assert gc.isenabled() is found
    with pytest.raises(StopIteration):
        next(kept)


def test_as_a_context_manager_around_nothing_it_does_nothing():
    """A loop that was never walked through, or that is gone, has nothing to restore."""
    with Told("5ms").loop:
        pass
    told = Told("5ms", plan=Plan(rounds=2))
    with told.loop:
        walk(told, "for")
    assert told.loop.rounds == 2


@pytest.mark.parametrize("once", [False, True])
def test_walking_twice_is_an_error(once):
    """A second walk would mix two loops' figures; it says what to do."""
    told = Told("5ms", plan=Plan(rounds=2), once=once)
    walk(told, "for")
    with pytest.raises(MeasurementError, match="second time: expected one loop for each call"):
        iter(told.loop)


def test_the_figures_hold_the_control():
    """The reference loop is read before the first round and after the last."""
    told = Told("5ms", plan=Plan(rounds=2))
    walk(told, "for")
    assert len(told.loop.measurement("body").control_ns) == 10


@ways
def test_memory_is_counted_in_rounds_that_are_no_figures(how):
    """Four more rounds are told as warm-up, and the counts are those of one body."""
    kept: list[list[bytes]] = []
    told = Told("5ms", plan=Plan(rounds=3, warmup_ns=0), count_memory=True)
    work, calls = told.work, []

    def keep() -> None:
        calls.append(work())
        kept.append([bytes(5_000) for _ in range(20)])

    told.work = keep
    walk(told, how)
    figures = told.loop.measurement("body")
    assert figures.rounds == 3
    assert told.log[-8:] == [("begin", True), ("end", 0, True)] * 4
    assert len(calls) == 1 + 3 + 4
    assert 100_000 <= figures.peak_memory < 120_000
    assert figures.allocations >= 1


def test_progress_is_told_after_each_round():
    """The number of rounds and the time since the warm-up are told."""
    ticks = []
    told = Told("5ms", plan=Plan(rounds=2), tick=lambda *now: ticks.append(now))
    walk(told, "for")
    assert ticks == [(1, 20 * MS), (2, 40 * MS)]
