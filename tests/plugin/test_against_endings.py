"""An A/B that is ended from outside, whenever and however: nothing is left behind."""

from __future__ import annotations

import os
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "endings.py"
HANGS = """
import pathlib
import subprocess
import sys
import time

import pytest


@pytest.fixture
def server():
    yield
    with pathlib.Path(PLACE, "torn-down").open("a") as file:
        file.write("x")


def test_hangs(perf_monitor, server):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    pathlib.Path(PLACE, "hangs").touch()
    perf_monitor(time.sleep, 600)
"""


@pytest.fixture(scope="module")
def script():
    """The script of which this is the short run."""
    spec = spec_from_file_location("endings", SCRIPT)
    module = sys.modules["endings"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["endings"]


def test_ended_runs_leave_nothing_after_the_next_one(script, tmp_path):
    """Whatever signal came when: no process outlives its run, and the next run sweeps the rest.

    The repository, `.git` and times of change included, is as it was.
    """
    subject = script.Subject(tmp_path)
    before = subject.repository()
    means = (script.CTRL_C, script.KILL, script.KILL_WORKER)
    _, endings = script.end_runs(subject, means, 3, *script.NO_CACHE)
    assert [one.outlived for one in endings] == [()] * len(means)
    assert not any(one.traceback for one in endings if one.target != "worker")
    subject.run(*script.NO_CACHE)
    assert subject.left() == ()
    assert subject.processes() == {}
    assert subject.repository() == before


def test_a_cache_of_pytest_is_all_that_changes(script, tmp_path):
    """With the cache on, an interrupted run leaves the rest of the repository as it was."""
    subject = script.Subject(tmp_path)
    del subject.environment["PYTHONDONTWRITEBYTECODE"]
    without = (".pytest_cache", "__pycache__")
    before = subject.repository(without=without)
    script.end_runs(subject, [script.INTERRUPT], 1)
    assert subject.repository(without=without) == before


@pytest.mark.parametrize("how", ["KILL", "CTRL_C"])
def test_workers_end_inside_a_call_that_hangs(script, tmp_path, how):
    """A timed call that would sleep for minutes keeps no worker alive, nor what its test started.

    Ctrl-C is clean: fixtures are torn down on both sides.
    """
    tests = HANGS.replace("PLACE", repr(str(tmp_path)))
    subject = script.Subject(tmp_path, {**script.FILES, "test_product.py": tests})
    started = time.monotonic()
    run = subject.start(*script.NO_CACHE)
    deadline = started + 60
    while not (tmp_path / "hangs").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    ending = subject.end(run, getattr(script, how), started)
    assert ending.outlived == ()
    if how == "CTRL_C":
        assert ending.exit_code == 2
        assert ending.left == ()
        assert not ending.traceback
        assert (tmp_path / "torn-down").read_text() == "xx"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs users")
@pytest.mark.parametrize("how", ["KILL", "CTRL_C"])
def test_what_builds_a_tree_ends_with_the_run(script, tmp_path, how):
    """The command of --perf-setup is ended with its children; after Ctrl-C its tree goes too."""
    subject = script.Subject(tmp_path)
    begun = tmp_path / "begun"
    started = time.monotonic()
    run = subject.start(*script.NO_CACHE, f"--perf-setup=touch {begun}; sleep 600; true")
    deadline = started + 60
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    ending = subject.end(run, getattr(script, how), started)
    assert ending.outlived == ()
    if how == "CTRL_C":
        assert (ending.exit_code, ending.left, ending.traceback) == (2, (), False)
