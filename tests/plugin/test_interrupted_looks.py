"""Ctrl-C while a suspect is measured again: the run ends, and the test has the verdict so far."""

from __future__ import annotations

import os
import subprocess

import pytest

from pytest_perfmon.plugin import duel, second_look
from pytest_perfmon.plugin.duel import Conductor

GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "gc.auto=0")
TESTS = """
from product import work

def test_it(perf_monitor, perf_clock):
    perf_monitor(work, perf_clock)

def test_next(perf_monitor, perf_clock):
    perf_monitor(perf_clock.advance, "5ms")
"""
OVER_BUDGET = """
    import pytest

    @pytest.mark.budget(p95=50)
    def test_it(perf_monitor, perf_clock):
        perf_monitor(perf_clock.advance, "61ms")

    def test_next(perf_monitor, perf_clock):
        perf_monitor(perf_clock.advance, "5ms")
"""


@pytest.fixture
def suspect(project, tmp_path_factory, monkeypatch):
    """A repository whose working tree is twice as slow as the commit of its baseline."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    project.write(TESTS, product="def work(clock):\n    clock.advance(5_000_000)\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
        subprocess.run([*GIT, *command], cwd=project.path, check=True, env=dict(os.environ))
    for _ in range(3):
        assert project.run("--perf-save-baseline").ret == 0
    (project.path / "product.py").write_text("def work(clock):\n    clock.advance(11_000_000)\n")
    return project


def interrupted_after(blocks, monkeypatch):
    """Have Ctrl-C come as soon as a duel has made so many blocks."""

    def progress(made, *_):
        if made == blocks:
            raise KeyboardInterrupt

    class Interrupted(Conductor):
        def __init__(self, terms, nodeids, rules, _):
            super().__init__(terms, nodeids, rules, progress)

        def run(self):
            if not blocks:
                raise KeyboardInterrupt
            return super().run()

    monkeypatch.setattr(duel, "Conductor", Interrupted)


@pytest.mark.slow
def test_a_duel_that_is_interrupted_is_undecided(suspect, monkeypatch):
    """Its blocks so far are shown with the reason; the run ends with 2, and no test follows."""
    interrupted_after(2, monkeypatch)
    result = suspect.measure()
    assert result.ret == 2
    (verdict,) = suspect.verdicts()
    assert (verdict["operation"], verdict["outcome"]) == ("test_it", "UNDECIDED")
    assert verdict["comparison"]["effect"] == pytest.approx(1.2, abs=1e-3)
    assert verdict["reason"].startswith("Ctrl-C came first; ")
    result.stdout.fnmatch_lines(["*test_it UNDECIDED +120%* 2 blocks: Ctrl-C came first; *"])
    result.stdout.fnmatch_lines(["*Interrupted: Ctrl-C in a second look*"])


@pytest.mark.slow
def test_a_duel_without_a_block_leaves_no_verdict(suspect, monkeypatch):
    """Nothing else is started after Ctrl-C: the suspect is NOT CHECKED, which says why."""
    interrupted_after(0, monkeypatch)
    monkeypatch.setattr(second_look, "launch", None)
    assert suspect.measure().ret == 2
    (verdict,) = suspect.verdicts()
    assert verdict["outcome"] == "NOT CHECKED"
    assert verdict["reason"].endswith("could not be measured again: Ctrl-C came first")


def test_a_fresh_process_that_is_interrupted_leaves_no_verdict(project, monkeypatch):
    """A violation that could not be confirmed for Ctrl-C is NOT CHECKED; the run ends with 2."""

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(second_look, "launch", interrupted)
    project.write(OVER_BUDGET)
    assert project.measure().ret == 2
    checked = {one["criterion"]: one for one in project.verdicts()}
    assert checked["p95"]["outcome"] == "NOT CHECKED"
    assert checked["p95"]["reason"].endswith("Ctrl-C came first")
    assert {one["nodeid"] for one in project.report()["tests"]} == {"test_it.py::test_it"}
