"""Names of baselines and files hold on every file system."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.storage.names import is_baseline_name, run_file_name

times = st.datetimes(datetime(1900, 1, 1), datetime(2999, 1, 1)).map(  # noqa: DTZ001 - UTC is added
    lambda time: time.replace(tzinfo=UTC)
)
FORBIDDEN_ON_WINDOWS = set('<>:"/\\|?*') | {chr(code) for code in range(32)}


@given(times, times)
def test_file_names_sort_as_their_times(one, other):
    """The order of two runs' file names is the order of their times, to the microsecond."""
    names = [run_file_name(t.isoformat(timespec="microseconds"), "0" * 12) for t in (one, other)]
    assert (names[0] < names[1]) == (one < other)


@given(times)
def test_file_names_are_safe_on_windows(time):
    """A run's file name holds no character that Windows forbids and does not end in a dot."""
    name = run_file_name(time.isoformat(timespec="microseconds"), "0123456789ab")
    assert not FORBIDDEN_ON_WINDOWS & set(name)
    assert name.endswith("Z-0123456789ab.json")


@given(st.text(max_size=8))
def test_baseline_names_are_safe_as_directories(name):
    """Whatever passes as a baseline's name is one visible path component on every system."""
    if is_baseline_name(name):
        assert name.isascii()
        assert not FORBIDDEN_ON_WINDOWS & set(name)
        assert name.strip(". ") == name != ""


def test_usual_names_are_allowed():
    """Names that people give branches and releases are baseline names."""
    assert all(map(is_baseline_name, ["default", "main", "v1.2.3", "py3.11_linux-x64", "_", "a"]))


@pytest.mark.parametrize("name", ["", "a\n", "a" * 101, "aux.txt", "LPT1", "x.", ".x", "a\0b"])
def test_odd_names_are_not_allowed(name):
    """Names that some system would change, hide, or take for a device are refused."""
    assert not is_baseline_name(name)
