"""A distribution as chart geometry."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from scripted_results import few, summary

from pytest_perfmon.reporting.chart import MOST_BARS, chart_of

bins = st.dictionaries(st.integers(0, 800), st.integers(0, 10**6), max_size=80)


def bars(chart):
    """(x, height, width) of every bar."""
    found = re.findall(r"M([\d.]+) \d+v-([\d.]+)h([\d.]+)v[\d.]+z", chart.path)
    return [tuple(map(float, one)) for one in found]


def test_bars_are_as_high_as_their_share_of_the_highest():
    """Empty bins between are gaps."""
    chart = chart_of(summary(1000.0, distribution=((160, 5), (161, 10), (163, 1))), width=400)
    assert bars(chart) == [(0, 60, 90), (100, 120, 90), (300, 12, 90)]
    assert (chart.lowest, chart.highest) == ("1.02 us", "1.22 us")


def test_marks_stand_where_their_time_is():
    """2**(165/16) ns is half way through bins 160 to 169."""
    median = 2 ** (165 / 16)
    chart = chart_of(few(median, 20, distribution=((160, 5), (169, 10))), width=400)
    (mark,) = chart.marks
    assert (mark.name, mark.text, mark.x) == ("median", "1.27 us", 200.0)


def test_percentiles_are_marked_where_they_are_known():
    """The tail of too few calls has no mark."""
    assert [mark.name for mark in chart_of(summary(1000.0)).marks] == ["median", "p95", "p99"]


def test_no_distribution_no_chart():
    """Nothing is drawn of nothing."""
    assert chart_of(summary(1000.0, distribution=())) is None
    assert chart_of(summary(1000.0, distribution=((160, 0),))) is None


@given(bins)
def test_every_chart_stays_in_its_box_with_few_bars(distribution):
    """However wide the range of times is."""
    chart = chart_of(summary(1000.0, distribution=tuple(distribution.items())))
    if chart is None:
        assert not any(distribution.values())
        return
    drawn = bars(chart)
    assert 1 <= len(drawn) <= MOST_BARS
    assert max(height for _, height, _ in drawn) == chart.height
    assert all(x >= 0 and x + width <= chart.width + 0.1 for x, _, width in drawn)
    assert all(0 <= mark.x <= chart.width for mark in chart.marks)
