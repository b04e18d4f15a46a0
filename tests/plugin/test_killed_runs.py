"""Temporary files of runs that were killed: the next run of any kind clears up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from pytest_perfmon.duet.slots import private_slot

pytestmark = pytest.mark.slow
NAP = """
import time

def test_naps(perf_monitor):
    perf_monitor(time.sleep, 600)
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="ends groups of processes")
@pytest.mark.parametrize(
    ("options", "sign"),
    [
        (["-p", "xdist", "-n1", "--perf-budgets"], "room"),
        (["--perf-selftest"], "workload.py"),
    ],
    ids=["locks of xdist", "selftest"],
)
def test_what_a_killed_run_leaves_goes_with_the_next(
    project, tmp_path_factory, monkeypatch, options, sign
):
    """Neither the lock of workers nor the self-test's workload stays among the temporary files."""
    temporary = tmp_path_factory.mktemp("temporary")
    project.write(NAP)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "pytest_perfmon.plugin", *options],
        cwd=project.path,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        deadline = time.monotonic() + 30
        while not list(temporary.rglob(sign)) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGKILL)
    assert list(temporary.rglob(sign))
    private_slot().leave()
    assert [one.name for one in temporary.iterdir()] == [f"perfmon-{os.getuid()}"]
    assert not list(temporary.rglob(sign))
