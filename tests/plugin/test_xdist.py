"""Beside pytest-xdist: one measurement at a time, one summary, one save."""

from __future__ import annotations

import pytest

from pytest_perfmon.plugin import xdist

pytestmark = pytest.mark.slow

NAP = """
    import time
    import pytest

    def stamp(name, kind, seconds):
        start = time.monotonic()
        time.sleep(seconds)
        with open("stamps.txt", "a") as file:
            file.write(f"{kind} {name} {start} {time.monotonic()}\\n")
"""


@pytest.fixture
def spread(project):
    """A project whose runs have two workers."""
    project.use("xdist")
    return project


def test_nothing_runs_beside_a_measurement(spread):
    """Whatever runs while a measuring test runs, setup and teardown included, is none of ours."""
    plain = "\n".join(f"    def test_plain_{n}(): stamp({n}, 'plain', 0.05)" for n in range(8))
    perf = "\n".join(
        f"""
    @pytest.mark.budget(max="10s", rounds=1)
    def test_perf_{n}(): stamp({n}, 'perf', 0.1)
"""
        for n in range(4)
    )
    spread.write(NAP + plain + "\n" + perf)
    result = spread.run_apart("-n2", "--dist=load", "--perf-budgets")
    result.assert_outcomes(passed=12)
    spans = []
    for line in spread.said("stamps.txt"):
        kind, name, start, end = line.split()
        spans.append((kind, name, float(start), float(end)))
    assert len(spans) == 12
    for kind, name, start, end in spans:
        others = [one for one in spans if one[:2] != (kind, name)]
        if kind == "perf":
            assert all(
                other_end <= start or end <= other_start for *_, other_start, other_end in others
            )


def test_results_of_workers_come_together(spread):
    """Two workers' results are one table, one saved run, and the failure is the test's."""
    spread.write(
        """
        import pytest

        @pytest.mark.parametrize("number", range(4))
        @pytest.mark.budget(p95=50)
        def test_it(perf_monitor, perf_clock, number):
            perf_monitor(perf_clock.advance, "61ms" if number == 2 else "5ms")
        """
    )
    result = spread.run_apart(
        "-n2", "--perf-budgets", "--perf-save-baseline", "--perf-json=perf-report.json"
    )
    result.assert_outcomes(passed=3, failed=1)
    assert len(spread.report()["tests"]) == 4
    assert result.stdout.str().count("= performance =") == 1
    result.stdout.fnmatch_lines(["*saved 3 operations to the baseline*"])
    assert len(list((spread.path / ".perfmon").rglob("*.json"))) == 1


def test_a_plain_run_is_counted_over_workers(spread):
    """The summary of a plain run counts the perf tests of all workers."""
    spread.write(
        "def test_a(perf_monitor): perf_monitor(int)\ndef test_b(perf_monitor): perf_monitor(int)"
    )
    result = spread.run_apart("-n2")
    result.stdout.fnmatch_lines(
        ["2 perf tests ran once, unmeasured; measure them with --perf-budgets"]
    )


def test_a_dying_worker_loses_only_its_own(spread):
    """A test that kills its worker is the only one whose result is missing."""
    spread.write(
        """
        import os

        def test_dies(perf_monitor):
            os._exit(1)

        def test_a(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, "5ms")

        def test_b(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, "5ms")
        """
    )
    result = spread.run_apart("-n2", "--perf-save-baseline", "--perf-json=perf-report.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*saved 2 operations to the baseline*"])
    assert {one["nodeid"] for one in spread.report()["tests"]} == {
        "test_it.py::test_a",
        "test_it.py::test_b",
    }


def test_only_works_over_workers(spread):
    """`--perf-only` under -n runs the perf tests and leaves the others out."""
    spread.write("def test_a(perf_monitor): perf_monitor(int)\ndef test_b(): pass")
    result = spread.run_apart("-n2", "--perf-only")
    result.assert_outcomes(passed=1)


def test_a_bad_mark_stops_the_run(spread):
    """A bad mark under -n is an error that names it, and no test runs."""
    spread.write(
        "import pytest\n@pytest.mark.budget(p95=-1)\ndef test_a(): pass\ndef test_b(): pass"
    )
    result = spread.run_apart("-n2")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*test_it.py::test_a: budget(p95=) is -1*"])


def test_a_lock_that_has_no_place_is_a_usage_error(spread, monkeypatch):
    """Where temporary files cannot be written, one line says so and what names another place."""

    def refused():
        raise PermissionError(13, "not allowed", "there")

    monkeypatch.setattr(xdist, "private_slot", refused)
    spread.write("def test_it(perf_monitor): perf_monitor(len, [])")
    result = spread.run("-n1", "--perf-budgets")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: the workers' lock has no place *; TMPDIR names another"])
