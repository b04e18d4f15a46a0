"""Marked tests without a measuring form: the body is the operation and is run again and again."""

from __future__ import annotations

import pytest
from counted import CONFTEST, assert_counts_the_last_of, calls_made

NOT_REPEATABLE = "*passes once, not repeatable: use rounds() or rounds=1*"


def test_the_same_fixture_values_serve_all_runs(project):
    """Fixtures are set up and torn down once, and every run of the body gets their values."""
    project.write(
        """
        import pytest

        def say(what):
            with open("log.txt", "a") as file:
                file.write(what + "\\n")

        @pytest.fixture
        def client():
            say("up")
            yield object()
            say("down")

        seen = set()
        runs = []

        @pytest.mark.budget(mean=50)
        def test_it(client, perf_clock):
            seen.add(id(client))
            runs.append(client)
            perf_clock.advance("1ms")

        def test_afterwards():
            assert len(seen) == 1
            assert len(runs) > 20
        """
    )
    project.measure().assert_outcomes(passed=2)
    assert project.said("log.txt") == ["up", "down"]


def test_operations_tracked_by_the_body_are_measured(project):
    """With the fixture and no loop, the whole body is the round in which calls are counted."""
    project.write(
        """
        import pytest

        @pytest.mark.budget("db.query", p95="50ms")
        def test_handler(perf_monitor, perf_clock):
            for _ in range(3):
                with perf_monitor.track("db.query"):
                    perf_clock.advance("5ms")
        """
    )
    project.measure("--perf-rounds=30").assert_outcomes(passed=1)
    figures = project.operations()
    assert (figures["db.query"]["rounds"], figures["db.query"]["calls"]) == (30, 90)
    assert figures["test_handler"]["median_ns"] == 15e6


def test_the_first_run_and_the_warm_up_are_not_in_the_figures(project):
    """What the body does only at first, such as importing, is nobody's p95."""
    project.write(
        """
        import pytest

        seen = []

        @pytest.mark.budget(max="1s")
        def test_it(perf_clock):
            perf_clock.advance("1ms" if len(seen) >= 2 else "10s")
            seen.append(1)
        """
    )
    project.measure("--perf-rounds=30").assert_outcomes(passed=1)
    assert project.operations()["test_it"]["max_ns"] == 1_000_000


def test_a_fixture_without_mark_or_form_measures_nothing(project):
    """The body then runs once, and is NOT CHECKED, which strict runs fail for."""
    project.pytester.makeconftest(CONFTEST)
    project.write("def test_it(perf_monitor, work): work()")
    project.measure().assert_outcomes(passed=1)
    assert calls_made(project) == {"test_it": 1}
    (verdict,) = project.verdicts()
    assert verdict["outcome"] == "NOT CHECKED"
    assert "nothing was measured" in verdict["reason"]
    project.measure("--perf-strict").assert_outcomes(failed=1)


def test_a_form_in_the_body_is_not_repeated(project):
    """A marked test with a measuring form runs its body once; the form does the repeating."""
    project.pytester.makeconftest(CONFTEST)
    project.write(
        """
        import pytest

        bodies = []

        @pytest.mark.budget(mean="1s")
        def test_it(perf_monitor, work):
            bodies.append(1)
            perf_monitor(work)

        def test_afterwards():
            assert len(bodies) == 1
        """
    )
    project.measure().assert_outcomes(passed=2)
    assert_counts_the_last_of(calls_made(project)["test_it"], project.operations()["test_it"])


def test_a_form_in_a_body_that_runs_once_is_what_counts(project):
    """With rounds=1, too, a form's figure is the function's and not that of the whole body."""
    project.write(
        """
        import pytest

        @pytest.mark.budget(mean="1s", rounds=1)
        def test_it(perf_monitor, perf_clock):
            perf_clock.advance("500ms")
            perf_monitor(perf_clock.advance, "1ms")
        """
    )
    project.measure().assert_outcomes(passed=1)
    figures = project.operations()["test_it"]
    assert (figures["calls"], figures["max_ns"]) == (1, 1_000_000)


REPETITIONS = {
    "an assertion": "assert not again",
    "an error": "if again: raise ValueError('used up')",
    "pytest.fail": "if again: pytest.fail('used up')",
    "pytest.skip": "if again: pytest.skip('used up')",
}


@pytest.mark.parametrize("kind", REPETITIONS)
@pytest.mark.parametrize("arguments", ["", "perf_monitor"])
def test_a_failure_of_a_repetition_says_so(project, kind, arguments):
    """However a later run ends early, the test fails, says how it can be measured, and why."""
    project.write(
        f"""
        import pytest

        runs = []

        @pytest.mark.budget(mean=50)
        def test_it({arguments}):
            again = bool(runs)
            runs.append(1)
            {REPETITIONS[kind]}
        """
    )
    project.run().assert_outcomes(passed=1)
    result = project.measure()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([NOT_REPEATABLE])


def test_a_failure_of_the_first_run_is_an_ordinary_one(project):
    """The body fails as it would in a plain run, with its own traceback."""
    project.write(
        """
        import pytest

        @pytest.mark.budget(mean=50)
        def test_it():
            assert 1 == 2
        """
    )
    result = project.measure()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([">       assert 1 == 2"])
    result.stdout.no_fnmatch_line(NOT_REPEATABLE)


@pytest.mark.parametrize("call", ["pytest.skip('not here')", "pytest.xfail('known')"])
def test_a_first_run_that_skips_or_xfails_does_so(project, call):
    """A body that ends itself at once has the outcome that it asks for, and no figures."""
    project.write(
        f"""
        import pytest

        @pytest.mark.budget(mean=50)
        def test_it():
            {call}
        """
    )
    outcome = {"skipped": 1} if "skip" in call else {"xfailed": 1}
    project.run().assert_outcomes(**outcome)
    project.measure().assert_outcomes(**outcome)


def test_a_body_that_cannot_be_repeated_passes_with_a_single_round(project):
    """rounds=1 is the remedy that the message names: the only run is the measured one."""
    project.write(
        """
        import pytest

        runs = []

        @pytest.mark.budget(mean=50, rounds=1)
        def test_it(perf_clock):
            assert not runs
            runs.append(1)
            perf_clock.advance("7ms")
        """
    )
    project.measure().assert_outcomes(passed=1)
    figures = project.operations()["test_it"]
    assert (figures["calls"], figures["max_ns"]) == (1, 7_000_000)


def test_output_of_repetitions_is_dropped(project):
    """What the first run printed is shown once, and nothing of the others."""
    project.write(
        """
        import logging
        import sys
        import pytest

        runs = []

        @pytest.mark.budget(mean="1us")
        def test_it(perf_clock):
            runs.append(1)
            print(f"printed {len(runs)}.")
            print(f"complained {len(runs)}.", file=sys.stderr)
            logging.getLogger().warning("logged %d.", len(runs))
            perf_clock.advance("5ms")
        """
    )
    result = project.measure("-rA", "--perf-rounds=30")
    text = result.stdout.str() + result.stderr.str()
    for what in ("printed", "complained", "logged"):
        assert text.count(f"{what} 1.") == 1
        assert text.count(f"{what} ") == 1


def test_output_is_dropped_where_nothing_is_captured(project):
    """With `-s` and live logging, too, the terminal shows the first run alone."""
    project.write(
        """
        import logging
        import pytest

        runs = []

        @pytest.mark.budget(mean=50)
        def test_it(perf_clock):
            runs.append(1)
            print(f"printed {len(runs)}.")
            logging.getLogger().warning("logged %d.", len(runs))
            perf_clock.advance("5ms")
        """
    )
    result = project.run_apart("--perf-budgets", "-s", "--log-cli-level=INFO")
    result.assert_outcomes(passed=1)
    text = result.stdout.str()
    assert (text.count("printed "), text.count("printed 1.")) == (1, 1)
    assert (text.count("logged "), text.count("logged 1.")) == (1, 1)


def test_a_body_reads_its_own_output_and_records_in_every_run(project):
    """Both capsys and caplog hold what this run of the body said, as in the first."""
    project.write(
        """
        import logging
        import pytest

        @pytest.mark.budget(mean=50)
        def test_printed(capsys, perf_clock):
            print("hello")
            perf_clock.advance("5ms")
            assert capsys.readouterr().out == "hello\\n"

        @pytest.mark.budget(mean=50)
        def test_logged(caplog, perf_clock):
            logging.getLogger().warning("hello")
            perf_clock.advance("5ms")
            assert [record.message for record in caplog.records] == ["hello"]
        """
    )
    project.measure().assert_outcomes(passed=2)


def test_teardown_sees_the_records_of_the_first_run(project):
    """What a fixture's teardown reads of caplog is what a plain run would have left there."""
    project.write(
        """
        import logging
        import pytest

        @pytest.fixture
        def checked(caplog):
            yield
            assert [record.message for record in caplog.get_records("call")] == ["hello"]

        @pytest.mark.budget(mean=50)
        def test_logged(checked, perf_clock):
            logging.getLogger().warning("hello")
            perf_clock.advance("5ms")
        """
    )
    project.run().assert_outcomes(passed=1)
    project.measure().assert_outcomes(passed=1)


def test_subtests_report_once(project):
    """Reports of the subtests fixture come from the first run alone."""
    project.write(
        """
        import pytest

        @pytest.mark.budget(mean=50)
        def test_it(subtests, perf_clock):
            for number in range(3):
                with subtests.test(msg="part", number=number):
                    perf_clock.advance("1ms")
        """
    )
    result = project.measure("-v")
    assert result.ret == 0
    assert result.stdout.str().count("SUBPASSED") == 3
    assert project.operations()["test_it"]["median_ns"] == 3e6


def test_a_subtest_that_fails_on_a_repetition_fails_the_test(project):
    """It is not lost with the reports that are dropped."""
    project.write(
        """
        import pytest

        runs = []

        @pytest.mark.budget(mean=50)
        def test_it(subtests):
            runs.append(1)
            with subtests.test(msg="part"):
                assert len(runs) < 3
        """
    )
    result = project.measure()
    assert result.ret == 1
    result.stdout.fnmatch_lines([NOT_REPEATABLE])


def test_the_function_is_what_it_was_afterwards(project):
    """Hooks after the call find the test's own function on the item."""
    project.pytester.makeconftest(
        """
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_teardown(item):
            assert item.obj is item.module.test_it
            assert not hasattr(item.obj, "__wrapped__")
        """
    )
    project.write(
        """
        import pytest

        @pytest.mark.budget(mean=50)
        def test_it(perf_clock):
            perf_clock.advance("5ms")
        """
    )
    project.measure().assert_outcomes(passed=1)
