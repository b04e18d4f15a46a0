"""Packed members come back as they were, and nothing else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.model.packed import (
    MOST,
    pack_distribution,
    pack_intervals,
    unpack_distribution,
    unpack_intervals,
)

times = st.floats(0, float(2**62))
intervals = st.dictionaries(
    st.from_regex("[a-z][a-z0-9_]{0,5}", fullmatch=True),
    st.tuples(times, times).map(lambda ends: (min(ends), max(ends))),
)


@given(intervals)
def test_intervals_come_back_to_the_last_bit(given_intervals):
    """Every interval survives packing exactly."""
    assert unpack_intervals(pack_intervals(given_intervals)) == given_intervals


@given(st.lists(st.tuples(st.integers(-100, 2000), st.integers(0, MOST))).map(tuple))
def test_distributions_come_back(distribution):
    """Every (bin, count) pair survives packing, in its order."""
    assert unpack_distribution(pack_distribution(distribution)) == distribution


def test_the_packed_form_is_the_documented_one():
    """The texts look as the documentation of the schema shows them."""
    assert pack_intervals({"median": (61.5, 64), "p95": (80, 91.25)}) == (
        "median:61.5:64 p95:80:91.25"
    )
    assert pack_distribution(((96, 12), (97, 30))) == "96:12 97:30"


@pytest.mark.parametrize(
    "bad",
    [
        {"p95": (float("nan"), 1.0)},
        {"p95": (1.0, float("inf"))},
        {"p95": (-1.0, 1.0)},
        {"p95": (2.0, 1.0)},
        {"p 95": (1.0, 2.0)},
        {"p:95": (1.0, 2.0)},
        {"p95:1:2 p96": (1.0, 2.0)},
    ],
)
def test_what_could_not_be_unpacked_is_not_packed(bad):
    """Ends that are no times in order, and names that would be misread, are refused."""
    with pytest.raises(ValueError, match="'intervals'"):
        pack_intervals(bad)


@pytest.mark.parametrize("bad", [((1.0, 2),), ((1, "2"),), ((True, 2),)])
def test_a_distribution_of_something_else_is_not_packed(bad):
    """Bins and counts are integers, or are refused."""
    with pytest.raises(ValueError, match="'distribution'"):
        pack_distribution(bad)
