"""A monitor whose clock stands still until a test moves it, and one on the real clock."""

from __future__ import annotations

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
