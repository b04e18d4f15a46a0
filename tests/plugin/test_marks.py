"""`budget` marks: bad ones are collection errors, foreign ones are left alone."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("p95=50, p96=50", "budget(p96=50): expected one of p50*on_undecided"),
        ('p95="50 parsec"', "budget(p95=) is '50 parsec': expected milliseconds*"),
        ("p95=-1", "budget(p95=) is -1*"),
        ("p95=0", "budget(p95=) is 0*"),
        ('p95=float("nan")', "budget(p95=) is nan*"),
        ("p95=None", "budget(p95=) is None*"),
        ("p95=True", "budget(p95=) is True*"),
        ("5, p95=5", "budget(5)*operation's name*"),
        ("calls=1.5", "budget(calls=) is 1.5*whole number*"),
        ("error_rate=1.5", "budget(error_rate=1.5)*below 1"),
        ("max_regression=10", "budget(max_regression=) is 10: expected a share*"),
        ('max_regression="fast"', "budget(max_regression=) is 'fast'*"),
        ('peak_memory="big"', "budget(peak_memory=) is 'big'*"),
        ("p95=5, rounds=0", "budget(rounds=) is 0*"),
        ("p95=5, max_time=1", "budget(max_time=) is 1*unit*"),
        ('p95=5, on_undecided="panic"', "budget(on_undecided='panic')*'pass', 'warn', 'fail'"),
    ],
)
def test_a_bad_mark_is_a_collection_error(project, mark, said):
    """Exit code 2, with test, value and what is allowed, in a plain run too; no other test runs."""
    project.write(
        f"""
        import pytest

        @pytest.mark.budget({mark})
        def test_bad(): pass

        def test_good(): pass
        """
    )
    result = project.run()
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"test_it.py::test_bad: {said}", "*1 error*"])
    result.assert_outcomes(errors=1)


def test_marks_of_other_tools_are_left_alone(project):
    """A bare `budget` mark, and one with somebody else's keywords, make no perf test."""
    project.write(
        """
        import pytest

        pytestmark = pytest.mark.budget

        @pytest.mark.budget(max_usd=0.5, max_tokens=10)
        def test_a(): pass

        @pytest.mark.budget(125)
        def test_b(): pass
        """
    )
    result = project.run("--perf-budgets")
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*performance*")


def test_a_test_with_the_fixture_may_have_only_our_marks(project):
    """Where the fixture is used, a foreign keyword is a mistake."""
    project.write(
        """
        import pytest

        @pytest.mark.budget(max_usd=0.5)
        def test_a(perf_monitor): pass
        """
    )
    assert project.run().ret == 2


def test_marks_that_a_conftest_adds_count(project):
    """A mark added in `pytest_collection_modifyitems` makes a perf test."""
    project.pytester.makeconftest(
        """
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                item.add_marker(pytest.mark.budget(p95=1))
        """
    )
    project.write('def test_a(perf_clock): perf_clock.advance("5ms")')
    assert project.measure().ret == 1


def test_the_mark_is_documented(project):
    """`--markers` shows the signature, and strict markers accept it."""
    project.write("import pytest\n@pytest.mark.budget(p95=5)\ndef test_a(): pass")
    project.run("--markers").stdout.fnmatch_lines(["@pytest.mark.budget([[]operation], *"])
    project.run("--strict-markers").assert_outcomes(passed=1)


def test_a_users_own_fixture_of_that_name_is_the_users(project):
    """A `perf_monitor` that a conftest defines overrides ours, and nothing of ours happens."""
    project.pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def perf_monitor():
            return "mine"
        """
    )
    project.write("def test_a(perf_monitor): assert perf_monitor == 'mine'")
    result = project.run("--perf-budgets")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*performance*")
