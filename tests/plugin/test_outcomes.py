"""A violated budget is an ordinary failure: exit code, JUnit, --lf, -x, xfail, reruns, unittest."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

SLOW = """
    import pytest

    @pytest.mark.budget(p95=50)
    def test_slow(perf_monitor, perf_clock):
        perf_monitor(perf_clock.advance, "61ms")

    @pytest.mark.budget(p95=50)
    def test_fast(perf_monitor, perf_clock):
        perf_monitor(perf_clock.advance, "5ms")
"""


def test_a_violation_fails_the_test_with_its_headline(project):
    """Exit code 1, one FAILED with the headline instead of a traceback, the other test passes."""
    project.write(SLOW)
    result = project.measure()
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "test_slow p95 61.0 ms > budget 50 ms (1.22x, warning) · * calls, 95% CI *",
            "*Captured perfmon call*",
            "FAILED test_slow p95 61.0 ms > budget 50 ms *",
            "*measured again in a fresh process: test_slow p95 61.0 ms > budget 50 ms*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    graded = [(one["criterion"], one["outcome"], one["severity"]) for one in project.verdicts()]
    assert graded == [
        ("p95", "FAILED", "warning"),
        ("baseline", "NOT CHECKED", None),
        ("p95", "PASSED", None),
        ("baseline", "NOT CHECKED", None),
    ]


def test_junit_sees_the_failure_and_the_figures(project):
    """JUnit counts one failure whose message is the headline, with the figures as properties."""
    project.write(SLOW)
    project.measure("--junitxml=junit.xml")
    root = ET.parse(project.path / "junit.xml").getroot()
    suite = root if root.tag == "testsuite" else root[0]
    assert (suite.get("failures"), suite.get("errors"), suite.get("tests")) == ("1", "0", "2")
    case = next(one for one in suite.iter("testcase") if one.get("name") == "test_slow")
    assert "test_slow p95 61.0 ms > budget 50 ms" in case.find("failure").get("message")
    properties = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert properties["perfmon.test_slow.p95.outcome"] == "FAILED"
    assert float(properties["perfmon.test_slow.median_ms"]) == 61.0


def test_the_last_failed_are_rerun(project):
    """`--lf` runs the test that violated its budget, and that one alone."""
    project.write(SLOW)
    project.run("--perf-budgets", "-p", "cacheprovider")
    result = project.run("--perf-budgets", "-p", "cacheprovider", "--lf")
    result.assert_outcomes(failed=1)


def test_a_plain_run_of_the_same_file_passes(project):
    """Without an option nothing is judged, and the summary says how many tests could be."""
    project.write(SLOW)
    result = project.run()
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["2 perf tests ran once, unmeasured; measure them with --perf-budgets"]
    )
    assert not (project.path / ".perfmon").exists()


def test_a_run_without_perf_tests_prints_nothing_of_ours(project):
    """Where no perf test ran, the plugin keeps silent, in every mode."""
    project.write("def test_plain(): pass")
    for options in ([], ["--perf-budgets"], ["--perf-save-baseline"]):
        result = project.run(*options)
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("*= performance =*")


def test_exitfirst_stops_at_a_violation(project):
    """`-x` stops after the test that violated its budget."""
    project.write(SLOW)
    project.measure("-x").assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ("xfail", {"xfailed": 1}),
        ("xfail(strict=True)", {"xfailed": 1}),
    ],
)
def test_an_expected_violation_is_xfailed(project, mark, expected):
    """A violation in a test marked xfail is an expected failure, strict or not."""
    project.write(
        SLOW.replace("@pytest.mark.budget", f"@pytest.mark.{mark}\n    @pytest.mark.budget", 1)
    )
    result = project.measure("-k", "slow")
    result.assert_outcomes(**expected)
    assert result.ret == 0


def test_a_kept_budget_under_strict_xfail_is_a_failure(project):
    """A test expected to violate its budget that does not is a strict xfail's failure."""
    project.write(
        """
        import pytest

        @pytest.mark.xfail(strict=True)
        @pytest.mark.budget(p95=50)
        def test_fast(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, "5ms")
        """
    )
    result = project.measure("--perf-save-baseline")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*XPASS(strict)*"])
    assert not (project.path / ".perfmon").exists()


def test_a_violation_beside_subtests_fails_the_test(project):
    """A test whose subtests pass and whose budget is violated is one failure."""
    project.write(
        """
        import pytest

        @pytest.mark.budget(p95=50)
        def test_slow(subtests, perf_monitor, perf_clock):
            with subtests.test(msg="one"):
                pass
            perf_monitor(perf_clock.advance, "61ms")
            with subtests.test(msg="two"):
                pass
        """
    )
    result = project.measure("--junitxml=junit.xml")
    result.assert_outcomes(failed=1)
    suite = next(ET.parse(project.path / "junit.xml").iter("testsuite"))
    assert (suite.get("failures"), suite.get("errors")) == ("1", "0")
    result.stdout.fnmatch_lines(["test_slow p95 61.0 ms > budget 50 ms *"])


def test_a_failing_subtest_is_the_only_failure_of_a_fast_test(project):
    """A subtest that fails on its own fails the test; its kept budget adds nothing."""
    project.write(
        """
        import pytest

        @pytest.mark.budget(p95=50)
        def test_fast(subtests, perf_monitor, perf_clock):
            with subtests.test(msg="one"):
                assert False, "wrong part"
            perf_monitor(perf_clock.advance, "5ms")
        """
    )
    result = project.measure("--perf-save-baseline")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*wrong part*"])
    result.stdout.no_fnmatch_line("*> budget*")
    assert not (project.path / ".perfmon").exists()


def test_only_the_last_attempt_counts(project):
    """Under rerunfailures each attempt is measured anew, and one result is left of the last."""
    project.use("pytest_rerunfailures")
    project.write(
        """
        import pytest

        attempts = []

        @pytest.mark.budget(p95=50)
        def test_flaky(perf_monitor, perf_clock):
            attempts.append(1)
            perf_monitor(perf_clock.advance, "5ms")
            assert len(attempts) > 2
        """
    )
    result = project.measure("--reruns=3", "--perf-save-baseline")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*1 passed, 2 rerun*"])
    assert [test["passed"] for test in project.report()["tests"]] == [True]
    assert len(list((project.path / ".perfmon").rglob("*.json"))) == 1


def test_a_violation_is_rerun_like_any_failure(project):
    """A violated budget is tried again by rerunfailures as often as asked."""
    project.use("pytest_rerunfailures")
    project.write(SLOW)
    result = project.measure("--reruns=1", "-k", "slow")
    result.stdout.fnmatch_lines(["*1 failed*1 rerun*"])


def test_a_unittest_test_case_fails_too(project):
    """A violated budget fails a method of `unittest.TestCase`, setUp run once."""
    project.write(
        """
        import unittest
        import pytest

        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _clock(self, perf_clock):
                self.clock = perf_clock

            def setUp(self):
                print("set up")

            @pytest.mark.budget(p95=50)
            def test_slow(self):
                self.clock.advance("61ms")
        """
    )
    result = project.measure("-s")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["test_slow p95 61.0 ms > budget 50 ms*"])
    assert result.stdout.str().count("set up") == 1


def test_a_failing_test_is_not_judged_and_not_saved(project):
    """An assertion that fails is the failure; its figures are neither judged nor kept."""
    project.write(
        """
        import pytest

        @pytest.mark.budget(p95=50)
        def test_wrong(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, "61ms")
            assert False, "wrong result"

        def test_right(perf_monitor, perf_clock):
            perf_monitor(perf_clock.advance, "5ms")
        """
    )
    result = project.measure("--perf-save-baseline")
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*wrong result*", "*saved 1 operation to the baseline*"])
    result.stdout.no_fnmatch_line("*> budget*")


def test_a_test_that_fails_in_teardown_is_left_out_and_named(project):
    """What fails after measuring is left out of the baseline, and the summary says so."""
    project.write(
        """
        import pytest

        @pytest.fixture
        def fragile():
            yield
            raise RuntimeError

        def test_it(perf_monitor, perf_clock, fragile):
            perf_monitor(perf_clock.advance, "5ms")
        """
    )
    result = project.run("--perf-save-baseline")
    result.stdout.fnmatch_lines(
        ["*left out of the baseline: 1 failed test (test_it.py::test_it)*", "*nothing was saved*"]
    )
    assert not (project.path / ".perfmon").exists()
