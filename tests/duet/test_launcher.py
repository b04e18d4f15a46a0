"""Children of every temper, and what the launcher makes of the user's command line."""

from __future__ import annotations

import os
import sys
import tempfile
import textwrap
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from process_ends import ended

from pytest_perfmon.duet import launcher
from pytest_perfmon.duet.launcher import (
    Invocation,
    LaunchError,
    Worker,
    child_arguments,
    guarded,
    launch,
)

ROOT = Path(__file__).parents[2]
CALL = """
import os, sys, time
from pytest_perfmon.duet.channel import call_parent
channel = call_parent(os.environ["PERFMON_WORKER"])
"""


def invocation(directory, *arguments, paths=(), inifile=None, plugins=()):
    """A run of pytest as a user would call it."""
    return Invocation(arguments, tuple(paths), directory, directory, inifile, frozenset(plugins))


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Put a script in the place of the program, so that a child is as odd as its script."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(launcher, "PROGRAM", "stand_in")

    def write(script):
        (tmp_path / "stand_in.py").write_text(textwrap.dedent(script))
        return invocation(tmp_path)

    return write


@contextmanager
def started(called, patience=0.5):
    """Start a child, and end it on the way out."""
    with guarded() as guard:
        worker = Worker(called, [], guard)
        try:
            yield worker
        finally:
            worker.close(patience=patience)


def is_gone(worker):
    """Say whether nothing is left of a worker's own directory, nor its lock."""
    directory = worker._output.parent
    return not list(directory.parent.glob(f"{directory.name}*"))


def test_a_child_that_cannot_be_waited_for_is_one_line(stand_in, tmp_path, monkeypatch):
    """Where there is no port, or no descriptor for it, nothing is started and nothing left."""

    def refuse():
        raise OSError(24, "Too many open files")

    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(launcher, "Door", refuse)
    called = stand_in("")
    with guarded() as guard, pytest.raises(LaunchError, match=r"cannot be waited for: .*Too many"):
        Worker(called, [], guard)
    assert [path.name for path in temporary.glob("perfmon*/*-0")] == []


def test_a_child_calls_and_is_ended_with_its_files(stand_in):
    """Messages go both ways; afterwards neither the process nor its directory is there."""
    called = stand_in(CALL + "channel.send({'twice': channel.receive()['n'] * 2})")
    with started(called, patience=10) as worker:
        channel = worker.connect()
        channel.send({"n": 21})
        assert channel.receive(time.monotonic() + 10) == {"twice": 42}
    assert worker.process.poll() == 0
    assert is_gone(worker)


def test_what_a_child_prints_does_not_disturb_its_messages(stand_in):
    """A megabyte on each stream neither blocks it nor mixes with what it sends."""
    called = stand_in(
        CALL + "print('x' * 10**6)\nprint('y' * 10**6, file=sys.stderr)\nchannel.send({'done': 1})"
    )
    with launch(called, []) as channel:
        assert channel.receive(time.monotonic() + 10) == {"done": 1}


def test_a_child_has_nothing_to_read(stand_in):
    """Its standard input is empty, so that nothing in it can wait for a user."""
    called = stand_in(CALL + "channel.send({'read': sys.stdin.read()})")
    with launch(called, []) as channel:
        assert channel.receive(time.monotonic() + 10) == {"read": ""}


def test_a_child_that_dies_before_it_calls_is_quoted(stand_in):
    """The error has its exit code and the last line that it printed."""
    called = stand_in("print('one'); print('no such option'); raise SystemExit(4)")
    expected = r"could not be started: it ended with exit code 4 \(no such option\)"
    with pytest.raises(LaunchError, match=expected), launch(called, []):
        pass


def test_a_child_that_dies_in_silence_is_said_to(stand_in):
    """Where it printed nothing, the error says that."""
    called = stand_in("import os; os._exit(7)")
    with (
        pytest.raises(LaunchError, match=r"exit code 7 \(it printed nothing\)"),
        launch(called, []),
    ):
        pass


def test_a_child_that_never_calls_is_ended(stand_in, monkeypatch):
    """After the time that it has to come up, it is an error and the process is gone."""
    monkeypatch.setattr(launcher, "_CONNECT_SECONDS", 0.3)
    with (
        started(stand_in("import time; time.sleep(60)"), patience=0) as worker,
        pytest.raises(LaunchError, match="the time limit was reached"),
    ):
        worker.connect()
    assert worker.process.poll() is not None
    assert is_gone(worker)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("end", ["channel.receive()", "pass", "os._exit(3)", "time.sleep(60)"])
def test_what_a_child_has_started_ends_with_it(stand_in, end):
    """However a child ends, the processes of its tests do not outlive it."""
    called = stand_in(
        f"{CALL}import subprocess\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "channel.send({'pid': child.pid})\n" + end
    )
    with started(called) as worker:
        pid = worker.connect().receive(time.monotonic() + 10)["pid"]
    assert ended(pid)


def test_a_child_is_closed_once(stand_in, monkeypatch):
    """A second call does nothing more, unless the first one was interrupted."""
    ended_by = []

    def end_within(process, patience):
        ended_by.append(patience)
        process.wait()
        if len(ended_by) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "end_within", end_within)
    with started(stand_in("pass")) as worker:
        with pytest.raises(KeyboardInterrupt):
            worker.close(patience=1)
        worker.close(patience=2)
        worker.close(patience=3)
    assert ended_by == [1, 2]
    assert is_gone(worker)


@pytest.mark.skipif(sys.platform == "win32", reason="asks about a process as POSIX does")
def test_a_child_is_ended_when_the_parent_fails(stand_in):
    """An error while the child runs passes through, and the child is not left behind."""
    called = stand_in(CALL + "channel.send({'pid': os.getpid()})\nchannel.receive()")
    pids = []

    def interrupted():
        with launch(called, []) as channel:
            pids.append(channel.receive(time.monotonic() + 10)["pid"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_a_python_that_is_not_there_is_named(tmp_path):
    """Nothing can be started with it: one error, and no directory is left."""
    expected = "'no-such-python' could not be started"
    with guarded() as guard, pytest.raises(LaunchError, match=expected):
        Worker(invocation(tmp_path), [], guard, executable="no-such-python")


def test_the_environment_is_the_users_less_what_must_not_be_inherited(stand_in, monkeypatch):
    """Variables reach the child, own ones on top; addopts do not, as they are arguments already."""
    monkeypatch.setenv("MINE", "yes")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-n4")
    monkeypatch.setenv("COV_CORE_SOURCE", "src")
    called = stand_in(CALL + "channel.send(dict(os.environ))")
    with launch(called, [], environment={"OURS": "too"}) as channel:
        seen = channel.receive(time.monotonic() + 10)
    assert (seen["MINE"], seen["OURS"]) == ("yes", "too")
    assert not seen.keys() & {"PYTEST_ADDOPTS", "COV_CORE_SOURCE", "PYTEST_CURRENT_TEST"}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (["-q", "-k", "fast"], ["-q", "-k", "fast"]),
        (["-x", "--pdb", "--lf", "--sw", "-v"], ["-v"]),
        (["--junitxml", "j.xml", "--junit-xml=k.xml", "-v"], ["-v"]),
        (["--perf-json=a", "--perf-html", "b", "--perf-alpha=0.05"], ["--perf-alpha=0.05"]),
        (["--basetemp", "tmp", "--maxfail=1", "-c", "my.ini", "--rootdir=."], []),
        (["tests", "-v", "a.py::test_b"], ["-v"]),
        (["-k", "tests", "-v", "tests"], ["-k", "tests", "-v"]),
        (["-m", "tests", "tests"], ["-m", "tests"]),
    ],
)
def test_options_that_a_child_must_not_follow_are_left_out(tmp_path, typed, kept):
    """What ends, selects, reports or places is dropped with its value, as paths are; no more."""
    called = invocation(tmp_path, *typed, paths=["tests", "a.py::test_b"])
    arguments = child_arguments(called, [], tmp_path)
    assert arguments[: arguments.index(f"--rootdir={tmp_path}")] == kept


def test_a_child_gets_its_files_last_and_places_of_its_own(tmp_path):
    """Files and directories for temporary things are the child's own, the ini file the user's."""
    private, ini, file = tmp_path / "private", tmp_path / "tox.ini", tmp_path / "test_a.py"
    called = invocation(tmp_path, "test_b.py", paths=["test_b.py"], inifile=ini)
    arguments = child_arguments(called, [file], private)
    assert arguments[-1] == str(file)
    assert f"--basetemp={private / 'tmp'}" in arguments
    assert arguments[arguments.index("-c") + 1] == str(ini)
    assert not any("cache_dir" in one for one in arguments)
    cached = child_arguments(invocation(tmp_path, plugins=["cacheprovider"]), [], private)
    assert f"cache_dir={private / 'cache'}" in cached


def test_plugins_are_told_what_a_child_needs(tmp_path):
    """Each plugin that is there gets its override after the user's own; others are not named."""
    called = invocation(tmp_path, "-n8", "--reruns=3", plugins=["xdist", "rerunfailures"])
    arguments = child_arguments(called, [], tmp_path)
    assert arguments.index("-n0") > arguments.index("-n8")
    assert arguments.index("--reruns=0") > arguments.index("--reruns=3")
    assert not any("cov" in one or "randomly" in one for one in arguments)
