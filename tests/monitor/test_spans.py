"""Spans: nested, recursive, across tasks and threads, and whatever ends them."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError as FutureCancelledError

import pytest
import trio

from pytest_perfmon.monitor.outcome import error_type_of, is_cancellation


def test_a_span_measures_its_block(monitor, clock):
    """The duration is from entering to leaving, in milliseconds, and there once it has ended."""
    span = monitor.track("op")
    clock.advance("50ms")
    with span as entered:
        clock.advance("3ms")
        assert entered is span
        assert span.duration is None
    clock.advance("50ms")
    assert span.duration == 3.0
    assert monitor.get_stats("op").avg == 3.0


def test_nested_spans_do_not_disturb_each_other(monitor, clock):
    """An outer span holds its inner one's time, and each counts for itself."""
    with monitor.track("outer"):
        clock.advance("1ms")
        with monitor.track("inner"):
            clock.advance("2ms")
        clock.advance("4ms")
    assert monitor.get_stats("outer").avg == 7.0
    assert monitor.get_stats("inner").avg == 2.0


def test_a_recursive_operation_counts_each_level(monitor, clock):
    """An operation inside itself is as many calls as there are, each with its own time."""

    def descend(levels):
        with monitor.track("op"):
            clock.advance("1ms")
            if levels > 1:
                descend(levels - 1)

    descend(3)
    stats = monitor.get_stats("op")
    assert (stats.count, stats.min, stats.max, stats.avg) == (3, 1.0, 3.0, 2.0)


def test_a_span_may_end_in_another_thread(monitor, clock):
    """A span entered here and left in another thread is one call with its whole time."""
    span = monitor.track("op")
    span.__enter__()
    clock.advance("5ms")
    thread = threading.Thread(target=span.__exit__, args=(None, None, None))
    thread.start()
    thread.join()
    assert monitor.get_stats("op").avg == 5.0


def test_spans_of_tasks_that_take_turns_stay_apart(monitor, clock):
    """Two tasks that interleave inside one operation, one ending the other's span, count twice."""

    async def main():
        spans = []

        async def begin():
            spans.append(monitor.track("op").__enter__())
            await asyncio.sleep(0)

        async def end(which):
            clock.advance("1ms")
            spans[which].__exit__(None, None, None)

        await asyncio.gather(begin(), begin())
        await asyncio.gather(end(1), end(0))

    asyncio.run(main())
    stats = monitor.get_stats("op")
    assert (stats.count, stats.min, stats.max) == (2, 1.0, 2.0)


@pytest.mark.parametrize("error", [ValueError("v"), KeyboardInterrupt(), SystemExit(3)])
def test_what_is_raised_is_counted_and_goes_on_unchanged(monitor, clock, error):
    """Every exception is a failure with its duration and type, and the very same object after."""

    def work():
        with monitor.track("op"):
            clock.advance("2ms")
            raise error

    with pytest.raises(type(error)) as caught:
        work()
    assert caught.value is error
    stats = monitor.get_stats("op")
    assert (stats.count, stats.error_count, stats.success_rate, stats.avg) == (1, 1, 0.0, 2.0)
    assert stats.errors_by_type == {type(error).__name__: 1}


def test_cancellation_is_counted_apart(monitor):
    """A task that is cancelled inside a span has neither succeeded nor failed."""

    async def main():
        async def wait():
            with monitor.track("op"):
                await asyncio.Event().wait()

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    stats = monitor.get_stats("op")
    assert (stats.count, stats.cancelled_count, stats.errors_by_type) == (0, 1, {})


def test_trios_cancellation_is_counted_apart(monitor):
    """A trio scope that runs out inside a span has neither succeeded nor failed."""

    async def main():
        with trio.CancelScope() as scope:
            scope.cancel()
            with monitor.track("op"):
                await trio.lowlevel.checkpoint()

    trio.run(main)
    stats = monitor.get_stats("op")
    assert (stats.count, stats.cancelled_count) == (0, 1)


def test_what_counts_as_cancellation():
    """Groups and subclasses of cancellations count; the result of a cancelled future does not."""

    class Own(asyncio.CancelledError):
        pass

    cancelled = asyncio.CancelledError()
    assert is_cancellation(Own())
    assert is_cancellation(BaseExceptionGroup("", [cancelled, GeneratorExit()]))
    assert not is_cancellation(BaseExceptionGroup("", [cancelled, ValueError()]))
    assert not is_cancellation(FutureCancelledError())
    assert not is_cancellation(KeyboardInterrupt())


def test_error_types_carry_their_module():
    """Two classes of one name are told apart; built-in ones stay short."""
    assert error_type_of(ValueError()) == "ValueError"
    assert error_type_of(FutureCancelledError()) == "concurrent.futures._base.CancelledError"


def test_a_flood_of_error_types_is_bounded(monitor):
    """Classes made at run time cannot fill the memory; no failure is lost."""
    for number in range(150):
        error = type(f"Error{number}", (Exception,), {})
        with pytest.raises(error), monitor.track("op"):
            raise error
    stats = monitor.get_stats("op")
    assert (len(stats.errors_by_type), stats.error_count) == (101, 150)
    assert stats.errors_by_type["__other__"] == 50
    assert sum(stats.errors_by_type.values()) == 150


def test_many_failures_are_folded_along_the_way(monitor):
    """Failures do not pile up until somebody reads them."""
    for _ in range(1000):
        monitor.record_metric("op", duration=1, success=False)
    assert len(monitor.operation("op").troubles) < 256
    assert monitor.get_stats("op").error_count == 1000
