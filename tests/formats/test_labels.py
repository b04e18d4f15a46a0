"""One name for each key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_perfmon.formats.labels import key_of, labels_of, own_name
from pytest_perfmon.model.measurement import Key

names = st.from_regex(r"[a-z_]{1,8}(\[[a-z :]{1,8}\])?", fullmatch=True)
nodeids = st.builds("tests/{}.py::Test::{}".format, st.sampled_from(["a", "b c"]), names)


@pytest.mark.parametrize(
    ("nodeid", "name"),
    [
        ("a.py::test_it", "test_it"),
        ("a.py::TestIt::test_it[1]", "test_it[1]"),
        ("a.py::test_it[a::b]", "test_it[a::b]"),
        ("test_it", "test_it"),
    ],
)
def test_a_test_is_named_by_its_last_part(nodeid, name):
    """Colons in parameters are part of the name."""
    assert own_name(nodeid) == name
    assert labels_of([Key(nodeid, name)]) == {Key(nodeid, name): nodeid}


@given(nodeids, names | st.just("db.query"))
def test_a_key_comes_back_from_its_label(nodeid, operation):
    """Label and name together are the key again, the test's own name or not."""
    key = Key(nodeid, operation)
    (label,) = labels_of([key]).values()
    assert key_of(label, operation) == key


def test_a_name_for_two_keys_is_refused():
    """The message shows the name and both operations."""
    with pytest.raises(ValueError, match=r"'a b c' would name two operations, 'b c' and 'c'"):
        labels_of([Key("a", "b c"), Key("a b", "c")])
