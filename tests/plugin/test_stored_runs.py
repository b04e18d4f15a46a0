"""What a run tells of its stored runs beyond verdicts: thresholds, the machine, the whole suite."""

from __future__ import annotations

import pytest

MANY = """
    import os
    import pytest

    SCALE = float(os.environ.get("SCALE", "1"))

    @pytest.mark.parametrize("number", range({count}))
    def test_it(number, perf_monitor, perf_clock):
        perf_monitor(perf_clock.advance, f"{{round(5000 * SCALE * (1 + number % 3 / 500))}}us")
"""


@pytest.fixture
def stored(project, monkeypatch):
    """Write so many tests, save runs of them at these scales, then measure once at the last."""

    def measured(*scales, options=(), count=9):
        project.write(MANY.format(count=count))
        for scale in scales[:-1]:
            monkeypatch.setenv("SCALE", str(scale))
            assert project.run("--perf-save-baseline", "--perf-rounds=5").ret == 0
        monkeypatch.setenv("SCALE", str(scales[-1]))
        return project.measure("--perf-rounds=5", "--perf-max-regression=80%", *options)

    return measured


def test_thresholds_are_explained_where_that_is_asked_for(stored):
    """`--perf-explain-threshold` tells each comparison's numbers; without it nothing is told."""
    result = stored(1, 1.01, 0.99, 1, options=["--perf-explain-threshold"], count=1)
    result.stdout.fnmatch_lines(
        [
            "*thresholds*",
            "test_it[[]0[]] (test_it.py::test_it[[]0[]])",
            "  window      k = 3 of at most 30 stored runs",
            "  mean        5.00 ms, the geometric mean of the stored medians",
            "  control     not read in every run",
            "  spread      sd 1.0% of its own (df 2), s0 * of the suite (d0 0.00): 1.0%",
            "  common mode none taken out: *",
            "  level       0.05 to be a suspect; alpha 0.01 / m 1 = 0.01 to be convicted;*",
            "  threshold   9.00 ms; below 80.0% is ignored",
            "  measured    5.00 ms, within it",
        ]
    )
    stored(1, count=1).stdout.no_fnmatch_line("*of at most 30*")


def test_a_run_without_thresholds_says_that_too(project):
    """Asked for where nothing is stored: one line."""
    project.write(MANY.format(count=1))
    result = project.run("--perf-budgets", "--perf-explain-threshold")
    result.stdout.fnmatch_lines(["no threshold to explain: nothing was compared with stored runs"])


SHIFT = ("all 9 operations together: +50.0% *against 4 stored runs, SLOWER", "than these ever vary")


@pytest.mark.parametrize(("strict", "code"), [([], 0), (["--perf-strict"], 1)])
def test_a_shift_of_everything_is_a_line_of_its_own(stored, strict, code):
    """Everything at +50 % where 80 % are allowed to each: said at the end, red if strict."""
    result = stored(1, 1.01, 0.99, 1, 1.5, options=strict)
    assert result.ret == code
    result.stdout.fnmatch_lines([*SHIFT, "9 operations: 9 passed"])


def test_few_operations_have_no_shift(stored):
    """Eight operations are needed to tell what they have in common."""
    stored(1, 1.01, 0.99, 1, 1.5, count=7).stdout.no_fnmatch_line("*operations together*")


def test_a_shift_is_judged_before_the_run_is_saved(stored):
    """With both modes the run is not one of its own stored runs."""
    result = stored(1, 1.01, 0.99, 1, 1.5, options=["--perf-save-baseline"])
    result.stdout.fnmatch_lines(SHIFT)
