"""`--perf-against` on tests that die, hang, fork or get in each other's way in its workers.

Each costs itself a NOT CHECKED that says why; the others get their verdicts.
"""

from __future__ import annotations

import os
import socket
import textwrap

import pytest
from two_sides import TwoSides

from pytest_perfmon.plugin import against  # loaded once, so that all runs see its limits changed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="has tests that fork, and file locks"),
]
tripled = pytest.approx(2.0, abs=1e-3)
SLICE_SECONDS = 4.0
TEST_SECONDS = 6.0
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

IN_WORKER = "PERFMON_SIDE" in os.environ
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
    """Sides that wait 4 s for each other, and are given 6 s for a test."""
    monkeypatch.setattr(against, "_SLICE_SECONDS", SLICE_SECONDS)
    monkeypatch.setattr(against, "_TEST_SECONDS", TEST_SECONDS)


def compare(sides, tests, *options):
    """Run the A/B of these tests between two sound ones; give what each of them got."""
    sides.lay_out(START + textwrap.dedent(tests) + END)
    result = sides.compare("--perf-against-time=100ms", *options)
    got = sides.verdicts()
    sound = {name: got.pop(name) for name in ("test_before", "test_after")}
    assert sound == {"test_before": tripled, "test_after": tripled}, got
    assert result.ret == 0
    return got


def test_deaths(sides, tmp_path_factory):
    """Exits, signals and crashes: the reason names the side and how its process ended.

    A side that can still tear its fixtures down is given the time for it.
    """
    said = tmp_path_factory.mktemp("said") / "said.txt"
    got = compare(
        sides,
        f"""
        @pytest.fixture(scope="session")
        def slow_to_end():
            say("up")
            yield
            if FAULTY:
                time.sleep(6)
            say("down")

        def say(what):
            with open({str(said)!r}, "a") as file:
                file.write(what + "\\n")

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

        def test_ends_the_session(perf_monitor, perf_clock, slow_to_end):
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
    assert sorted(said.read_text().split()) == ["down"] * 3 + ["up"] * 3


def test_hangs(sides, impatient):
    """In a set-up, in a slice, on one side or both: the side is ended, and the run goes on."""
    got = compare(
        sides,
        """
        @pytest.fixture
        def hanging():
            if IN_WORKER:
                hang()

        @pytest.fixture
        def hanging_on_one_side():
            if FAULTY:
                hang()

        def test_hangs_in_both_setups(perf_monitor, perf_clock, hanging):
            perf_monitor(work, perf_clock)

        def test_hangs_in_a_setup(perf_monitor, perf_clock, hanging_on_one_side):
            perf_monitor(work, perf_clock)

        def test_hangs_in_a_slice(perf_monitor, perf_clock):
            calls = []

            def late():
                calls.append(1)
                if FAULTY and len(calls) == 6:
                    hang()
                work(perf_clock)

            perf_monitor(late)

        def test_dies_and_leaves_a_child(perf_monitor, perf_clock):
            if FAULTY:
                if os.fork() == 0:
                    time.sleep(20)
                    os._exit(0)
                os._exit(5)
            perf_monitor(work, perf_clock)
        """,
    )
    through = "the candidate did not come through it: "
    too_long = (
        f"{through}it took longer than {TEST_SECONDS:g} s, which --perf-against-time may extend"
    )
    assert got.pop("test_hangs_in_both_setups") in (
        too_long,
        too_long.replace("candidate", "baseline"),
    )
    assert got == {
        "test_hangs_in_a_setup": too_long,
        "test_hangs_in_a_slice": too_long,
        "test_dies_and_leaves_a_child": f"{through}its process ended with exit code 5",
    }


def test_noise_forks_and_threads(sides):
    """Heaps of output do no harm; where there are threads or children, the verdict says so."""
    got = compare(
        sides,
        """
        def test_prints(perf_monitor, perf_clock):
            os.write(1, b"x" * 3_000_000)
            print("y" * 3_000_000, file=sys.stderr)
            perf_monitor(lambda: [print("z" * 10_000), work(perf_clock)])

        def test_fork_comes_back(perf_monitor, perf_clock):
            if IN_WORKER:
                child = os.fork()
                if child:
                    os.waitpid(child, 0)
            perf_monitor(work, perf_clock)

        def test_fork_comes_back_in_a_slice(perf_monitor, perf_clock):
            parent = os.getpid()
            calls = []

            def forking():
                calls.append(1)
                if IN_WORKER and os.getpid() == parent and len(calls) == 6:
                    os.fork()
                work(perf_clock)

            perf_monitor(forking)

        def test_child_lives_on(perf_monitor, perf_clock):
            child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
            perf_monitor(work, perf_clock)
            child.communicate(b"")

        def test_threads(perf_monitor, perf_clock):
            over = threading.Event()
            thread = threading.Thread(target=over.wait)
            thread.start()
            perf_monitor(work, perf_clock)
            over.set()
            thread.join()
        """,
        "-s",
    )
    names = ("test_prints", "test_fork_comes_back", "test_fork_comes_back_in_a_slice")
    apart = ("test_child_lives_on", "test_threads")
    assert got == dict.fromkeys((*names, *apart), tripled)
    doubted = {name for name, said in sides.warnings().items() if "without a CPU" in str(said)}
    assert doubted >= set(apart)
    assert not doubted & {"test_before", "test_prints"}


def test_fixtures_that_cannot_live_twice(sides, impatient, tmp_path_factory):
    """A port taken, a lock file there already, a lock waited for: needs exclusive fixtures."""
    locks = tmp_path_factory.mktemp("locks")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    got = compare(
        sides,
        f"""
        import fcntl

        @pytest.fixture
        def port():
            with socket.create_server(("127.0.0.1", {port})) as server:
                yield server

        @pytest.fixture
        def lock_file():
            file = os.open({str(locks / "one")!r}, os.O_CREAT | os.O_EXCL)
            yield
            os.close(file)
            os.unlink({str(locks / "one")!r})

        @pytest.fixture
        def lock():
            with open({str(locks / "two")!r}, "w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield

        def test_port(perf_monitor, perf_clock, port):
            perf_monitor(work, perf_clock)

        def test_lock_file(perf_monitor, perf_clock, lock_file):
            perf_monitor(work, perf_clock)

        def test_lock(perf_monitor, perf_clock, lock):
            perf_monitor(work, perf_clock)
        """,
    )
    assert set(got) == {"test_port", "test_lock_file", "test_lock"}
    assert all(why.startswith("needs exclusive fixtures") for why in got.values()), got
    assert "Address already in use" in got["test_port"]
    assert "File exists" in got["test_lock_file"]
    assert f"one side waited {SLICE_SECONDS:g} s for the other" in got["test_lock"]
