"""Which monitor code reports to when nobody handed it one."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from pytest_perfmon.monitor.ambient import (
    current_monitor,
    set_process_monitor,
    track_performance,
)
from pytest_perfmon.monitor.core import PerformanceMonitor


@track_performance("ambient.op")
def work():
    """A function of an application, decorated once and for all."""


def divide_by_zero_under(monitor):
    """Fail while that monitor is the ambient one."""
    assert current_monitor() is monitor
    raise ZeroDivisionError


@pytest.fixture
def process_monitor():
    """A process-wide monitor of the test's own."""
    monitor = PerformanceMonitor()
    previous = set_process_monitor(monitor)
    yield monitor
    set_process_monitor(previous)


def test_there_is_always_a_monitor():
    """Without any setting there is a process-wide monitor, always the same."""
    assert isinstance(current_monitor(), PerformanceMonitor)
    assert current_monitor() is current_monitor()


def test_setting_gives_the_previous_one(process_monitor):
    """Who sets the process-wide monitor can put back what was there."""
    other = PerformanceMonitor()
    assert set_process_monitor(other) is process_monitor
    assert current_monitor() is other
    assert set_process_monitor(process_monitor) is other


def test_a_decorated_function_reports_where_it_is_called(process_monitor, monitor):
    """The monitor is looked up at each call, not at decoration."""
    work()
    with monitor.activate():
        work()
        work()
    assert process_monitor.get_stats("ambient.op").count == 1
    assert monitor.get_stats("ambient.op").count == 2


def test_a_disabled_ambient_monitor_costs_no_result(process_monitor):
    """Where the ambient monitor is switched off, functions of all kinds just run."""

    @track_performance("op")
    def plain():
        return 1

    @track_performance("op")
    async def coroutine():
        return 2

    with PerformanceMonitor(enabled=False).activate():
        assert plain() == 1
        assert asyncio.run(coroutine()) == 2
    assert process_monitor.get_stats("op") is None


def test_activation_nests_and_is_undone(process_monitor, monitor):
    """The innermost activation counts, and leaving restores, also after an error."""
    inner = PerformanceMonitor()
    with monitor.activate() as active:
        assert active is monitor
        with pytest.raises(ZeroDivisionError), inner.activate():
            divide_by_zero_under(inner)
        assert current_monitor() is monitor
    assert current_monitor() is process_monitor


def test_tasks_inherit_the_activation(process_monitor, monitor):
    """A task started inside an activation keeps it, and another beside it is not touched."""

    async def call():
        await asyncio.sleep(0)
        work()

    async def main():
        outside = asyncio.create_task(call())
        with monitor.activate():
            inside = asyncio.create_task(call())
        await asyncio.gather(outside, inside, asyncio.to_thread(work))

    asyncio.run(main())
    assert monitor.get_stats("ambient.op").count == 1
    assert process_monitor.get_stats("ambient.op").count == 2


def test_a_new_thread_reports_to_the_process(process_monitor, monitor):
    """A plain thread sees the process-wide monitor; one run in a copied context, the active one."""
    with monitor.activate():
        context = contextvars.copy_context()
        for target, args in ((work, ()), (context.run, (work,))):
            thread = threading.Thread(target=target, args=args)
            thread.start()
            thread.join()
    assert process_monitor.get_stats("ambient.op").count == 1
    assert monitor.get_stats("ambient.op").count == 1


def test_an_activation_may_end_in_another_context(process_monitor, monitor):
    """A block that is left in another context than it was entered in raises nothing."""

    def block():
        with monitor.activate():
            yield

    running = block()
    contextvars.copy_context().run(next, running)
    running.close()
    assert current_monitor() is process_monitor
