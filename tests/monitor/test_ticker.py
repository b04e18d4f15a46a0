"""What is done again and again in the background goes on whatever it raises, until it is closed."""

from __future__ import annotations

import os
import threading
import time
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_may_close_its_parents():
    """Forked while the thread is between any two of its steps, a child closes without waiting."""
    with Ticker(lambda: None, 1e-6, guard=Guard(LOGGER), name="perfmon-test") as ticker:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                ticker.close()
                os._exit(0)
            deadline = time.monotonic() + DEADLINE_S
            while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
                assert time.monotonic() < deadline, "a child waits for a lock"
                time.sleep(0.001)
            assert ended == (child, 0)
