"""`track_performance` on every kind of function."""

from __future__ import annotations

import asyncio
import functools
import inspect
from contextlib import contextmanager

import pytest

from pytest_perfmon.errors import UsageError
from pytest_perfmon.monitor.ambient import track_performance


@pytest.fixture(params=["bound", "ambient"])
def decorator(request, monitor):
    """The monitor's decorator, and the ambient one with the monitor activated."""
    if request.param == "bound":
        yield monitor.track_performance
    else:
        with monitor.activate():
            yield track_performance


def test_a_function_is_timed(decorator, monitor, clock):
    """Each call counts with its time; arguments and result pass through."""

    @decorator("op")
    def work(*args, **kwargs):
        clock.advance("2ms")
        return args, kwargs

    assert work(1, 2, key=3) == ((1, 2), {"key": 3})
    assert work() == ((), {})
    stats = monitor.get_stats("op")
    assert (stats.count, stats.avg) == (2, 2.0)


def test_many_calls_are_all_counted(decorator, monitor, clock):
    """Calls beyond what is pending are folded, and none is lost."""
    work = decorator("op")(lambda: clock.advance(100))
    for _ in range(1000):
        work()
    assert len(monitor.operation("op").pending) < 256
    stats = monitor.get_stats("op")
    assert (stats.count, stats.total_ns) == (1000, 100_000)


def test_a_failure_is_counted_and_goes_on(decorator, monitor, clock):
    """An exception is a failure with its time, and comes out as the same object."""
    error = ValueError("v")

    @decorator("op")
    def work():
        clock.advance("3ms")
        raise error

    for _ in range(2):
        with pytest.raises(ValueError, match="v") as caught:
            work()
        assert caught.value is error
    stats = monitor.get_stats("op")
    assert (stats.error_count, stats.avg, stats.errors_by_type) == (2, 3.0, {"ValueError": 2})


def test_a_slow_call_makes_an_event(decorator, monitor, clock):
    """A decorated function's slow call is watched like a span's."""
    work = decorator("op")(lambda: clock.advance("2s"))
    work()
    assert [event.slowness for event in monitor.events()] == ["slow"]


def test_a_coroutine_is_timed_until_its_result_is_there(decorator, monitor, clock):
    """The time of an `async def` is that of the await, not that of making the coroutine."""

    @decorator("op")
    async def work(value):
        clock.advance("5ms")
        await asyncio.sleep(0)
        clock.advance("5ms")
        return value

    async def main():
        waiting = work(7)
        clock.advance("100ms")
        return await waiting

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(main()) == 7
    assert monitor.get_stats("op").avg == 10.0


def test_coroutines_that_overlap_are_timed_each_for_itself(decorator, monitor, clock):
    """Calls that wait at the same time do not share their start."""

    @decorator("op")
    async def work(turns):
        for _ in range(turns):
            clock.advance("1ms")
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(work(1), work(3))

    asyncio.run(main())
    stats = monitor.get_stats("op")
    assert (stats.count, stats.min, stats.max) == (2, 2.0, 3.0)


def test_a_generator_is_timed_until_it_is_exhausted(decorator, monitor, clock):
    """Values, sent values, thrown errors and the result pass; one call is counted at the end."""

    @decorator("op")
    def work():
        clock.advance("1ms")
        received = yield "first"
        try:
            yield received
        except KeyError:
            clock.advance("2ms")
            yield "caught"
        return "result"

    assert inspect.isgeneratorfunction(work)
    running = work()
    clock.advance("100ms")
    assert next(running) == "first"
    assert running.send("sent") == "sent"
    assert running.throw(KeyError()) == "caught"
    assert monitor.get_stats("op") is None
    with pytest.raises(StopIteration) as stopped:
        next(running)
    assert stopped.value.value == "result"
    assert monitor.get_stats("op").avg == 3.0


def test_a_generator_that_is_closed_is_cancelled_once(decorator, monitor):
    """Closing runs the generator's own cleanup, and counts apart."""
    cleaned = []

    @decorator("op")
    def work():
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(True)

    for _ in work():
        break
    running = work()
    next(running)
    running.close()
    assert cleaned == [True, True]
    stats = monitor.get_stats("op")
    assert (stats.count, stats.cancelled_count) == (0, 2)


def test_a_generator_that_was_never_started_is_no_call(decorator, monitor):
    """Making a generator without stepping it counts nothing."""

    @decorator("op")
    def work():
        yield 1

    work().close()
    assert monitor.get_stats("op") is None


def test_an_async_generator_forwards_everything(decorator, monitor, clock):
    """Values, `asend`, `athrow` and the end pass through; one call is counted at the end."""

    @decorator("op")
    async def work():
        clock.advance("1ms")
        received = yield "first"
        try:
            yield received
        except KeyError:
            clock.advance("2ms")
            yield "caught"

    async def main():
        running = work()
        clock.advance("100ms")
        assert await anext(running) == "first"
        assert await running.asend("sent") == "sent"
        assert await running.athrow(KeyError()) == "caught"
        assert monitor.get_stats("op") is None
        assert await anext(running, "end") == "end"

    assert inspect.isasyncgenfunction(work)
    asyncio.run(main())
    stats = monitor.get_stats("op")
    assert (stats.count, stats.avg) == (1, 3.0)


def test_an_async_generator_that_is_closed_is_cancelled(decorator, monitor):
    """`aclose` runs the generator's own cleanup at once, and counts apart."""
    cleaned = []

    @decorator("op")
    async def work():
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(True)

    async def main():
        running = work()
        await anext(running)
        await running.aclose()
        assert cleaned == [True]

    asyncio.run(main())
    assert monitor.get_stats("op").cancelled_count == 1


def test_an_async_generators_failure_is_counted(decorator, monitor):
    """What an async generator raises, or does not catch, is one failure and goes on."""

    @decorator("op")
    async def work(error):
        yield 1
        raise error

    async def main():
        with pytest.raises(ValueError, match="own"):
            async for _ in work(ValueError("own")):
                pass
        running = work(None)
        await anext(running)
        with pytest.raises(OSError, match="thrown"):
            await running.athrow(OSError("thrown"))

    asyncio.run(main())
    assert monitor.get_stats("op").errors_by_type == {"ValueError": 1, "OSError": 1}


def test_methods_of_all_kinds_are_timed(decorator, monitor):
    """Below `staticmethod`, `classmethod` and `property` it works, and `self` arrives."""

    class Service:
        @decorator("op")
        def plain(self):
            return self

        @classmethod
        @decorator("op")
        def of_class(cls):
            return cls

        @staticmethod
        @decorator("op")
        def static(value):
            return value

        @property
        @decorator("op")
        def name(self):
            return "name"

    service = Service()
    assert service.plain() is service
    assert Service.of_class() is Service
    assert Service.static(3) == 3
    assert service.name == "name"
    assert monitor.get_stats("op").count == 4


def test_a_context_manager_may_be_made_of_it(decorator, monitor, clock):
    """Below `contextmanager`, the whole block is timed."""

    @contextmanager
    @decorator("op")
    def managed():
        yield "value"

    with managed() as value:
        clock.advance("4ms")
    assert value == "value"
    assert monitor.get_stats("op").avg == 4.0


def test_the_wrapper_looks_like_the_function(decorator):
    """Name, docstring, signature and the function itself are kept."""

    def work(first: int, *, second: str = "s") -> float:
        """Say something."""

    timed = decorator("op")(work)
    assert (timed.__name__, timed.__doc__) == ("work", "Say something.")
    assert timed.__qualname__ == work.__qualname__
    assert inspect.signature(timed) == inspect.signature(work)
    assert timed.__wrapped__ is work


def test_without_a_name_the_function_gives_it(decorator, monitor):
    """The default operation is the module and qualified name."""

    class Service:
        @decorator()
        def get(self):
            pass

    Service().get()
    (stats,) = monitor.get_stats()
    assert stats.operation == f"{__name__}.{Service.get.__qualname__}"


def test_what_is_no_function_is_refused(decorator):
    """Classes, static methods, values, forgotten parentheses and nameless callables are named."""
    for wrong in (dict, staticmethod(len), classmethod(len), 7):
        with pytest.raises(UsageError, match="expected a function"):
            decorator("op")(wrong)
    with pytest.raises(UsageError, match="without parentheses"):
        decorator(lambda: None)
    with pytest.raises(UsageError, match="has no name"):
        decorator()(functools.partial(int, "7"))
    with pytest.raises(UsageError, match="expected a text"):
        decorator("")(lambda: None)


def test_decorating_alone_takes_no_place(decorator, monitor):
    """A function that is never called is no operation."""
    decorator("op")(lambda: None)
    assert monitor.get_stats() == []
    assert monitor.operation("other") is not None
    assert list(monitor._operations) == ["other"]
