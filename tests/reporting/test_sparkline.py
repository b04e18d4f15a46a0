"""A series as a short line of bars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.reporting.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([1.0], "▁"),
        ([0.0, 0.0], "▁▁"),
        ([1.0, 2.0], "▁█"),
        ([1.0, 2.0, 3.0, 8.0], "▁▂▃█"),
        ([100.0, 101.0, 100.0], "▁▂▁"),
    ],
)
def test_bars_are_as_high_as_values(values, line):
    """The lowest value is the lowest bar, and noise of one percent stays low."""
    assert sparkline(values) == line


@given(values=st.lists(st.floats(0, 1e15), min_size=1, max_size=100), width=st.integers(1, 30))
def test_a_line_is_never_longer_than_asked(values, width):
    """One bar a value, and at most as many as asked for."""
    assert len(sparkline(values, width)) == min(width, len(values))


def test_neighbours_share_a_bar_by_their_median():
    """One wild value among many is not seen; a lasting change is."""
    assert sparkline([1.0, 1.0, 9.0, 2.0, 2.0, 2.0], 2) == "▁█"
