"""What a run is compared by: its environment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.model.run import Environment

fields = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4)


@given(fields, fields)
def test_fingerprints_are_equal_exactly_where_fields_are(one, other):
    """Two environments share a fingerprint if, and only if, all their fields agree."""
    same = Environment(one).fingerprint == Environment(other).fingerprint
    assert same == (one == other)


@given(fields, st.randoms())
def test_fingerprints_do_not_depend_on_order(one, random):
    """The order in which fields were collected does not show in the fingerprint."""
    shuffled = list(one.items())
    random.shuffle(shuffled)
    assert Environment(dict(shuffled)).fingerprint == Environment(one).fingerprint


def test_a_fingerprint_stays_what_it_was():
    """The fingerprint of given fields is part of the stored form and never changes."""
    assert Environment({"python": "3.11.7", "cpu": "é"}).fingerprint == "bf99f08f8896a392"


def test_differences_name_each_field_with_both_values():
    """Fields that differ, or are on one side only, are named with the value there and here."""
    here = Environment({"python": "3.12.1", "cpu": "fast", "gpu": "none"})
    there = Environment({"python": "3.11.7", "cpu": "fast", "ram": "2 GB"})
    assert here.differences(there) == (
        "gpu: unknown there, none here",
        "python: 3.11.7 there, 3.12.1 here",
        "ram: 2 GB there, unknown here",
    )


@given(fields, fields)
def test_equal_environments_alone_have_no_differences(one, other):
    """There is a difference to name exactly where the fields differ."""
    assert bool(Environment(one).differences(Environment(other))) == (one != other)
