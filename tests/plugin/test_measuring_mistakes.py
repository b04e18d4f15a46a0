"""Measuring forms used wrongly, bodies that fail, and Ctrl-C: clear errors, and nothing lost."""

from __future__ import annotations

import pytest

both_kinds_of_run = pytest.mark.parametrize(
    "options", [(), ("--perf-budgets",)], ids=["plain", "measured"]
)


@both_kinds_of_run
@pytest.mark.parametrize("value", ["3", "'parse'", "None"])
def test_measuring_what_cannot_be_called_is_an_error(project, options, value):
    """It shows the value and the form that was expected, without a traceback of ours."""
    project.write(
        f"""
        def test_call(perf_monitor):
            perf_monitor({value})

        def test_measure(perf_monitor):
            perf_monitor.measure("parse", {value})
        """
    )
    result = project.run(*options)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [f"perf_monitor was given {value}: expected a function and its arguments, *"] * 2
    )
    result.stdout.no_fnmatch_line("*fixture.py*")


@both_kinds_of_run
@pytest.mark.parametrize(
    "second",
    [
        "perf_monitor(int)",
        "perf_monitor.measure('test_it', int)",
        "list(perf_monitor.rounds())",
    ],
)
def test_two_measurements_of_one_name_are_an_error(project, options, second):
    """It names the operation and how to tell the two apart."""
    project.write(
        f"""
        def test_it(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, "1ms")
            {second}
        """
    )
    result = project.run(*options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["'test_it' is measured twice in this test: *perf_monitor.measure('test_it_2', ...)"]
    )


@both_kinds_of_run
def test_a_coroutine_in_place_of_its_function_is_an_error(project, options):
    """A coroutine can be awaited once only; the error shows the form, and warns of nothing."""
    project.write(
        """
        import pytest

        async def fetch():
            pass

        @pytest.mark.filterwarnings("error")
        def test_it(perf_monitor):
            perf_monitor(fetch())
        """
    )
    result = project.run(*options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["perf_monitor was given the coroutine 'fetch': expected the coroutine function and*"]
    )
    result.stdout.no_fnmatch_line("*never awaited*")


def test_a_coroutine_function_in_a_test_that_is_not_async_is_an_error(project):
    """Its calls would be timed as the making of coroutines; the test fails instead."""
    project.write(
        """
        async def fetch():
            pass

        def test_it(perf_monitor):
            perf_monitor(fetch)
        """
    )
    result = project.measure("-W", "ignore")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*'test_it' as an awaitable that nobody awaited: expected `await*"]
    )
    assert "median" not in result.stdout.str()


FAILING_FORMS = {
    "call": "perf_monitor(work)",
    "measure": "perf_monitor.measure('test_it', work, teardown=log)",
    "rounds": "for _ in perf_monitor.rounds(): work()",
}


@pytest.mark.parametrize("form", FAILING_FORMS)
@pytest.mark.parametrize("error", ["LookupError", "KeyError", "Broken"])
def test_an_error_in_the_third_round_is_raised_as_it_is(project, form, error):
    """The very exception comes out of the form, and the figures so far are dropped."""
    project.write(
        f"""
        import pytest

        class Broken(Exception):
            pass

        def log():
            pass

        def test_it(perf_monitor, perf_clock):
            error = {error}("the third")
            calls = []

            def work():
                calls.append(1)
                perf_clock.advance("5ms")
                if len(calls) == 4:
                    raise error

            with pytest.raises({error}) as caught:
                {FAILING_FORMS[form]}
            assert caught.value is error
            raise error
        """
    )
    result = project.measure("--perf-warmup=1ns")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{error}: *the third*"])
    assert "median" not in result.stdout.str()


def test_figures_of_a_test_that_fails_later_are_not_saved(project):
    """A body that measures and then fails adds nothing to the baseline, which says so."""
    project.write(
        """
        def test_it(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, "1ms")
            raise LookupError
        """
    )
    result = project.run("--perf-save-baseline", "--perf-rounds=5")
    result.assert_outcomes(failed=1)
    assert not (project.path / ".perfmon").exists()


@both_kinds_of_run
def test_a_setup_that_raises_comes_through(project, options):
    """The function is not called, teardown is not run, and the error is the setup's own."""
    project.write(
        """
        import pytest

        log = []

        def broken():
            raise LookupError("no cache")

        def test_it(perf_monitor):
            perf_monitor.measure(
                "work", log.append, "call", setup=broken, teardown=lambda: log.append("down")
            )

        def test_afterwards():
            assert log == []
        """
    )
    result = project.run(*options)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*LookupError: no cache"])
    assert "median" not in result.stdout.str()


@both_kinds_of_run
@pytest.mark.parametrize("role", ["setup", "teardown"])
def test_a_coroutine_function_as_setup_or_teardown_is_an_error(project, options, role):
    """Nothing would await it; the error names the role and the operation."""
    project.write(
        f"""
        async def forgotten():
            pass

        def test_it(perf_monitor, perf_clock):
            perf_monitor.measure("work", perf_clock.advance, "1ms", {role}=forgotten)
        """
    )
    result = project.run(*options)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*the {role} of 'work' returned <coroutine*: expected a plain*"])


@both_kinds_of_run
def test_teardown_runs_where_the_function_raises(project, options):
    """What setup made is put away, once for every call that was begun."""
    project.write(
        """
        import pytest

        log = []

        def work(clock):
            clock.advance("1ms")
            if log.count("up") == 1:
                raise LookupError

        def test_it(perf_monitor, perf_clock):
            with pytest.raises(LookupError):
                perf_monitor.measure(
                    "work",
                    work,
                    perf_clock,
                    setup=lambda: log.append("up"),
                    teardown=lambda: log.append("down"),
                )
            assert log == ["up", "down"]
        """
    )
    project.run(*options).assert_outcomes(passed=1)


def test_one_loop_is_walked_once(project):
    """Rounds that were kept cannot be walked again, which would count two bodies as one."""
    project.write(
        """
        def test_it(perf_monitor, perf_clock):
            rounds = perf_monitor.rounds()
            for _ in rounds:
                perf_clock.advance("1ms")
            for _ in rounds:
                pass
        """
    )
    result = project.measure("--perf-rounds=5")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*walked through a second time: expected one loop for each*"])


INTERRUPTED = {
    "call": """
        def test_it(perf_monitor, work):
            perf_monitor(work)
""",
    "rounds": """
        def test_it(perf_monitor, work):
            for _ in perf_monitor.rounds():
                work()
""",
    "marker": """
        @pytest.mark.budget(mean="1us")
        def test_it(work):
            work()
""",
    "async": """
        def test_it(perf_monitor, work):
            import asyncio

            async def later():
                work()

            async def main():
                await perf_monitor(later)

            asyncio.run(main())
""",
}


@pytest.fixture
def interrupted(project):
    """A project whose `work` takes 5 ms and is interrupted in its thirtieth call."""
    project.pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def work(perf_clock):
            calls = []

            def work():
                calls.append(1)
                perf_clock.advance("5ms")
                if len(calls) == 30:
                    raise KeyboardInterrupt

            return work
        """
    )
    return project


@pytest.mark.parametrize("form", INTERRUPTED)
def test_ctrl_c_shows_what_was_measured_so_far(interrupted, form):
    """Exit code 2, the figures up to then marked as interrupted, nobody judged, nothing saved."""
    interrupted.write(f"        import pytest\n{INTERRUPTED[form]}")
    result = interrupted.measure("--perf-save-baseline")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*median*", "test_it*5.00*", "*nothing was saved*interrupted*"])
    figures = interrupted.operations()["test_it"]
    assert figures["interrupted"] is True
    assert 20 <= figures["calls"] < 30
    assert interrupted.verdicts() == []
    assert not (interrupted.path / ".perfmon").exists()


def test_tests_before_ctrl_c_are_shown_and_not_saved(interrupted):
    """A run that was cut short adds nothing to a baseline, finished tests included."""
    interrupted.write(
        """
        def test_first(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, "2ms")

        def test_it(perf_monitor, work):
            perf_monitor(work)

        def test_never_run(perf_monitor):
            perf_monitor(int)
        """
    )
    result = interrupted.measure("--perf-save-baseline", "--perf-rounds=100")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert set(interrupted.operations()) == {"test_first", "test_it"}
    assert not (interrupted.path / ".perfmon").exists()


def test_a_signal_ends_a_measurement_on_the_real_clock(project):
    """A SIGINT in the middle of a loop leaves a table and exit code 2."""
    project.plugins.remove("pytest_perfmon.testing")
    project.write(
        """
        import os
        import signal

        def test_it(perf_monitor):
            for number, _ in enumerate(perf_monitor.rounds()):
                sum(range(1_000))
                if number == 50:
                    signal.raise_signal(signal.SIGINT)
        """
    )
    result = project.run_apart("--perf-budgets", "--perf-rounds=100000", "--perf-warmup=1us")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*median*", "test_it*"])


def test_ctrl_c_in_a_plain_run_is_pytests_own(interrupted):
    """Nothing was measured, and nothing is said of figures."""
    interrupted.write(
        """
        def test_it(perf_monitor):
            raise KeyboardInterrupt
        """
    )
    result = interrupted.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.no_fnmatch_line("*median*")


@pytest.mark.parametrize("name", ["None", "5", "b'x'", "''", "' '"])
def test_a_name_that_is_none_is_a_mistake_in_every_run(project, name):
    """`measure` wants a text that is not empty; other tests go on."""
    project.write(
        f"def test_it(perf_monitor): perf_monitor.measure({name}, int)\n\n"
        "def test_other(perf_monitor, perf_clock): perf_monitor(perf_clock.advance, '5ms')\n"
    )
    for options in ([], ["--perf-budgets"]):
        result = project.run(*options)
        result.assert_outcomes(failed=1, passed=1)
        result.stdout.fnmatch_lines(["perf_monitor.measure was given the name *: expected a text*"])
