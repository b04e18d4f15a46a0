"""`for _ in perf_monitor.rounds()`: the loop's body is measured, and what is tracked inside it."""

from __future__ import annotations

import pytest
from counted import CONFTEST, assert_counts_the_last_of, calls_made

CHECKOUT = """
import pytest

@pytest.mark.budget("db.query", p95="9ms")
@pytest.mark.budget("cache.get", p95="900us")
def test_checkout(perf_monitor, perf_clock):
    rounds = 0
    for _ in perf_monitor.rounds():
        rounds += 1
        for _ in range(2):
            with perf_monitor.track("db.query"):
                perf_clock.advance("5ms")
        with perf_monitor.track("cache.get"):
            perf_clock.advance("200us")
    with open("rounds.txt", "a") as file:
        file.write(f"{rounds}\\n")
"""


def test_a_plain_run_goes_round_once(project):
    """The loop is walked once, and what it tracks is tracked once."""
    project.write(CHECKOUT)
    project.run().assert_outcomes(passed=1)
    assert project.said("rounds.txt") == ["1"]


def test_tracked_operations_are_measured_call_by_call(project):
    """Each operation has the calls that were made in the counted rounds, and their times."""
    project.write(CHECKOUT)
    project.measure("--perf-rounds=100", "--perf-warmup=1ns").assert_outcomes(passed=1)
    found = {
        name: (one["rounds"], one["calls"], one["min_ns"], one["max_ns"])
        for name, one in project.operations().items()
    }
    assert found == {
        "test_checkout": (100, 100, 10_200_000, 10_200_000),
        "db.query": (100, 200, 5_000_000, 5_000_000),
        "cache.get": (100, 100, 200_000, 200_000),
    }
    assert project.said("rounds.txt") == ["101"]


def test_the_loop_ends_when_all_budgets_are_decided(project):
    """The operation with fewest calls decides: 68 rounds for its p95, and no more."""
    project.write(CHECKOUT)
    project.measure().assert_outcomes(passed=1)
    figures = project.operations()
    assert figures["cache.get"]["calls"] == figures["test_checkout"]["rounds"] == 68
    assert figures["db.query"]["calls"] == 136


def test_what_is_tracked_outside_the_rounds_is_not_in_the_figures(project):
    """Work before the loop and after it stays out."""
    project.pytester.makeconftest(CONFTEST)
    project.write(
        """
        def test_it(perf_monitor, work, perf_clock):
            def track(took):
                with perf_monitor.track("db.query"):
                    perf_clock.advance(took)

            track("1s")
            for _ in perf_monitor.rounds():
                work()
                track(1)
            track("2s")
        """
    )
    project.measure("--perf-rounds=30").assert_outcomes(passed=1)
    query = project.operations()["db.query"]
    assert (query["calls"], query["min_ns"], query["max_ns"]) == (30, 1, 1)


def test_a_round_left_by_break_does_not_count(project):
    """The rounds before it do, and the test goes on as after any loop."""
    project.pytester.makeconftest(CONFTEST)
    project.write(
        """
        def test_it(perf_monitor, work):
            for _ in perf_monitor.rounds():
                if work() == 12:
                    break
        """
    )
    project.measure("--perf-warmup=1ns").assert_outcomes(passed=1)
    assert calls_made(project) == {"test_it": 12}
    assert_counts_the_last_of(11, project.operations()["test_it"])
    assert project.operations()["test_it"]["calls"] == 10


def test_a_loop_left_in_its_first_round_has_no_figures(project):
    """Nothing was measured, so nothing is reported, and the test passes."""
    project.write(
        """
        def test_it(perf_monitor):
            for _ in perf_monitor.rounds():
                break
        """
    )
    project.measure().assert_outcomes(passed=1)
    assert project.operations() == {}


def test_failed_calls_are_counted_as_errors_and_as_calls(project):
    """An operation whose error the body handles keeps its times and shows its errors."""
    project.write(
        """
        def test_it(perf_monitor, perf_clock):
            for number, _ in enumerate(perf_monitor.rounds()):
                try:
                    with perf_monitor.track("db.query"):
                        perf_clock.advance("1ms")
                        if number % 2:
                            raise LookupError
                except LookupError:
                    pass
        """
    )
    project.measure("--perf-rounds=40", "--perf-warmup=1ns").assert_outcomes(passed=1)
    query = project.operations()["db.query"]
    assert (query["calls"], query["errors"]) == (40, 20)


def test_short_bodies_are_timed_one_by_one(project):
    """A loop's body stands between two readings, however short; rounds are never joined."""
    project.write(
        """
        def test_it(perf_monitor, perf_clock):
            for _ in perf_monitor.rounds():
                perf_clock.advance(3)
        """
    )
    project.measure("--perf-rounds=25").assert_outcomes(passed=1)
    body = project.operations()["test_it"]
    assert (body["unit"], body["rounds"], body["calls"], body["max_ns"]) == ("call", 25, 25, 3)


def test_the_loop_stands_beside_named_measurements(project):
    """A test may measure functions by name and a body, each under its own name."""
    project.write(
        """
        def test_it(perf_monitor, perf_clock):
            perf_monitor.measure("encode", perf_clock.advance, "1ms")
            for _ in perf_monitor.rounds():
                perf_clock.advance("2ms")
            perf_monitor.measure("decode", perf_clock.advance, "3ms")
        """
    )
    project.measure("--perf-rounds=5").assert_outcomes(passed=1)
    medians = {name: one["median_ns"] for name, one in project.operations().items()}
    assert medians == {"encode": 1e6, "test_it": 2e6, "decode": 3e6}


@pytest.mark.parametrize("start", ["perf_monitor.scope('db').track('query')", "timed()"])
def test_scopes_and_decorators_are_tracked_as_well(project, start):
    """Every way of tracking with the fixture makes an operation of the test."""
    project.write(
        f"""
        import contextlib

        def test_it(perf_monitor, perf_clock):
            @perf_monitor.track_performance("db.query")
            def query():
                perf_clock.advance("1ms")

            @contextlib.contextmanager
            def timed():
                query()
                yield

            for _ in perf_monitor.rounds():
                with {start}:
                    perf_clock.advance("1ms")
        """
    )
    project.measure("--perf-rounds=9").assert_outcomes(passed=1)
    query = project.operations()["db.query"]
    assert (query["calls"], query["max_ns"]) == (9, 1_000_000)


def test_what_happens_between_asking_for_rounds_and_walking_them_is_not_in_them(project):
    """A round begins with the body, even where it is the only one."""
    project.write(
        """
        def test_it(perf_monitor, perf_clock):
            rounds = perf_monitor.rounds()
            with perf_monitor.track("db.query"):
                perf_clock.advance("1s")
            for _ in rounds:
                with perf_monitor.track("db.query"):
                    perf_clock.advance("1ms")
        """
    )
    project.measure("--perf-rounds=1").assert_outcomes(passed=1)
    query = project.operations()["db.query"]
    assert (query["calls"], query["max_ns"]) == (1, 1_000_000)
