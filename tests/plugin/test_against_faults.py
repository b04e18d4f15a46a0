"""`--perf-against` on tests that die, hang, fork or get in each other's way in its workers.

Each costs itself a NOT CHECKED that says why; the others get their verdicts.
"""

from __future__ import annotations

import textwrap

import pytest
from two_sides import TwoSides

pytestmark = pytest.mark.slow
tripled = pytest.approx(2.0, abs=1e-3)
START = """
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import pytest
from product import SLOW, work

IN_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
FAULTY = IN_WORKER and SLOW

def hang():
    time.sleep(60)

def test_before(perf_monitor, perf_clock):
    perf_monitor(work, perf_clock)
"""
END = """
def test_after(perf_monitor, perf_clock):
    perf_monitor(work, perf_clock)
"""


@pytest.fixture
def sides(project, tmp_path_factory, monkeypatch):
    """A project and its baseline, compared by way of a cache directory of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    return TwoSides(project, tmp_path_factory.mktemp("baseline"))


@pytest.fixture
def impatient(monkeypatch):
    """Sides that wait 2 s for each other, and 5 s for a test."""
    monkeypatch.setattr("pytest_perfmon.plugin.against._SLICE_SECONDS", 2.0)
    monkeypatch.setattr("pytest_perfmon.plugin.against._TEST_SECONDS", 5.0)


def compare(sides, tests, *options):
    """Run the A/B of these tests between two sound ones; give what each of them got."""
    sides.lay_out(START + textwrap.dedent(tests) + END)
    result = sides.compare("--perf-against-time=100ms", *options)
    got = sides.verdicts()
    sound = {name: got.pop(name) for name in ("test_before", "test_after")}
    assert sound == {"test_before": tripled, "test_after": tripled}, got
    assert result.ret == 0
    return got


def test_deaths(sides):
    """Exits, signals and crashes: the reason names the side and how its process ended."""
    got = compare(
        sides,
        """
        def test_exits(perf_monitor, perf_clock):
            perf_monitor(lambda: os._exit(3) if FAULTY else work(perf_clock))

        def test_is_killed(perf_monitor, perf_clock):
            perf_monitor.measure("test_killed", work, perf_clock)
            if FAULTY:
                os.kill(os.getpid(), signal.SIGKILL)

        def test_crashes(perf_monitor, perf_clock):
            perf_monitor(lambda: ctypes.string_at(0) if FAULTY else work(perf_clock))

        def test_leaves(perf_monitor, perf_clock):
            perf_monitor(lambda: sys.exit(4) if FAULTY else work(perf_clock))

        def test_ends_the_session(perf_monitor, perf_clock):
            perf_monitor(work, perf_clock)
            if FAULTY:
                pytest.exit("enough")
        """,
    )
    through = "the candidate did not come through it: "
    assert got == {
        "test_exits": f"{through}its process ended with exit code 3",
        "test_is_killed": f"{through}its process was ended by SIGKILL",
        "test_crashes": f"{through}its process was ended by SIGSEGV",
        "test_leaves": "the candidate could not run it: call failed: SystemExit: 4",
        "test_ends_the_session": f"{through}it ended the session",
    }
