"""Processes that are started apart, and the guard that ends them with the process it serves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from process_ends import ended

from pytest_perfmon.duet import processes
from pytest_perfmon.duet.processes import Guard, end_at_once, end_within, last_line, start_apart

ROOT = Path(__file__).parents[2]
WITH_A_CHILD = "sleep 600 & echo $! ; wait"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
GUARDED = f"""
import os, subprocess, sys
from pathlib import Path
from pytest_perfmon.duet.processes import Guard, start_apart

def start():
    return start_apart({WITH_A_CHILD!r}, cwd=Path.cwd(), env=os.environ, stdout=subprocess.PIPE)

with Guard() as guard:
    with guard.watching(start()) as nothing:
        watched, let_go = start(), start()
        with guard.watching(let_go):
            pass
        with guard.watching(watched):
            for process in (watched, let_go):
                print(process.pid, int(process.stdout.readline()), flush=True)
            sys.stdin.read()
"""


def started(command):
    """Start a shell's command line apart."""
    return start_apart(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE)


@LINUX
def test_processes_end_with_the_one_that_was_killed():
    """After SIGKILL what is watched ends with all its children; what is not any more goes on."""
    with subprocess.Popen(
        [sys.executable, "-c", GUARDED],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as main:
        watched, let_go = (tuple(map(int, main.stdout.readline().split())) for _ in range(2))
        main.kill()
    try:
        assert all(map(ended, watched))
        os.killpg(let_go[0], 0)
    finally:
        os.killpg(let_go[0], signal.SIGKILL)


@LINUX
def test_a_guard_goes_with_the_process_it_serves():
    """It watches nothing, and is not there any more once its context has ended."""
    with Guard() as guard:
        number = guard._process.pid
    assert ended(number)


@LINUX
def test_a_guard_that_was_ended_is_no_error():
    """Whoever ends it has taken the risk; the processes are watched over no longer."""
    process = started("exit 0")
    with Guard() as guard:
        guard._process.kill()
        guard._process.wait()
        with guard.watching(process):
            process.communicate()
    assert process.returncode == 0


@LINUX
@pytest.mark.parametrize("patience", [0.0, 10.0])
def test_what_a_process_has_left_ends_with_it(patience):
    """Whether it ended by itself or was ended, its children are not there any more."""
    with started("sleep 600 & echo $!" + ("" if patience else "; wait")) as process:
        child = int(process.stdout.readline())
        end_within(process, patience)
        assert ended(child)
    assert process.returncode == (0 if patience else -signal.SIGTERM)


@LINUX
def test_a_process_that_will_not_end_is_ended(monkeypatch):
    """One that ignores being asked ends all the same, and so do its children."""
    monkeypatch.setattr(processes, "_END_SECONDS", 0.1)
    with started("trap '' TERM; sleep 600 & echo $!; wait; sleep 600") as process:
        child = int(process.stdout.readline())
        end_within(process, 0.0)
        assert ended(child)
    assert process.returncode == -signal.SIGKILL


@LINUX
def test_a_number_that_went_to_another_process_is_let_alone():
    """Where a process is gone and its number is in use again, nothing of its group is left."""
    with started("exit 0") as gone, started("sleep 600") as other:
        gone.wait()
        gone.pid = other.pid
        end_at_once(gone)
        assert other.poll() is None
        end_at_once(other)
    assert other.returncode == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "getpgid"), reason="needs groups of processes")
def test_a_terminals_ctrl_c_does_not_reach_a_process_apart():
    """It is in a group of its own, the first of it."""
    with started("read nothing; exec sleep 600") as process:
        assert os.getpgid(process.pid) == process.pid != os.getpgrp()
        end_at_once(process)


@pytest.mark.parametrize(
    ("output", "last"),
    [("", ""), (" \n\n", ""), ("one", "one"), ("one\ntwo \n \n", "two"), ("a\r\nb\r\n", "b")],
)
def test_the_last_line_is_the_last_with_something_on_it(output, last):
    """Blank lines and spaces around it do not count."""
    assert last_line(output) == last
