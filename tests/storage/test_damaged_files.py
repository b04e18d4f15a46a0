"""Five hundred files that went wrong in ways that nobody thought of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from storage.stored_runs import HERE, PARSE, QUERY, make_run

from pytest_perfmon.errors import NewerSchemaError
from pytest_perfmon.model.schema import SCHEMA, run_to_json
from pytest_perfmon.storage.directory import DirectoryStore

WHOLE = run_to_json(make_run(2, keys=[PARSE, QUERY])).encode()
PLAIN = json.loads(WHOLE)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def paths_in(value, here=()):
    """List the way to every member of plain data."""
    yield here
    if isinstance(value, dict):
        for name, member in value.items():
            yield from paths_in(member, (*here, name))
    if isinstance(value, list):
        for place, member in enumerate(value):
            yield from paths_in(member, (*here, place))


@st.composite
def truncated(draw):
    """Cut the file anywhere before its closing brace."""
    return WHOLE[: draw(st.integers(0, len(WHOLE) - 3))]


@st.composite
def flipped(draw):
    """Change a few bytes."""
    data = bytearray(WHOLE)
    for place in draw(st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=4)):
        data[place] = draw(st.integers(0, 255))
    return bytes(data)


@st.composite
def swapped(draw):
    """Put another JSON value in place of a member."""
    *way, last = draw(st.sampled_from([path for path in paths_in(PLAIN) if path]))
    data = json.loads(WHOLE)
    inner = data
    for step in way:
        inner = inner[step]
    inner[last] = draw(json_values)
    return json.dumps(data).encode()


@st.composite
def lacking(draw):
    """Leave a member out."""
    *way, last = draw(st.sampled_from([path for path in paths_in(PLAIN) if path]))
    data = json.loads(WHOLE)
    inner = data
    for step in way:
        inner = inner[step]
    del inner[last]
    return json.dumps(data).encode()


foreign = json_values.map(lambda value: json.dumps(value).encode())
damaged = st.one_of(truncated(), flipped(), swapped(), lacking(), foreign, st.binary(max_size=50))


def announces_newer(data):
    """Say whether the damage turned the file into one of a later version."""
    try:
        return json.loads(data)["schema"] > SCHEMA
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return False


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Give a store's directory with three runs, the second of which gets damaged."""
    place = tmp_path_factory.mktemp("damaged")
    for number in (1, 2, 3):
        DirectoryStore(place).save(make_run(number, keys=[PARSE, QUERY]))
    return place


@pytest.mark.slow
@given(data=damaged)
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_no_damage_costs_more_than_its_own_file(place, data):
    """Damage is skipped and named or did no harm; other runs are used; the file stays as it is."""
    assume(not announces_newer(data))
    path = place / "default" / "20260101T000200.000000Z-000000000002.json"
    path.write_bytes(data)
    store = DirectoryStore(place)
    window = store.window("default", HERE, [PARSE.nodeid, QUERY.nodeid])
    for key in (PARSE, QUERY):
        used = {int(value.run_id, 16) for value in window.values[key]}
        assert used - {2} == {1, 3}
    assert window.runs == 3 - len(window.warnings)
    assert all(str(path) in warning and "\n" not in warning for warning in window.warnings)
    named = []
    others = [run for run in store.runs("default", on_damaged=named.append) if run.id[-1] != "2"]
    assert others == [make_run(number, keys=[PARSE, QUERY]) for number in (3, 1)]
    assert set(window.warnings) <= set(named)
    assert path.read_bytes() == data


@given(data=truncated() | foreign)
@settings(max_examples=50)
def test_a_cut_or_foreign_file_is_always_named(place, data):
    """A file that was cut short, or is some other JSON, never passes for a run."""
    path = place / "default" / "20260101T000200.000000Z-000000000002.json"
    path.write_bytes(data)
    window = DirectoryStore(place).window("default", HERE, [PARSE.nodeid])
    assert [int(value.run_id, 16) for value in window.values[PARSE]] == [1, 3]
    assert len(window.warnings) == 1


@given(schema=st.integers(SCHEMA + 1))
@settings(max_examples=20)
def test_every_higher_version_is_newer(place, schema):
    """Whatever number above ours a file bears, it is a usage error that names the file."""
    path = place / "default" / "20260101T000200.000000Z-000000000002.json"
    path.write_text(json.dumps(PLAIN | {"schema": schema}))
    with pytest.raises(NewerSchemaError) as caught:
        DirectoryStore(place).window("default", HERE, [PARSE.nodeid])
    assert str(path) in str(caught.value)
