"""A monitor whose clock stands still until a test moves it, and threads in a hurry."""

from __future__ import annotations

import sys

import pytest

from pytest_perfmon.monitor.core import PerformanceMonitor
from pytest_perfmon.testing import FakeClock


@pytest.fixture
def clock():
    """The clock of the test's monitors."""
    return FakeClock()


@pytest.fixture
def monitor(clock):
    """A monitor as it comes, on the test's clock."""
    return PerformanceMonitor(clock_ns=clock.now_ns)


@pytest.fixture
def hasty_threads():
    """Threads that take turns a thousand times more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)
