"""The fixture's forms that take a function, and what all forms have in common."""

from __future__ import annotations

import pytest
from counted import CONFTEST, assert_counts_the_last_of, calls_made

FORMS = {
    "call": """
def test_it(perf_monitor, work):
    perf_monitor(work)
""",
    "measure": """
def test_it(perf_monitor, work):
    perf_monitor.measure("test_it", work)
""",
    "measure with setup and teardown": """
def test_it(perf_monitor, work):
    perf_monitor.measure("test_it", work, setup=list, teardown=list)
""",
    "rounds": """
def test_it(perf_monitor, work):
    for _ in perf_monitor.rounds():
        work()
""",
    "marker and fixture": """
import pytest

@pytest.mark.budget(mean="1s")
def test_it(perf_monitor, work):
    work()
""",
    "marker alone": """
import pytest

@pytest.mark.budget(mean="1s")
def test_it(work):
    work()
""",
}
forms = pytest.mark.parametrize("form", FORMS)


@pytest.fixture
def counted(project):
    """A project with the `work` fixture."""
    project.pytester.makeconftest(CONFTEST)
    return project


@forms
def test_a_plain_run_calls_the_body_once(counted, form):
    """Whatever form a perf test has, a plain `pytest` runs its body once and passes."""
    counted.write(FORMS[form])
    result = counted.run()
    result.assert_outcomes(passed=1)
    assert calls_made(counted) == {"test_it": 1}
    result.stdout.fnmatch_lines(["1 perf test ran once, unmeasured; *--perf-budgets*"])


@forms
def test_a_plain_run_writes_nothing(counted, form):
    """No store, no report, no figures come of a run that measures nothing."""
    counted.write(FORMS[form])
    before = {path.name for path in counted.path.iterdir()}
    counted.run("-p", "no:cacheprovider").assert_outcomes(passed=1)
    after = {path.name for path in counted.path.iterdir()}
    assert after - before <= {"made.txt", "__pycache__"}


@forms
def test_a_plain_run_leaves_the_body_in_its_surroundings(project, form):
    """The collector stays on in a body that is not measured, and is off in one that is."""
    project.pytester.makeconftest(
        """
        import gc
        import pytest

        @pytest.fixture
        def work(perf_clock):
            def work():
                perf_clock.advance("1ms")
                with open("collecting.txt", "a") as file:
                    file.write(f"{gc.isenabled()}\\n")
            return work
        """
    )
    project.write(FORMS[form])
    project.run().assert_outcomes(passed=1)
    assert project.said("collecting.txt") == ["True"]
    project.measure("--perf-rounds=3").assert_outcomes(passed=1)
    assert project.said("collecting.txt")[-3:] == ["False"] * 3


@forms
def test_the_figures_are_of_the_calls_that_were_made(counted, form):
    """Calls and rounds reported are those made after the warm-up, each with its own time."""
    counted.write(FORMS[form])
    counted.measure().assert_outcomes(passed=1)
    figures = counted.operations()["test_it"]
    made = calls_made(counted)["test_it"]
    assert 20 <= figures["calls"] < made
    assert_counts_the_last_of(made, figures)


@forms
def test_a_fixed_number_of_rounds_is_made_exactly(counted, form):
    """With `--perf-rounds`, so many values are reported, whatever the warm-up took."""
    counted.write(FORMS[form])
    counted.measure("--perf-rounds=7", "--perf-warmup=3us").assert_outcomes(passed=1)
    figures = counted.operations()["test_it"]
    assert (figures["rounds"], figures["calls"]) == (7, 7)
    assert_counts_the_last_of(calls_made(counted)["test_it"], figures)


@forms
def test_a_single_round_is_the_only_run_of_the_body(counted, form):
    """With rounds=1 the body runs exactly once, and that run is the figure."""
    counted.write(FORMS[form])
    counted.measure("--perf-rounds=1").assert_outcomes(passed=1)
    assert calls_made(counted) == {"test_it": 1}
    assert_counts_the_last_of(1, counted.operations()["test_it"])


@forms
def test_a_percentile_is_measured_until_it_is_decided(project, form):
    """A test far below its p95 limit ends after the 68 calls that decide it."""
    project.pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def work(perf_clock):
            return lambda: perf_clock.advance("5ms")
        """
    )
    source = FORMS[form].replace('mean="1s"', 'p95="1s"')
    if "mark.budget" not in source:
        source = "import pytest\npytestmark = pytest.mark.budget(p95='1s')\n" + source
    project.write(source)
    project.measure().assert_outcomes(passed=1)
    assert project.operations()["test_it"]["calls"] == 68


def test_a_call_gives_the_last_calls_result(counted):
    """A measured test asserts on what the function returned, measured or not."""
    counted.write(
        """
        def test_call(perf_monitor, work):
            assert perf_monitor(work) == work.calls

        def test_measure(perf_monitor, work):
            assert perf_monitor.measure("work", work) == work.calls
        """
    )
    counted.run().assert_outcomes(passed=2)
    counted.measure().assert_outcomes(passed=2)


def test_arguments_are_handed_on(project):
    """Positional and keyword arguments reach the function, those named like ours too."""
    project.write(
        """
        def test_call(perf_monitor, perf_clock):
            def work(*args, **kwargs):
                perf_clock.advance("1ms")
                return args, kwargs
            assert perf_monitor(work, 1, fn=2, name=3) == ((1,), {"fn": 2, "name": 3})
            assert perf_monitor.measure("b", work, 1, fn=2, name=3) == (
                (1,), {"fn": 2, "name": 3}
            )
        """
    )
    project.run().assert_outcomes(passed=1)
    project.measure("--perf-rounds=2").assert_outcomes(passed=1)


def test_operations_have_the_names_that_the_test_gives(project):
    """A call goes under the test's own name, parameters included; others under theirs."""
    project.write(
        """
        import pytest

        @pytest.mark.parametrize("size", [1, 2])
        def test_call(perf_monitor, perf_clock, size):
            perf_monitor(perf_clock.advance, "1ms")
            perf_monitor.measure(f"encode {size}", perf_clock.advance, "2ms")
            perf_monitor.measure(f"decode {size}", perf_clock.advance, "3ms")
        """
    )
    project.measure("--perf-rounds=3").assert_outcomes(passed=2)
    medians = {name: one["median_ns"] for name, one in project.operations().items()}
    assert medians == {
        "test_call[1]": 1e6,
        "encode 1": 2e6,
        "decode 1": 3e6,
        "test_call[2]": 1e6,
        "encode 2": 2e6,
        "decode 2": 3e6,
    }


def test_setup_and_teardown_run_around_every_call_outside_the_clock(project):
    """One call a round, however short; hours of setup are no nanosecond of the figures."""
    project.write(
        """
        def test_decode(perf_monitor, perf_clock):
            log = []

            def fresh_cache():
                log.append("setup")
                perf_clock.advance("1000s")
                return {"a": "cache"}

            def work():
                log.append("work")
                perf_clock.advance(7)

            def close():
                log.append("teardown")
                perf_clock.advance("1000s")
                return "closed"

            perf_monitor.measure("decode", work, setup=fresh_cache, teardown=close)
            assert log == ["setup", "work", "teardown"] * (len(log) // 3)
            with open("calls.txt", "a") as file:
                file.write(f"{len(log) // 3}\\n")
        """
    )
    project.run().assert_outcomes(passed=1)
    assert project.said("calls.txt") == ["1"]
    project.measure("--perf-rounds=5", "--perf-warmup=1ns").assert_outcomes(passed=1)
    decode = project.operations()["decode"]
    assert (decode["unit"], decode["rounds"], decode["calls"]) == ("call", 5, 5)
    assert (decode["min_ns"], decode["max_ns"]) == (7, 7)
    assert project.said("calls.txt") == ["1", "6"]


def test_percentiles_are_of_single_calls(project):
    """One slow call in twenty is the p99 and not the median, which means would hide."""
    project.write(
        """
        from pytest_perfmon.testing import ScriptedCall

        def test_tail(perf_monitor, perf_clock):
            perf_monitor(ScriptedCall(perf_clock, ["5ms"] * 19 + ["60ms"]))
        """
    )
    project.measure("--perf-rounds=2000").assert_outcomes(passed=1)
    tail = project.operations()["test_tail"]
    assert (tail["unit"], tail["calls"]) == ("call", 2000)
    assert (tail["median_ns"], tail["p90_ns"], tail["p99_ns"]) == (5e6, 5e6, 60e6)


def test_calls_too_short_for_the_clock_share_a_stretch_and_say_so(project):
    """Under 100 times the clock's precision a figure is a mean, labelled so, of counted calls."""
    project.write(
        """
        def test_short(perf_monitor, perf_clock):
            calls = []

            def work():
                calls.append(1)
                perf_clock.advance(10)

            perf_monitor(work)
            with open("calls.txt", "w") as file:
                file.write(str(len(calls)))
        """
    )
    result = project.measure("--perf-rounds=50", "--perf-warmup=1ns")
    result.assert_outcomes(passed=1)
    short = project.operations()["test_short"]
    assert (short["unit"], short["rounds"], short["calls"]) == ("per-round mean", 50, 50 * 16)
    assert (short["min_ns"], short["max_ns"]) == (10, 10)
    result.stdout.fnmatch_lines(["*per-round mean*"])
    first_call, tried_out = 1, 3 * (1 + 2 + 4 + 8)
    assert project.said("calls.txt") == [str(first_call + tried_out + 50 * 16)]


@pytest.mark.parametrize(("took", "unit"), [(99, "per-round mean"), (100, "call")])
def test_a_hundred_precisions_are_enough_for_a_call_of_its_own(project, took, unit):
    """From 100 times the clock's precision on, here 1 ns, each call is timed alone."""
    project.write(
        f"""
        def test_edge(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, {took})
        """
    )
    project.measure("--perf-rounds=20").assert_outcomes(passed=1)
    assert project.operations()["test_edge"]["unit"] == unit


def test_the_fixture_is_a_monitor_of_its_own_for_each_test(project):
    """What one test tracks is unknown to the next, in plain and in measured runs."""
    project.write(
        """
        from pytest_perfmon import PerformanceMonitor

        def check(perf_monitor):
            assert isinstance(perf_monitor, PerformanceMonitor)
            assert perf_monitor.get_stats() == []
            with perf_monitor.track("db.query"):
                pass
            assert perf_monitor.get_stats("db.query").count == 1

        def test_one(perf_monitor):
            check(perf_monitor)

        def test_two(perf_monitor):
            check(perf_monitor)
        """
    )
    project.run().assert_outcomes(passed=2)
    project.measure().assert_outcomes(passed=2)


@pytest.mark.parametrize("options", [(), ("--perf-budgets",)])
def test_a_users_own_perf_monitor_is_left_alone(project, options):
    """A fixture of that name in a project replaces ours, and its tests are ordinary tests."""
    project.pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def perf_monitor():
            return {"a": "dictionary"}
        """
    )
    project.write("def test_theirs(perf_monitor): assert perf_monitor == {'a': 'dictionary'}")
    result = project.run(*options)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*performance*")


def test_a_users_own_perf_monitor_goes_with_a_mark(project):
    """The mark alone makes such a test a perf test; its body is repeated with their value."""
    project.write(
        """
        import pytest

        @pytest.fixture
        def perf_monitor():
            return []

        @pytest.mark.budget(mean=50)
        def test_theirs(perf_monitor, perf_clock):
            perf_monitor.append(1)
            perf_clock.advance("1ms")
        """
    )
    project.run().assert_outcomes(passed=1)
    project.measure("--perf-rounds=4").assert_outcomes(passed=1)
    assert project.operations()["test_theirs"]["calls"] == 4


def test_a_users_fixture_may_build_on_ours(project):
    """One of the same name that takes ours and hands it on measures as ours does."""
    project.write(
        """
        import pytest

        @pytest.fixture
        def perf_monitor(perf_monitor):
            return perf_monitor

        def test_theirs(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, "1ms")
        """
    )
    project.run().assert_outcomes(passed=1)
    project.measure("--perf-rounds=4").assert_outcomes(passed=1)
    assert project.operations()["test_theirs"]["calls"] == 4


def test_the_fixture_reaches_a_test_through_another_fixture(project):
    """A project may hide the measuring in a fixture of its own."""
    project.write(
        """
        import pytest

        @pytest.fixture
        def bench(perf_monitor):
            return perf_monitor

        def test_through(bench, perf_clock):
            bench(perf_clock.advance, "1ms")
        """
    )
    project.run().assert_outcomes(passed=1)
    project.measure("--perf-rounds=4").assert_outcomes(passed=1)
    assert project.operations()["test_through"]["calls"] == 4


@pytest.mark.parametrize("options", [(), ("--perf-budgets",)])
def test_asking_for_the_fixture_by_name_at_run_time_is_a_clear_error(project, options):
    """A test found out too late says how to ask for the fixture instead."""
    project.write(
        """
        def test_late(request):
            request.getfixturevalue("perf_monitor")

        def test_perf(perf_monitor):
            perf_monitor(int)
        """
    )
    result = project.run(*options, "-k", "late")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*perf_monitor*test_late*expected*argument*"])
