"""What became of figures: changes or a trend, never both, and never of what is too small."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_perfmon import PerformanceMonitor, PerformanceTrends
from pytest_perfmon.verdicts.history import Course, courses_of


def times(levels, seed, sd=0.02):
    """Draw times around levels that are logarithms."""
    rng = random.Random(seed)
    return [1e6 * math.exp(level + rng.gauss(0, sd)) for level in levels]


STEP = [0.0] * 40 + [0.2] * 30
BACK = [0.0] * 20 + [0.3] * 20 + [0.0] * 40
LINE = [0.005 * run for run in range(60)]


@pytest.mark.parametrize(
    ("levels", "changes", "degraded"),
    [
        (STEP, 1, True),
        (STEP[10:], 1, True),
        (STEP[::-1], 1, False),
        (BACK, 2, False),
        ([0.0] * 60, 0, False),
    ],
)
def test_the_newest_change_decides(levels, changes, degraded):
    """Slower is a degradation until it is taken back; faster and steady are none."""
    (course,) = courses_of([times(levels, seed=1)])
    assert len(course.changes) == changes
    assert course.creep is None
    assert course.degraded is degraded


@pytest.mark.parametrize(("sign", "degraded"), [(1, True), (-1, False)])
def test_a_line_is_a_creep(sign, degraded):
    """A steady trend is one creep and no steps; towards slower it is a degradation."""
    (course,) = courses_of([times([sign * level for level in LINE], seed=2)])
    assert course.changes == ()
    assert course.ratio == pytest.approx(math.exp(sign * LINE[-1]), rel=0.05)
    assert course.degraded is degraded


def test_small_trends_are_nobodys_business():
    """Two percent over all runs is no creep, however sure."""
    (course,) = courses_of([times([0.02 * run / 200 for run in range(200)], seed=3, sd=0.001)])
    assert course == Course()
    assert course.ratio is None


@given(scale=st.sampled_from([0.01, 1.0, 1000.0]), order=st.permutations(range(3)))
@settings(max_examples=6)
def test_speed_and_order_do_not_matter(scale, order):
    """The same courses of fast and slow figures, each at its place whatever stands beside it."""
    series = [times(levels, seed=4) for levels in (STEP, LINE, [0.0] * 60)]
    plain = courses_of(series)
    moved = courses_of([[scale * value for value in series[place]] for place in order])
    for place, course in zip(order, moved, strict=True):
        assert [one.position for one in course.changes] == [
            one.position for one in plain[place].changes
        ]
        assert course.ratio == pytest.approx(plain[place].ratio)


def test_what_a_coarse_clock_shows_is_no_change():
    """Times of 0, and no times at all, have no course."""
    assert courses_of([[0.0] * 30, [], [5.0]]) == [Course()] * 3


@pytest.mark.slow
def test_suites_of_noise_rarely_degrade():
    """Of 40 suites of 50 operations without a change, at most 5 show any change or trend."""
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(40):
        suite = courses_of(np.exp(rng.normal(0, 0.05, (50, 20))).tolist())
        found += any(course.ratio is not None for course in suite)
    assert found <= 5


def monitor_of(p95_ms):
    """Give a monitor that has seen one operation take so long."""
    monitor = PerformanceMonitor()
    monitor.record_metric("query", duration=p95_ms)
    return monitor


def test_a_live_monitor_has_the_same_course_as_stored_runs():
    """Snapshots give the change points that a history of the same figures gives."""
    trends = PerformanceTrends()
    seen = []
    for value in times(STEP, seed=6):
        monitor = monitor_of(value / 1e8)  # ten microseconds, far below a millisecond
        trends.record_snapshot(monitor)
        seen.append(1e6 * monitor.get_stats("query").p95)
    (expected,) = courses_of([seen])
    assert trends.course("query") == expected
    assert expected.degraded
    assert trends.course("unknown") == Course()


def test_snapshots_are_kept_to_two_hundred():
    """Memory is bounded: older snapshots go, and a change among them with them."""
    trends = PerformanceTrends()
    for value in times([0.3] * 50 + [0.0] * 200, seed=7):
        trends.record_snapshot(monitor_of(value / 1e6))
    assert trends.course("query") == Course()
