"""Results travel as plain data and arrive as they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage.run_strategies import runs, summaries

from pytest_perfmon.model.codec import from_plain, to_plain
from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.run import Run
from pytest_perfmon.model.verdict import (
    Change,
    Comparison,
    MeasuredOperation,
    Outcome,
    Severity,
    TestResult,
    Verdict,
)

texts = st.text(max_size=10)
keys = st.builds(Key, texts, texts)
figures = st.floats(allow_nan=False)
results = st.builds(
    TestResult,
    nodeid=texts,
    measured=st.booleans(),
    operations=st.lists(st.builds(MeasuredOperation, keys, summaries), max_size=2).map(tuple),
    verdicts=st.lists(
        st.builds(
            Verdict,
            key=keys,
            criterion=texts,
            outcome=st.sampled_from(Outcome),
            headline=texts,
            reason=texts,
            details=st.lists(texts, max_size=2).map(tuple),
            severity=st.none() | st.sampled_from(Severity),
            comparison=st.none()
            | st.builds(
                Comparison,
                change=st.sampled_from(Change),
                effect=figures,
                low=figures,
                high=figures,
                backing=texts,
                visible=st.none() | figures,
            ),
            warnings=st.lists(texts, max_size=2).map(tuple),
            fails=st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
    seconds=figures,
)


class Colour(StrEnum):
    """An enumeration to travel."""

    RED = "red"


class Point(NamedTuple):
    """A named tuple to travel."""

    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """A dataclass with a member of every kind."""

    number: int
    share: float
    fine: bool
    colour: Colour
    at: Point
    by_place: Mapping[Point, str]
    counts: dict[str, int]
    words: tuple[str, ...] = ()
    pair: tuple[int, str] | None = None


PARCEL = Parcel(1, 0.5, True, Colour.RED, Point(1, 2), {Point(3, 4): "there"}, {"a": 1})
PLAIN = {
    "number": 1,
    "share": 0.5,
    "fine": True,
    "colour": "red",
    "at": [1, 2],
    "by_place": [[[3, 4], "there"]],
    "counts": {"a": 1},
    "words": [],
    "pair": None,
}


def through_json(value):
    """Send a value as the text that travels."""
    return json.loads(json.dumps(to_plain(value)))


def test_plain_data_is_what_it_looks_like():
    """Members go by name, tuples as lists, enums by value, tuple keys as pairs."""
    assert to_plain(PARCEL) == PLAIN
    assert from_plain(Parcel, PLAIN) == PARCEL


@given(results)
def test_a_test_result_arrives_as_it_was(result):
    """All that a perf test gave survives the way over JSON, unbounded intervals included."""
    assert from_plain(TestResult, through_json(result)) == result


@given(runs)
def test_a_run_arrives_as_it_was(run):
    """A run survives the way over JSON; its keys are `Key`s again."""
    arrived = from_plain(Run, through_json(run))
    assert arrived == run
    assert all(type(key) is Key for key in arrived.results)


@given(summaries)
def test_what_arrives_is_frozen_again(summary):
    """Lists of plain data become tuples where the dataclass says so."""
    arrived = from_plain(Summary, through_json(summary))
    assert type(arrived.distribution) is type(arrived.warnings) is tuple
    assert all(type(interval) is tuple for interval in arrived.intervals.values())


def test_unknown_members_are_ignored():
    """Data from a later version, with members that are not known here, is read all the same."""
    assert from_plain(Parcel, PLAIN | {"later": [1]}) == PARCEL


def test_missing_members_take_their_defaults():
    """A member that has a default may be missing."""
    plain = {name: value for name, value in PLAIN.items() if name not in ("words", "pair")}
    assert from_plain(Parcel, plain) == PARCEL


@pytest.mark.parametrize(
    "change",
    [
        {"number": "1"},
        {"number": 1.0},
        {"number": True},
        {"number": None},
        {"share": "0.5"},
        {"share": True},
        {"fine": 1},
        {"colour": "blue"},
        {"at": [1]},
        {"at": 1},
        {"by_place": [[[3, 4]]]},
        {"by_place": 5},
        {"counts": [1]},
        {"counts": {"a": "1"}},
        {"words": [1]},
        {"words": 1},
        {"pair": [1]},
        {"pair": [1, 2]},
    ],
)
def test_a_member_of_the_wrong_type_is_an_error(change):
    """Data of another shape raises one of the documented errors, never gives a wrong object."""
    with pytest.raises((TypeError, ValueError, KeyError, AttributeError)):
        from_plain(Parcel, PLAIN | change)


@pytest.mark.parametrize("data", [None, 1, "text", [], [1], {}, {"number": 1}])
def test_what_is_no_such_dataclass_is_an_error(data):
    """Data that is not even a mapping, or lacks members, raises one of the documented errors."""
    with pytest.raises((TypeError, ValueError, KeyError, AttributeError)):
        from_plain(Parcel, data)


def test_an_error_names_the_value():
    """The message of a wrong type says what was expected and what came."""
    with pytest.raises(TypeError, match="expected int, got 'one'"):
        from_plain(Parcel, PLAIN | {"number": "one"})
