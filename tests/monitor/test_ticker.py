"""What is done again and again in the background goes on whatever it raises, until it is closed."""

from __future__ import annotations

import threading
from queue import Queue

import pytest

from pytest_perfmon.monitor.core import LOGGER
from pytest_perfmon.monitor.guard import Guard
from pytest_perfmon.monitor.ticker import Ticker

DEADLINE_S = 20


def test_it_goes_on_after_errors_and_tells_one(caplog):
    """A function that raises is called again, and the log has its first error alone."""
    called = Queue()

    def broken():
        called.put(threading.current_thread())
        raise LookupError("no such thing")

    with Ticker(broken, 0.001, guard=Guard(LOGGER), name="perfmon-test"):
        threads = [called.get(timeout=DEADLINE_S) for _ in range(3)]
    assert len(set(threads)) == 1
    assert threads[0].name == "perfmon-test"
    assert threads[0].daemon
    threads[0].join(DEADLINE_S)
    assert not threads[0].is_alive()
    assert len(caplog.records) == 1


def test_a_closed_one_ends_without_a_further_call():
    """`close()` ends the thread at once, in the middle of its pause."""
    ticker = Ticker(pytest.fail, 3600, guard=Guard(LOGGER), name="perfmon-test")
    (thread,) = (one for one in threading.enumerate() if one.name == "perfmon-test")
    ticker.close()
    ticker.close()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
