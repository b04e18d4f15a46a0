"""`--perf-against` on machines of every kind, as far as they can be had here."""

from __future__ import annotations

import pytest
from two_sides import TwoSides

from pytest_perfmon.duet import conductor
from pytest_perfmon.plugin import against

pytestmark = pytest.mark.slow
TEST = """
import os
from product import work

HERE = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()

def test_it(perf_monitor, perf_clock):
    for _ in perf_monitor.rounds():
        if HERE:
            assert os.sched_getaffinity(0) == HERE
        work(perf_clock)
"""


def test_trees_may_lie_below_the_top_where_there_is_no_repository(
    project, tmp_path_factory, monkeypatch
):
    """With tests in the home directory, say, the cache is in it too, and each side is its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(project.path / "cache"))
    monkeypatch.syspath_prepend(project.path / "src")
    sides = TwoSides(project, tmp_path_factory.mktemp("baseline"))
    sides.lay_out(TEST.replace("if HERE", "if False"))
    for top in (project.path, sides.baseline):
        (top / "src").mkdir()
        (top / "product.py").rename(top / "src" / "product.py")
    sides.compare()
    assert sides.verdicts() == {"test_it": pytest.approx(2.0, abs=1e-3)}


def test_a_container_with_a_small_quota_pins_nothing_and_says_so(
    project, tmp_path_factory, monkeypatch
):
    """Below two CPUs neither side is kept on one; the line on the machine has the quota."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    for module in (conductor, against):
        monkeypatch.setattr(module, "cpu_quota", lambda: 1.5)
    sides = TwoSides(project, tmp_path_factory.mktemp("baseline"))
    sides.lay_out(TEST)
    result = sides.compare()
    assert sides.verdicts() == {"test_it": pytest.approx(2.0, abs=1e-3)}
    said = " ".join(result.stdout.str().split())
    assert "a quota of 1.5 CPUs" in said
    assert "without a CPU of its own" not in said
