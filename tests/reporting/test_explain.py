"""How thresholds are told, number by number."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scripted_results import SHOP, result, verdict

from pytest_perfmon.model.threshold import ControlPart, SpreadPart, Threshold
from pytest_perfmon.model.verdict import Outcome
from pytest_perfmon.reporting.explain import NOTHING, explanation_lines

MS = 1_000_000.0
CONTROL = ControlPart(0.83, 0.21 * MS, 0.25 * MS, 0.19 * MS, 0.23 * MS, 0.123, 0.02)
READINGS = "250 us, stored 210 us, expected 190 us to 230 us"
SPREAD = SpreadPart(own=0.03, df=18, prior=0.02, prior_df=3.14, moderated=0.029, quantile=1.721)
WHOLE = Threshold(
    "median", 20, 4, 5 * MS, 0.05, 12, 0.01, 0.02, 5.9 * MS, 6.1 * MS, SPREAD, CONTROL
)


def told(threshold):
    """The lines on a threshold, without the one that names the operation."""
    one = verdict(SHOP, "parse", "baseline", Outcome.PASSED, threshold=threshold)
    name, *lines = explanation_lines([result(SHOP, verdicts=(one,))])
    assert name == f"parse ({SHOP})"
    return {line[2:14].strip(): line[14:] for line in lines}


def test_every_number_is_told():
    """Window, cut, mean, control, spread, level, quantile, threshold and figure, a line each."""
    assert told(WHOLE) == {
        "window": "k = 20 of at most 30 stored runs; 4 older left out, since the figure changed"
        " after them",
        "mean": "5.00 ms, the geometric mean of the stored medians",
        "control": f"{READINGS}; coefficient 0.83 explains +12.3%, and +2.0% more"
        " is allowed for, beyond all stored readings",
        "spread": "sd 3.0% of its own (df 18), s0 2.0% of the suite (d0 3.14): 2.9%",
        "common mode": "none taken out: what all have in common is judged at the end",
        "level": "0.05 to be a suspect; alpha 0.01 / m 12 = 0.000833 to be convicted;"
        " t quantile 1.721 (df 21.14)",
        "threshold": "5.90 ms; below 2.0% is ignored",
        "measured": "6.10 ms, beyond it",
    }


@pytest.mark.parametrize(
    ("control", "said"),
    [
        (None, "not read in every run"),
        (
            replace(CONTROL, coefficient=None, explained=0.0, allowed=0.0),
            f"{READINGS}; not used: the suite's stored runs are predicted better without",
        ),
        (
            replace(CONTROL, allowed=0.0),
            f"{READINGS}; coefficient 0.83 explains +12.3%",
        ),
    ],
)
def test_a_control_that_says_less_is_told_shorter(control, said):
    """Not read, not used yet, or within what was seen before."""
    assert told(replace(WHOLE, control=control))["control"] == said


def test_one_run_has_no_spread_to_tell():
    """The pattern's threshold stands in, and says so; nothing is made up."""
    short = Threshold("p95", 1, 0, 5 * MS, None, 12, 0.01, 0.02, 10 * MS, 6 * MS)
    lines = told(short)
    assert lines["spread"] == "not known of fewer than 3 runs: twice the stored p95 stands in"
    assert set(lines) == {"window", "mean", "spread", "threshold", "measured"}
    assert (lines["threshold"], lines["measured"]) == (
        "10.0 ms; below 2.0% is ignored",
        "6.00 ms, within it",
    )


def test_without_stored_runs_it_says_so():
    """Where nothing was compared, one line tells it."""
    budget = verdict(SHOP, "parse", "p95", Outcome.PASSED)
    assert explanation_lines([result(SHOP, verdicts=(budget,))]) == (NOTHING,)


def test_a_name_cannot_move_the_cursor():
    """What a terminal would act on is shown as an escape."""
    one = verdict(SHOP, "a\x1b[2J", "baseline", Outcome.PASSED, threshold=WHOLE)
    assert "\x1b" not in "".join(explanation_lines([result(SHOP, verdicts=(one,))]))
