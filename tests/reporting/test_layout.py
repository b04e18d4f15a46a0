"""How the three options of the table are read."""

from __future__ import annotations

import pytest

from pytest_perfmon.errors import UsageError
from pytest_perfmon.reporting.layout import COLUMNS, Layout, SortKey, read_layout


def test_nothing_said_is_the_default_layout():
    """Unset options change nothing."""
    assert read_layout() == Layout()
    assert Layout().grouped


def test_columns_are_shown_as_listed_each_once():
    """Order is the user's; spaces and repetitions do not matter."""
    assert read_layout(columns=" p99, calls,p99").columns == ("p99", "calls")


def test_every_known_column_can_be_chosen():
    """The list in the message is the list that works."""
    assert read_layout(columns=",".join(COLUMNS)).columns == COLUMNS


def test_a_dash_reverses_one_sort_key():
    """Each key has its own direction."""
    layout = read_layout(sort="file, -p95")
    assert layout.sort == (SortKey("file"), SortKey("p95", descending=True))
    assert layout.grouped


def test_sorting_by_a_figure_first_does_not_group():
    """Rows stand under files only where files lead the order."""
    assert not read_layout(sort="-p95,file").grouped


def test_the_time_unit_becomes_the_scale():
    """One unit for all rows."""
    assert read_layout(time_unit="us").scale.unit == "us"


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"columns": "calls,p42"}, ["--perf-columns", "'p42'", "calls, rounds", "outcome"]),
        ({"columns": ""}, ["--perf-columns", "''", "calls"]),
        ({"sort": "--p95"}, ["--perf-sort", "'-p95'", "file, name, calls"]),
        ({"sort": "p-95"}, ["--perf-sort", "'p-95'"]),
        ({"time_unit": "h"}, ["--perf-time-unit", "'h'", "ns, us, ms, s"]),
    ],
)
def test_what_is_not_known_is_named_with_what_is(options, parts):
    """The message holds the option, the value and the choice."""
    with pytest.raises(UsageError) as caught:
        read_layout(**options)
    for part in parts:
        assert part in str(caught.value)
