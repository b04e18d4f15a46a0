"""Stored runs as numbers: where they last changed, and which of them count."""

from __future__ import annotations

import random

from baseline_runs import stored

from pytest_perfmon.stats.change_points import change_points
from pytest_perfmon.verdicts.stored import last_change, log_figures, log_readings


def test_a_quick_look_hides_no_change():
    """Series that are not tested for changes, since they hardly move, have none when tested."""
    rng = random.Random(3)
    changed = 0
    for _ in range(150):
        step = rng.choice([0.0, 0.5, 1.0, 2.0, 4.0])
        n = rng.randrange(10, 31)
        at = rng.randrange(n)
        medians = [
            100 * 1.03 ** (rng.gauss(0, 1) + (step if index >= at else 0)) for index in range(n)
        ]
        logs = log_figures(stored(medians))
        found = [one.position for one in change_points(logs) if one.p <= 0.01]
        assert last_change(logs) == (found[-1] if found else 0)
        changed += bool(found)
    assert 20 < changed < 120


def test_nothing_changes_in_fewer_than_ten_runs():
    """Nine runs have no change, whatever they hold."""
    assert last_change([1.0] * 4 + [2.0] * 5) == 0
    assert last_change([1.0, 1.001] * 3 + [2.0] * 6) == 6


def test_of_two_changes_the_last_one_counts():
    """Three levels: what stands after the second step is what a new run is held against."""
    level = [100.0, 101.0, 99.0, 100.5, 99.5, 100.0, 101.0, 99.0]
    values = stored([one * factor for factor in (1.0, 1.3, 1.7) for one in level])
    assert last_change(log_figures(values)) == 16


def test_readings_count_where_each_was_made():
    """One run without a reading leaves none."""
    assert log_readings(stored([1.0, 1.0], [1.0, 0.0])) is None
    assert log_readings(stored([1.0, 1.0], [1.0, 2.0])) is not None


def test_a_clock_that_stood_still_has_a_logarithm():
    """A stored zero counts as half a nanosecond."""
    assert log_figures(stored([0.0]))[0] < 0
