"""`--perf-selftest`: what this machine can see, without any test files."""

from __future__ import annotations

import pytest


@pytest.mark.slow
def test_the_selftest_tells_what_can_be_seen(project):
    """One short comparison of the built-in workload: alarms, detections, time; nothing is kept."""
    project.plugins = ["pytest_perfmon.plugin"]  # on the real clock, which its workers read
    result = project.run_apart("--perf-selftest", "--perf-blocks=2", "--perf-against-time=1s")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "self-test: 1 comparisons of 6 functions, * s each *",
            "  same code     0 of 4 called changed",
            "  +5.0% slower  found in 0 of 1",
            "  +10.0% slower  found in 0 of 1",
        ]
    )
    assert not (project.path / ".perfmon").exists()
