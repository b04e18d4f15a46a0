"""Where a process runs, on scripted systems and, where it can be pinned, for real."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from pytest_perfmon.duet import pinning
from pytest_perfmon.duet.pinning import company, let_go, run_on, starting_beside, usable_cpus

needs_pinning = pytest.mark.skipif(not pinning.CAN_PIN, reason="the system cannot pin")


class ScriptedSystem:
    """A system that remembers where its tasks may run, and may refuse to change that."""

    def __init__(self, cpus):
        self.cpus = {0: set(cpus)}
        self.asked = []
        self.refuses = False

    def sched_getaffinity(self, task):
        """Give the CPUs of a task."""
        return set(self.cpus[task])

    def sched_setaffinity(self, task, cpus):
        """Change them."""
        self.asked.append((task, set(cpus)))
        if self.refuses:
            raise PermissionError(1, "not allowed")
        self.cpus[task] = set(cpus)


@pytest.fixture
def system(monkeypatch, tmp_path):
    """A system of four CPUs, without a list of tasks."""
    scripted = ScriptedSystem({3, 0, 2, 1})
    monkeypatch.setattr(pinning, "CAN_PIN", True)
    monkeypatch.setattr(pinning, "_PROCESSES", tmp_path)
    for name in ("sched_getaffinity", "sched_setaffinity"):
        monkeypatch.setattr(os, name, getattr(scripted, name), raising=False)
    return scripted


@pytest.fixture
def tasks(tmp_path):
    """Write the system's list of a process's tasks, of this one unless told: children of each."""

    def write(children, process="self"):
        for task, numbers in children.items():
            place = tmp_path / str(process) / "task" / str(task)
            place.mkdir(parents=True)
            (place / "children").write_text(" ".join(map(str, numbers)), encoding="ascii")

    return write


def test_usable_cpus_come_in_order(system):
    """The last one is the highest, so that both sides agree on where to measure."""
    assert usable_cpus() == (0, 1, 2, 3)


def test_processes_start_off_the_cpu_that_measures(system):
    """Inside, all CPUs but the last; afterwards what was before."""
    with starting_beside((1, 2, 3)):
        assert system.cpus[0] == {1, 2}
    assert system.cpus[0] == {0, 1, 2, 3}


def test_a_start_that_fails_gives_the_cpus_back(system):
    """An error on the way leaves nothing pinned."""
    with pytest.raises(ZeroDivisionError), starting_beside((0, 1)):
        raise ZeroDivisionError
    assert system.cpus[0] == {0, 1, 2, 3}


@pytest.mark.parametrize("cpus", [(), (2,)])
def test_with_no_other_cpu_nothing_is_moved(system, cpus):
    """A single CPU has to do both."""
    with starting_beside(cpus):
        assert system.cpus[0] == {0, 1, 2, 3}
    assert system.asked == []


def test_a_refusal_is_no_error(system, tasks):
    """Where the system says no, the process stays where it is."""
    tasks({7: [], 8: []})
    system.refuses = True
    with starting_beside((0, 1)):
        assert system.cpus[0] == {0, 1, 2, 3}
    run_on((1,))
    assert system.asked[-1] == (7, {1}) or system.asked[-1] == (8, {1})


def test_every_thread_runs_there(system, tasks):
    """Threads that were there before are moved too."""
    tasks({7: [], 8: [], 9: []})
    run_on((1, 2))
    assert sorted(system.asked) == [(7, {1, 2}), (8, {1, 2}), (9, {1, 2})]


def test_without_a_list_of_tasks_the_caller_moves(system):
    """The thread that asks is all that is known."""
    run_on((3,))
    assert system.asked == [(0, {3})]


def test_company_counts_threads_and_children(system, tasks):
    """Native threads, and the children of each of them."""
    tasks({7: [], 8: [101, 102], 9: [103]})
    assert company() == 6


def test_a_thread_that_ends_meanwhile_hides_no_children(system, tasks, tmp_path):
    """One that is listed and gone when its children are read has none; the others' count."""
    tasks({7: [], 8: [101, 102]})
    (tmp_path / "self" / "task" / "7" / "children").unlink()
    assert company() == 4


def test_what_was_started_on_the_one_cpu_is_let_go(system, tasks):
    """Children and theirs get all CPUs, but for those that the tests have put elsewhere."""
    tasks({7: [101, 102]})
    tasks({101: [103], 104: []}, process=101)
    tasks({102: []}, process=102)
    tasks({103: []}, process=103)
    system.cpus |= {7: {3}, 101: {3}, 104: {3}, 102: {1}, 103: {3}}
    let_go(3, (0, 1, 2, 3))
    assert {task for task, cpus in system.cpus.items() if cpus == {0, 1, 2, 3}} == {
        *(0, 7),
        *(101, 103, 104),
    }
    assert system.cpus[102] == {1}


def test_company_without_a_list_of_tasks_is_pythons_threads(system):
    """Elsewhere the threads that Python knows of have to do."""
    assert company() == threading.active_count()


def test_a_system_that_cannot_pin_is_left_alone(system, monkeypatch):
    """Nothing is asked of it, and nothing fails."""
    monkeypatch.setattr(pinning, "CAN_PIN", False)
    assert usable_cpus() == ()
    with starting_beside((0, 1)):
        run_on((0,))
    let_go(0, (0, 1))
    assert system.asked == []


@needs_pinning
def test_a_real_process_moves_with_its_threads_and_counts_them():
    """On this machine: alone it counts one, with a thread and a child three, all on one CPU.

    What was started there is let go with it.
    """
    code = """
import os, subprocess, sys, threading
from pytest_perfmon.duet.pinning import company, let_go, run_on, usable_cpus

everywhere = usable_cpus()
alone = company()
stop = threading.Event()
thread = threading.Thread(target=stop.wait)
thread.start()
beside = company()
run_on(everywhere[-1:])
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
beside += company()
tasks = (0, thread.native_id, child.pid)
where = [sorted(os.sched_getaffinity(task)) for task in tasks]
let_go(everywhere[-1], everywhere)
free = all(os.sched_getaffinity(task) == set(everywhere) for task in tasks)
child.communicate(b"\\n")
stop.set()
print(alone, beside, where, free)
"""
    last = usable_cpus()[-1]
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == f"1 5 [[{last}], [{last}], [{last}]] True\n"
