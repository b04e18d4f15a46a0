"""Monitored error handling: errors go on, and are reported with how long their call took."""

from __future__ import annotations

import asyncio

import pytest

from pytest_perfmon import ErrorContext, MonitoredErrorHandler


@pytest.fixture
def reported():
    """What was reported."""
    return []


@pytest.fixture
def handler(monitor, reported):
    """A handler that finds 100 ms slow."""

    def report(error, context):
        reported.append((error, context))

    return MonitoredErrorHandler(monitor, report, slow_threshold=100)


@pytest.mark.parametrize("duration", [100.0, 101.0])
def test_an_error_is_reported_with_its_performance(handler, monitor, clock, reported, duration):
    """The very error is raised, counted, and reported with operation, duration and grade."""

    def charge(amount, *, currency):
        clock.advance(f"{duration}ms")
        raise ValueError(amount, currency)

    with pytest.raises(ValueError, match="EUR") as raised:
        handler.handle("payment.process", charge, 5, currency="EUR")
    performance = "slow" if duration > 100 else "normal"
    assert reported == [(raised.value, ErrorContext("payment.process", duration, performance))]
    assert monitor.get_stats("payment.process").errors_by_type == {"ValueError": 1}
    assert monitor.get_stats("payment.process").max == duration


def test_a_success_is_counted_and_not_reported(handler, monitor, reported):
    """The result comes back."""
    assert handler.handle("op", divmod, 7, 2) == (3, 1)
    assert monitor.get_stats("op").success_count == 1
    assert reported == []


def test_an_awaitable_is_awaited_before_it_is_judged(handler, monitor, clock, reported):
    """An async function's error is that of its awaiting, with the time that this took."""

    async def fetch():
        clock.advance("300ms")
        await asyncio.sleep(0)
        raise TimeoutError

    async def main():
        waiting = handler.handle("fetch", fetch)
        clock.advance("5s")
        await waiting

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    ((_, context),) = reported
    assert context == ErrorContext("fetch", 300.0, "slow")
    assert monitor.get_stats("fetch").error_count == 1


def test_a_cancellation_is_no_error(handler, monitor, reported):
    """A task that nobody waits for any longer is counted apart and not reported."""

    async def main():
        task = asyncio.ensure_future(handler.handle("op", asyncio.sleep, 60))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(main())
    assert reported == []
    assert monitor.get_stats("op").cancelled_count == 1


def test_a_report_that_fails_hides_nothing(monitor, caplog):
    """The application's own error is raised, and the report's is logged once."""

    def report(error, context):
        raise ConnectionError("no tracker")

    handler = MonitoredErrorHandler(monitor, report)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            handler.handle("op", divmod, 1, 0)
    assert [str(one.exc_info[1]) for one in caplog.records] == ["no tracker"]
