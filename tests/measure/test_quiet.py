"""Quiet surroundings: everything off inside, everything as it was outside."""

from __future__ import annotations

import cProfile
import gc
import itertools
import pstats
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure.undisturbed import undisturbed

from pytest_perfmon.measure.quiet import quiet


def _work() -> int:
    return 1 + 1


class Tracer:
    """A trace or profile function that notes what it is told."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, frame, event, _arg):
        """Be told."""
        if frame.f_code is _work.__code__:
            self.seen.append(event)
        return self


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_off_inside_and_as_found_after(was_on):
    """Inside, gc is off; after, it is in the state in which it was found."""
    found = gc.isenabled()
    try:
        (gc.enable if was_on else gc.disable)()
        with quiet():
            assert not gc.isenabled()
        assert gc.isenabled() is was_on
    finally:
        (gc.enable if found else gc.disable)()


@undisturbed
def test_trace_and_profile_functions_are_off_inside_and_back_after():
    """The four hooks are gone inside, and the very same functions are back after."""
    hooks = trace, profile, thread_trace, thread_profile = [Tracer() for _ in range(4)]
    sys.settrace(trace)
    sys.setprofile(profile)
    threading.settrace(thread_trace)
    threading.setprofile(thread_profile)
    with quiet():
        inside = [
            sys.gettrace(),
            sys.getprofile(),
            threading.gettrace(),
            threading.getprofile(),
        ]
        _work()
        thread = threading.Thread(target=_work)
        thread.start()
        thread.join()
    after = [sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()]
    sys.settrace(None)
    sys.setprofile(None)
    assert inside == [None] * 4
    assert after == hooks
    assert [hook.seen for hook in hooks] == [[]] * 4


@undisturbed
def test_a_tracer_sees_as_many_returns_as_calls():
    """A tracer that counts calls and returns ends where it began, so coverage stays right."""
    depth = []

    def trace(frame, event, arg):
        depth.append({"call": 1, "return": -1}.get(event, 0))
        return trace

    def stay() -> None:
        with quiet():
            _work()

    sys.settrace(trace)
    stay()
    sys.settrace(None)
    assert sum(depth) == 0
    assert depth


@undisturbed
def test_with_hooks_kept_only_the_collector_is_off():
    """`keep_hooks` leaves tracers on, so that they see the body."""
    tracer = Tracer()
    sys.settrace(tracer)
    with quiet(keep_hooks=True):
        _work()
        collecting = gc.isenabled()
    sys.settrace(None)
    assert tracer.seen == ["call", "line", "return"]
    assert not collecting


@undisturbed
def test_an_error_inside_puts_everything_back():
    """An exception goes through, and the surroundings are as they were."""
    tracer = Tracer()
    sys.settrace(tracer)
    gc.enable()
    with pytest.raises(ZeroDivisionError), quiet():
        _ = 1 / 0
    after = sys.gettrace(), gc.isenabled()
    sys.settrace(None)
    assert after == (tracer, True)


@undisturbed
def test_a_running_cprofile_pauses():
    """A `cProfile` records nothing from inside, and goes on recording after."""
    profiler = cProfile.Profile()
    profiler.enable()
    _work()
    with quiet():
        for _ in range(10):
            _work()
    _work()
    profiler.disable()
    calls = {key[2]: value[0] for key, value in pstats.Stats(profiler).stats.items()}
    assert calls["_work"] == 2


@undisturbed
def test_a_profiler_that_cannot_be_switched_on_again_is_left_alone(monkeypatch):
    """Where the profile object is neither callable nor a switch, nothing is done to it."""
    monkeypatch.setattr(sys, "getprofile", object)
    set_to = []
    monkeypatch.setattr(sys, "setprofile", set_to.append)
    with quiet():
        pass
    assert set_to == []


@undisturbed
def test_ctrl_c_while_entering_puts_everything_back(monkeypatch):
    """An interruption between two of the switches leaves none of them thrown."""
    tracer = Tracer()

    def interrupted(_: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    gc.enable()
    sys.settrace(tracer)
    monkeypatch.setattr(threading, "setprofile", interrupted)
    with pytest.raises(KeyboardInterrupt), quiet():
        pass
    after = sys.gettrace(), gc.isenabled()
    sys.settrace(None)
    assert after == (tracer, True)


@given(st.lists(st.booleans(), max_size=6))
def test_it_nests(kept):
    """However deep and in whichever mix, each level puts back what it found."""

    def descend(levels: list[bool]) -> None:
        found = sys.gettrace(), gc.isenabled()
        if levels:
            with quiet(keep_hooks=levels[0]):
                assert not gc.isenabled()
                descend(levels[1:])
        assert (sys.gettrace(), gc.isenabled()) == found

    @undisturbed
    def run() -> None:
        tracer = Tracer()
        gc.enable()
        sys.settrace(tracer)
        try:
            descend(kept)
        finally:
            sys.settrace(None)

    run()


@pytest.fixture
def tool():
    """A free `sys.monitoring` tool id, in use for the test."""
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is None:
        pytest.skip("sys.monitoring came with Python 3.12")
    free = next(number for number in (3, 4) if monitoring.get_tool(number) is None)
    monitoring.use_tool_id(free, "perfmon-test")
    yield free
    monitoring.set_events(free, 0)
    for event in (monitoring.events.PY_START, monitoring.events.LINE, monitoring.events.CALL):
        monitoring.register_callback(free, event, None)
    monitoring.free_tool_id(free)


def test_monitoring_tools_hear_nothing_inside_and_everything_after(tool):
    """Global and local events reach a tool before and after, and not inside."""
    monitoring = sys.monitoring
    starts, lines = [], []

    def on_start(code, offset):
        starts.append(code)

    def on_line(code, line):
        lines.append(code)

    monitoring.register_callback(tool, monitoring.events.PY_START, on_start)
    monitoring.register_callback(tool, monitoring.events.LINE, on_line)
    monitoring.set_events(tool, monitoring.events.PY_START)
    monitoring.set_local_events(tool, _work.__code__, monitoring.events.LINE)

    def heard() -> tuple[int, int]:
        return starts.count(_work.__code__), lines.count(_work.__code__)

    _work()
    assert heard() == (1, 1)
    with quiet():
        assert monitoring.get_events(tool) == 0
        _work()
    assert heard() == (1, 1)
    _work()
    assert heard() == (2, 2)
    assert monitoring.get_events(tool) == monitoring.events.PY_START
    assert monitoring.get_local_events(tool, _work.__code__) == monitoring.events.LINE
    assert monitoring.register_callback(tool, monitoring.events.LINE, None) is on_line
    assert monitoring.register_callback(tool, monitoring.events.PY_START, None) is on_start
    monitoring.set_local_events(tool, _work.__code__, 0)


def test_a_generator_may_stay_quiet_across_its_yields():
    """A generator that is closed while it is quiet puts everything back at once."""

    def rounds():
        for number in itertools.count():
            with quiet():
                yield number

    found = gc.isenabled()
    walk = rounds()
    next(walk)
    assert not gc.isenabled()
    walk.close()
    assert gc.isenabled() is found
