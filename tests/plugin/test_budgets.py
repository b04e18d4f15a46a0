"""Budgets through the plugin: every criterion, what is undecided, what could not be checked."""

from __future__ import annotations

import pytest


def judged(project, criterion):
    """Give the one verdict on that criterion."""
    (verdict,) = [one for one in project.verdicts() if one["criterion"] == criterion]
    return verdict


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [
        *(("p50=10", "PASSED"), ("p90=10", "PASSED"), ("p99=4", "FAILED"), ("mean=10", "PASSED")),
        *(("mean=4", "FAILED"), ("max=6", "PASSED"), ("max=4", "FAILED")),
    ],
)
def test_times_are_held_to_their_limits(project, limit, outcome):
    """A call that always takes 5 ms passes limits above that and fails those below."""
    project.write(
        f"""
        import pytest

        @pytest.mark.budget({limit})
        def test_it(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, "5ms")
        """
    )
    result = project.measure()
    assert result.ret == (1 if outcome == "FAILED" else 0)
    assert judged(project, limit.partition("=")[0])["outcome"] == outcome


def test_a_single_call_over_a_maximum_fails_and_is_named(project):
    """`max` is a fact: one call of many is over it, and the headline says which."""
    project.write(
        """
        import pytest
        from pytest_perfmon.testing import ScriptedCall

        @pytest.mark.budget(max=50, rounds=100)
        def test_it(perf_monitor, perf_clock):
            perf_monitor(ScriptedCall(perf_clock, ["5ms"] * 59 + ["60ms"]))
        """
    )
    result = project.measure()
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["test_it max 60.0 ms > budget 50 ms (1.20x, warning) *· call * of 100"]
    )


@pytest.mark.parametrize(("calls", "outcome"), [(2, "PASSED"), (1, "FAILED")])
def test_calls_of_an_operation_are_counted_in_each_iteration(project, calls, outcome):
    """`calls=` is exact: at most so many calls of the operation in any one iteration."""
    project.write(
        f"""
        import pytest

        @pytest.mark.budget("db.query", calls={calls})
        def test_it(perf_monitor, perf_clock):
            for _ in perf_monitor.rounds():
                for _ in range(2):
                    with perf_monitor.track("db.query"):
                        perf_clock.advance("1ms")
        """
    )
    project.measure()
    verdict = judged(project, "calls")
    assert verdict["outcome"] == outcome
    assert "2 calls in one iteration" in verdict["headline"]


@pytest.mark.parametrize(("every", "outcome"), [(100, "PASSED"), (3, "FAILED")])
def test_an_error_rate_is_held_to_its_limit(project, every, outcome):
    """Calls that raise are counted; one in three is too many for a budget of one in ten."""
    project.write(
        f"""
        import contextlib
        import pytest

        @pytest.mark.budget("job", error_rate="10%")
        def test_it(perf_monitor, perf_clock):
            for number, _ in enumerate(perf_monitor.rounds()):
                with contextlib.suppress(ValueError), perf_monitor.track("job"):
                    perf_clock.advance("1ms")
                    if number % {every} == 1:
                        raise ValueError
        """
    )
    project.measure("--perf-max-time=2s")
    assert judged(project, "error_rate")["outcome"] == outcome


def test_memory_is_held_to_its_limits(project):
    """A function that peaks at a megabyte and leaves a list behind is over small limits."""
    project.write(
        """
        import pytest

        kept = []

        def hungry():
            kept.append([object() for _ in range(50)])
            return len(bytes(1_000_000))

        @pytest.mark.budget(peak_memory="2MB", allocations=5)
        def test_it(perf_monitor, perf_clock):
            perf_monitor(lambda: (perf_clock.advance("1ms"), hungry()))
        """
    )
    assert project.measure().ret == 1
    assert judged(project, "peak_memory")["outcome"] == "PASSED"
    assert "1.0" in judged(project, "peak_memory")["headline"]
    assert judged(project, "allocations")["outcome"] == "FAILED"


def test_an_operation_that_is_never_called_is_not_checked(project):
    """A budget on what the test does not do is listed, and fails under --perf-strict."""
    project.write(
        """
        import pytest

        @pytest.mark.budget("db.query", p95="5ms")
        def test_it(perf_monitor, perf_clock):
            for _ in perf_monitor.rounds():
                perf_clock.advance("1ms")
        """
    )
    result = project.measure("--perf-max-time=100ms")
    assert result.ret == 0
    assert judged(project, "p95")["outcome"] == "NOT CHECKED"
    result.stdout.fnmatch_lines(["*NOT CHECKED*db.query*never called*"])
    strict = project.measure("--perf-max-time=100ms", "--perf-strict")
    assert strict.ret == 1
    strict.stdout.fnmatch_lines(["*db.query p95 NOT CHECKED: 'db.query' was never called*"])


def test_a_fixture_that_measures_nothing_is_not_checked(project):
    """A perf test without a mark and without a form is listed, not passed over."""
    project.write("def test_it(perf_monitor): pass")
    result = project.measure()
    assert judged(project, "measurement")["outcome"] == "NOT CHECKED"
    result.stdout.fnmatch_lines(["*nothing was measured*"])


@pytest.mark.parametrize(
    ("policy", "code", "warned"), [("pass", 0, False), ("warn", 0, True), ("fail", 1, False)]
)
def test_what_is_undecided_follows_its_policy(project, policy, code, warned):
    """Ten rounds cannot decide a p95: it passes visibly, warns or fails, as the mark says."""
    project.write(
        f"""
        import pytest

        @pytest.mark.budget(p95=50, rounds=10, on_undecided="{policy}")
        def test_it(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, "5ms")
        """
    )
    result = project.measure("-W", "default")
    assert result.ret == code
    assert judged(project, "p95")["outcome"] == "UNDECIDED"
    result.stdout.fnmatch_lines(["*undecided, about 58 more calls would decide*"])
    assert ("PerfmonWarning" in result.stdout.str()) is warned


def test_a_short_call_is_judged_by_per_round_means(project):
    """A call too short for the clock shares stretches, and its figures say so."""
    project.write(
        """
        import pytest

        @pytest.mark.budget(p95="1ms")
        def test_it(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, 10)
        """
    )
    result = project.measure()
    assert result.ret == 0
    assert judged(project, "p95")["headline"].startswith("test_it p95 of per-round means")


def test_the_closest_mark_wins(project):
    """A limit on the function replaces the class's, which replaces the module's."""
    project.write(
        """
        import pytest

        pytestmark = pytest.mark.budget(p95="1ms", max="1ms")

        @pytest.mark.budget(p95="2ms")
        class TestIt:
            @pytest.mark.budget(p95="50ms", max="50ms")
            def test_one(self, perf_monitor, perf_clock):
                perf_monitor(perf_clock.advance, "5ms")

            def test_two(self, perf_monitor, perf_clock):
                perf_monitor(perf_clock.advance, "1500us")
        """
    )
    project.measure()
    outcomes = {
        (one["operation"], one["criterion"]): one["outcome"]
        for one in project.verdicts()
        if one["criterion"] != "baseline"
    }
    assert outcomes == {
        ("test_one", "p95"): "PASSED",
        ("test_one", "max"): "PASSED",
        ("test_two", "p95"): "PASSED",
        ("test_two", "max"): "FAILED",
    }


def test_a_slow_whole_test_is_caught_by_the_mark_alone(project):
    """The body of a marked test without a form is repeated until its budget is decided."""
    project.write(
        """
        import pytest

        @pytest.mark.budget(p95=50)
        def test_it(perf_clock):
            perf_clock.advance("151ms")
        """
    )
    result = project.measure()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["test_it p95 151 ms > budget 50 ms (3.02x, critical) *"])
