"""Marked bodies and forms in every kind of test that pytest runs."""

from __future__ import annotations

import anyio.pytest_plugin  # noqa: F401 - loaded once, not anew by every run in here
import hypothesis  # noqa: F401 - as above
import pytest
import pytest_asyncio.plugin  # noqa: F401 - as above
import pytest_trio.plugin  # noqa: F401 - as above
from counted import CONFTEST, calls_made


@pytest.fixture
def logged(project):
    """A project whose tests say in log.txt what they do; a millisecond passes each time."""
    project.pytester.makepyfile(
        says="""
        clock = None

        def say(what):
            if clock is not None:
                clock.advance("1ms")
            with open("log.txt", "a") as file:
                file.write(what + "\\n")
        """
    )
    project.pytester.makeconftest(
        """
        import pytest
        import says

        @pytest.fixture(autouse=True)
        def given_clock(perf_clock):
            says.clock = perf_clock
        """
    )
    return project


def log(project):
    """Read what the tests of the newest run said, and forget it."""
    lines = project.said("log.txt")
    (project.path / "log.txt").unlink(missing_ok=True)
    return lines


def test_a_method_is_repeated_on_its_one_instance(logged):
    """Its setup_method runs once, and every run of the body has that instance."""
    logged.write(
        """
        import pytest
        from says import say

        class TestIt:
            def setup_method(self):
                say("setup")
                self.runs = 0

            @pytest.mark.budget(mean=50)
            def test_it(self, perf_clock):
                self.runs += 1
                perf_clock.advance("1ms")
                say(f"run {self.runs}")

            def teardown_method(self):
                say("teardown")
        """
    )
    logged.run().assert_outcomes(passed=1)
    assert log(logged) == ["setup", "run 1", "teardown"]
    logged.measure("--perf-rounds=3", "--perf-warmup=1ns").assert_outcomes(passed=1)
    assert log(logged) == ["setup", *(f"run {number}" for number in range(1, 6)), "teardown"]
    assert logged.operations()["test_it"]["calls"] == 3


@pytest.mark.parametrize("kind", ["staticmethod", "classmethod"])
def test_static_and_class_methods_are_repeated(project, kind):
    """They are test bodies as others are."""
    first = "cls, " if kind == "classmethod" else ""
    project.pytester.makeconftest(CONFTEST)
    project.write(
        f"""
        import pytest

        class TestIt:
            @{kind}
            @pytest.mark.budget(mean="1s")
            def test_it({first}work):
                work()
        """
    )
    project.run().assert_outcomes(passed=1)
    assert calls_made(project) == {"test_it": 1}
    project.measure("--perf-rounds=3").assert_outcomes(passed=1)
    assert project.operations()["test_it"]["calls"] == 3


def test_each_set_of_parameters_is_measured_by_itself(project):
    """Every parametrised test has its own figures, under its own name."""
    project.write(
        """
        import pytest

        @pytest.mark.budget(mean=50)
        @pytest.mark.parametrize("took", [1, 2])
        def test_it(perf_clock, took):
            perf_clock.advance(f"{took}ms")
        """
    )
    project.measure("--perf-rounds=3").assert_outcomes(passed=2)
    medians = {name: one["median_ns"] for name, one in project.operations().items()}
    assert medians == {"test_it[1]": 1e6, "test_it[2]": 2e6}


UNITTEST = """
import unittest
import pytest
from says import say

class TestIt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        say("class up")

    def setUp(self):
        say("up")
        self.addCleanup(say, "cleanup")

    @pytest.mark.budget(mean="1s")
    def test_it(self):
        say("run")

    def tearDown(self):
        say("down")
"""
ASYNC_UNITTEST = """
import asyncio
import unittest
import pytest
from says import say

class TestIt(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        say("up")

    async def asyncSetUp(self):
        say("async up")
        self.loop = asyncio.get_running_loop()

    @pytest.mark.budget(mean="1s")
    async def test_it(self):
        await asyncio.sleep(0)
        assert asyncio.get_running_loop() is self.loop
        say("run")

    async def asyncTearDown(self):
        say("async down")

    def tearDown(self):
        say("down")
"""


@pytest.mark.parametrize(
    ("source", "before", "after"),
    [
        (UNITTEST, ["class up", "up"], ["down", "cleanup"]),
        (ASYNC_UNITTEST, ["up", "async up"], ["async down", "down"]),
    ],
    ids=["TestCase", "IsolatedAsyncioTestCase"],
)
def test_setup_of_a_unittest_is_not_repeated(logged, source, before, after):
    """Both setUp and tearDown, and their async twins, run once around all runs of the body."""
    logged.write(source)
    logged.run().assert_outcomes(passed=1)
    assert log(logged) == [*before, "run", *after]
    logged.measure("--perf-rounds=4", "--perf-warmup=1us").assert_outcomes(passed=1)
    lines = log(logged)
    runs = lines.count("run")
    assert lines == [*before, *["run"] * runs, *after]
    assert runs >= 1 + 1 + logged.operations()["test_it"]["calls"]
    assert logged.operations()["test_it"]["calls"] == 4


@pytest.mark.parametrize("source", [UNITTEST, ASYNC_UNITTEST], ids=["sync", "async"])
def test_a_single_round_of_a_unittest_is_the_only_run(logged, source):
    """With rounds=1 its body runs exactly once."""
    logged.write(source)
    logged.measure("--perf-rounds=1").assert_outcomes(passed=1)
    assert log(logged).count("run") == 1
    assert logged.operations()["test_it"]["calls"] == 1


@pytest.mark.parametrize(
    ("base", "prefix"),
    [("TestCase", ""), ("IsolatedAsyncioTestCase", "async ")],
)
def test_a_failing_repetition_of_a_unittest_fails_it(project, base, prefix):
    """A TestCase keeps exceptions to itself; the message comes through all the same."""
    project.write(
        f"""
        import unittest
        import pytest

        class TestIt(unittest.{base}):
            runs = 0

            @pytest.mark.budget(mean=50)
            {prefix}def test_it(self):
                self.runs += 1
                self.assertEqual(self.runs, 1)
        """
    )
    project.run().assert_outcomes(passed=1)
    result = project.measure()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*passes once, not repeatable: use rounds() or rounds=1*"])


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        ("self.fail('first')", {"failed": 1}),
        ("self.skipTest('not here')", {"skipped": 1}),
        ("raise ValueError", {"failed": 1}),
    ],
)
def test_a_unittest_that_ends_early_has_no_figures(project, ending, outcome):
    """Its own outcome stands, and nothing is judged that was not measured."""
    project.write(
        f"""
        import unittest
        import pytest

        class TestIt(unittest.TestCase):
            @pytest.mark.budget(mean=50)
            def test_it(self):
                {ending}
        """
    )
    result = project.measure()
    result.assert_outcomes(**outcome)
    result.stdout.no_fnmatch_line("*NOT CHECKED*")


def test_an_expected_failure_of_unittest_stays_one(project):
    """Its body is not measured where it fails as expected."""
    project.write(
        """
        import unittest
        import pytest

        class TestIt(unittest.TestCase):
            @pytest.mark.budget(mean=50)
            @unittest.expectedFailure
            def test_it(self):
                self.fail("as expected")
        """
    )
    project.run().assert_outcomes(xfailed=1)
    project.measure().assert_outcomes(xfailed=1)


@pytest.mark.parametrize(
    ("base", "prefix"),
    [("TestCase", ""), ("IsolatedAsyncioTestCase", "async ")],
)
def test_sub_tests_of_unittest_report_once(logged, base, prefix):
    """Reports of subTest come from the first run alone, and the whole body is the operation."""
    logged.write(
        f"""
        import unittest
        import pytest
        from says import say

        class TestIt(unittest.{base}):
            @pytest.mark.budget(mean="1s", rounds=5)
            {prefix}def test_it(self):
                for number in range(3):
                    with self.subTest("part", number=number):
                        say('part')
        """
    )
    plain = logged.run("-v").stdout.str().count("SUBPASSED")
    result = logged.measure("-v")
    assert result.ret == 0
    assert result.stdout.str().count("SUBPASSED") == plain == 3
    assert logged.operations()["test_it"]["calls"] == 5


def test_sub_tests_that_fail_in_the_first_run_fail_the_test(project):
    """They are reported as in a plain run."""
    project.write(
        """
        import unittest
        import pytest

        class TestIt(unittest.TestCase):
            @pytest.mark.budget(mean="1s")
            def test_it(self):
                for number in range(3):
                    with self.subTest("part", number=number):
                        self.assertNotEqual(number, 1)
        """
    )
    plain = project.run()
    measured = project.measure()
    assert plain.ret == measured.ret == 1
    assert plain.stdout.str().count("SUBFAILED") == measured.stdout.str().count("SUBFAILED") > 0


@pytest.mark.parametrize(
    ("plugin", "mark", "pause"),
    [
        ("pytest_asyncio.plugin", "asyncio", "asyncio.sleep(0)"),
        ("anyio.pytest_plugin", "anyio", "anyio.lowlevel.checkpoint()"),
        ("pytest_trio.plugin", "trio", "trio.lowlevel.checkpoint()"),
    ],
)
def test_an_async_body_is_repeated_in_the_same_loop(logged, plugin, mark, pause):
    """Async fixtures are set up once, and their values serve all runs; methods as well."""
    fixture = {"asyncio": "pytest_asyncio.fixture", "trio": "pytest_trio.trio_fixture"}.get(
        mark, "pytest.fixture"
    )
    imports = {"asyncio": "asyncio, pytest_asyncio", "trio": "trio, pytest_trio"}.get(
        mark, "anyio.lowlevel"
    )
    logged.use(plugin)
    logged.write(
        f"""
        import pytest
        import {imports}
        from says import say

        pytestmark = pytest.mark.{mark}

        @{fixture}
        async def client():
            await {pause}
            say("up")
            yield "client"
            await {pause}
            say("down")

        class TestIt:
            @pytest.mark.budget(mean="1s")
            async def test_it(self, client):
                await {pause}
                say(f"run with {{client}}")
        """
    )
    options = ["-o", "asyncio_default_fixture_loop_scope=function", "-k", "not trio"]
    options = options if mark == "anyio" else options[:2]
    logged.run(*options).assert_outcomes(passed=1, deselected=int(mark == "anyio"))
    assert log(logged) == ["up", "run with client", "down"]
    logged.measure("--perf-rounds=4", *options)
    lines = log(logged)
    assert lines == ["up", *["run with client"] * (len(lines) - 2), "down"]
    (figures,) = logged.operations().values()
    assert figures["calls"] == 4


def test_a_property_is_one_call_with_the_same_examples_each_time(logged):
    """A mark on `@given`: each call runs the whole property, seed fixed, so calls compare."""
    logged.write(
        """
        import pytest
        from hypothesis import given, settings
        from hypothesis import strategies as st
        from says import say

        @pytest.mark.budget(mean="1s")
        @settings(max_examples=20, database=None, deadline=None, derandomize=False)
        @given(st.integers())
        def test_it(number):
            say(str(number))
        """
    )
    logged.run().assert_outcomes(passed=1)
    assert len(log(logged)) == 20
    logged.measure("--perf-rounds=3").assert_outcomes(passed=1)
    drawn = log(logged)
    assert logged.operations()["test_it"]["calls"] == 3
    runs = [drawn[start : start + 20] for start in range(0, len(drawn), 20)]
    assert len(runs) >= 1 + 1 + 3
    assert all(run == runs[0] for run in runs)
    assert len(set(runs[0])) > 1


def test_a_property_draws_anew_after_it_was_measured(logged):
    """The fixed seed is taken off again: it belongs to the measurement, not to the property."""
    logged.write(
        """
        import pytest
        from hypothesis import given, settings
        from hypothesis import strategies as st
        from says import say

        drawn = []

        @pytest.mark.budget(mean="1s")
        @settings(max_examples=20, database=None, deadline=None, derandomize=False)
        @given(st.integers())
        def test_it(number):
            drawn.append(number)
            say("an example")

        def test_afterwards():
            measured = drawn[-20:]
            assert drawn[:20] == measured
            test_it()
            assert drawn[-20:] != measured
        """
    )
    logged.measure("--perf-rounds=2").assert_outcomes(passed=2)


def test_a_property_that_takes_the_fixture_is_an_error_of_one_line(project):
    """Measuring inside an example would measure other data each time, so it says what to do."""
    project.write(
        """
        from hypothesis import given
        from hypothesis import strategies as st

        @given(st.integers())
        def test_it(perf_monitor, number):
            perf_monitor(abs, number)
        """
    )
    result = project.measure()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*uses @given and perf_monitor: expected one of them*"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("options", [(), ("--perf-budgets",)])
def test_doctests_are_left_alone(project, options):
    """A doctest in a marked module runs as ever and is no perf test."""
    project.write(
        '''
        """
        >>> 1 + 1
        2
        """
        import pytest

        pytestmark = pytest.mark.budget(mean=50)
        '''
    )
    result = project.run("--doctest-modules", *options)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*performance*")


@pytest.mark.parametrize("options", [(), ("--perf-budgets",)])
def test_items_that_are_no_functions_are_left_alone(project, options):
    """A project's own kind of item may carry the mark without being measured."""
    project.pytester.makeconftest(
        """
        import pytest

        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".spec":
                return SpecFile.from_parent(parent, path=file_path)

        class SpecFile(pytest.File):
            def collect(self):
                item = Spec.from_parent(self, name="spec")
                item.add_marker(pytest.mark.budget(p95=50))
                yield item

        class Spec(pytest.Item):
            def runtest(self):
                pass
        """
    )
    project.pytester.makefile(".spec", one="")
    result = project.run(*options)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*performance*")


def test_the_fixture_by_usefixtures_measures_the_body(project):
    """A test that takes the fixture by name only is repeated for its mark."""
    project.write(
        """
        import pytest

        @pytest.mark.usefixtures("perf_monitor")
        @pytest.mark.budget(mean=50)
        def test_it(perf_clock):
            perf_clock.advance("1ms")
        """
    )
    project.measure("--perf-rounds=3").assert_outcomes(passed=1)
    assert project.operations()["test_it"]["calls"] == 3
