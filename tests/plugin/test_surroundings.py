"""What a measured test finds around it afterwards is what it found before: nothing is left off."""

from __future__ import annotations

import sys

import pytest

FORMS = """
import gc
import random
import sys
import threading
import pytest


@pytest.fixture
def work(perf_clock):
    calls = []

    def work():
        calls.append(1)
        perf_clock.advance("1ms")
        return len(calls)

    return work


def call(perf_monitor, work):
    perf_monitor(work)

def measure(perf_monitor, work):
    perf_monitor.measure("work", work, setup=list)

def rounds(perf_monitor, work):
    for _ in perf_monitor.rounds():
        work()

def left_by_break(perf_monitor, work):
    for _ in perf_monitor.rounds():
        if work() == 9:
            break

def left_by_an_error(perf_monitor, work):
    with pytest.raises(ZeroDivisionError):
        for _ in perf_monitor.rounds():
            1 / (9 - work())

def call_that_raises(perf_monitor, work):
    with pytest.raises(ZeroDivisionError):
        perf_monitor(lambda: 1 / (9 - work()))

in_every_form = pytest.mark.parametrize(
    "form", [call, measure, rounds, left_by_break, left_by_an_error, call_that_raises]
)
"""
HOOKS = """

def tracer(*args):
    return tracer

def profiler(*args):
    pass

def around():
    return (
        gc.isenabled(),
        sys.gettrace(),
        sys.getprofile(),
        threading.gettrace(),
        threading.getprofile(),
        random.getstate(),
    )

@pytest.fixture(params=[True, False], ids=["collecting", "not collecting"])
def busy(request):
    _, trace, profile, thread_trace, thread_profile, _ = around()
    (gc.enable if request.param else gc.disable)()
    threading.settrace(tracer)
    threading.setprofile(profiler)
    sys.setprofile(profiler)
    sys.settrace(tracer)
    before = around()
    yield
    after = around()
    sys.settrace(trace)
    sys.setprofile(profile)
    threading.settrace(thread_trace)
    threading.setprofile(thread_profile)
    gc.enable()
    assert after == before

@in_every_form
def test_form(perf_monitor, work, busy, form):
    before = around()
    form(perf_monitor, work)
    assert around() == before

@pytest.mark.budget(mean=50)
def test_body(work, busy):
    work()

@pytest.mark.budget(mean=50)
def test_body_that_fails(work, busy):
    assert work() < 9
"""
MONITORING = """

starts = []

@pytest.fixture
def tool():
    monitoring = sys.monitoring
    tool_id = 4
    monitoring.use_tool_id(tool_id, "of the test")
    monitoring.register_callback(
        tool_id, monitoring.events.PY_START, lambda code, _: starts.append(code.co_name)
    )
    monitoring.set_events(tool_id, monitoring.events.PY_START)
    yield
    monitoring.set_events(tool_id, 0)
    monitoring.register_callback(tool_id, monitoring.events.PY_START, None)
    monitoring.free_tool_id(tool_id)

def probe():
    pass

@in_every_form
def test_form(perf_monitor, work, tool, form):
    starts.clear()
    form(perf_monitor, work)
    assert starts.count("work") == 1
    probe()
    assert starts.count("probe") == 1
"""


def test_hooks_random_and_the_collector_are_as_they_were(project):
    """In every form, left in whatever way: the collector, tracers, profilers, random's state."""
    project.write(FORMS + HOOKS)
    result = project.run_apart("--perf-budgets", "--perf-rounds=20")
    result.assert_outcomes(passed=14, failed=2)
    result.stdout.fnmatch_lines(["*passes once, not repeatable*"] * 2)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in Python 3.12")
def test_monitoring_tools_are_as_they_were(project):
    """A tool sees the first call, none of those that are timed, and everything afterwards."""
    project.write(FORMS + MONITORING)
    result = project.run_apart("--perf-budgets", "--perf-rounds=20")
    result.assert_outcomes(passed=6)


def test_coverage_sees_what_is_measured(project, monkeypatch):
    """All lines of a measured function, and those after the measurement, count as covered."""
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    project.pytester.makepyfile(
        product="""
        def measured(clock):
            clock.advance("1ms")
            return [number for number in range(3)]

        async def awaited(clock):
            clock.advance("1ms")
            return 1

        def looped(clock):
            clock.advance("1ms")

        def repeated(clock):
            clock.advance("1ms")

        def afterwards():
            return 2
        """
    )
    project.write(
        """
        import asyncio
        import pytest
        import product

        def test_forms(perf_monitor, perf_clock):
            perf_monitor(product.measured, perf_clock)
            product.afterwards()

        def test_loop(perf_monitor, perf_clock):
            for _ in perf_monitor.rounds():
                product.looped(perf_clock)

        def test_awaited(perf_monitor, perf_clock):
            async def main():
                await perf_monitor(product.awaited, perf_clock)
            asyncio.run(main())

        @pytest.mark.budget(mean=50)
        def test_body(perf_clock):
            product.repeated(perf_clock)
        """
    )
    project.use("pytest_cov.plugin")
    result = project.run_apart(
        "--perf-budgets", "--perf-rounds=5", "--cov=product", "--cov-report=term-missing"
    )
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["product.py * 100%"])


FROZEN = {
    "freezegun": "freezegun.freeze_time('2020-01-01')",
    "time_machine": "time_machine.travel(1577836800, tick=False)",
}


@pytest.mark.parametrize("library", FROZEN)
def test_frozen_time_does_not_stop_the_clock(project, library):
    """The test's own time stands still, and the measurement goes on and comes to its end."""
    pytest.importorskip(library)
    project.plugins.remove("pytest_perfmon.testing")
    project.write(
        f"""
        import time
        import {library}
        import pytest

        def work():
            return sum(range(2_000))

        def test_frozen(perf_monitor):
            with {FROZEN[library]}:
                perf_monitor(work)
                assert time.time() == 1577836800

        def test_loop(perf_monitor):
            with {FROZEN[library]}:
                for _ in perf_monitor.rounds():
                    work()

        @pytest.mark.budget(mean="1s")
        def test_body():
            with {FROZEN[library]}:
                work()
        """
    )
    result = project.run_apart(
        "--perf-budgets", "--perf-max-time=20ms", "--perf-json=perf-report.json"
    )
    result.assert_outcomes(passed=3)
    figures = project.operations()
    assert set(figures) == {"test_frozen", "test_loop", "test_body"}
    assert all(one["min_ns"] > 0 for one in figures.values())
