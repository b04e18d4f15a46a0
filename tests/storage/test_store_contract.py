"""What every store promises, whatever it keeps its runs in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storage.run_strategies import runs
from storage.stored_runs import ELSEWHERE, HERE, PARSE, QUERY, THERE, make_run, make_summary

from pytest_perfmon.errors import UsageError
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.run import Series, StoredValue, Window

THIRD = Key("tests/test_third.py::test_third", "third")


def value_of(run, key):
    """Give what judging gets of that key in that run."""
    summary = run.results[key]
    return StoredValue(
        run.id,
        run.time,
        "" if run.commit.dirty else run.commit.id,
        summary.unit,
        summary.calls,
        summary.median,
        summary.p95,
        summary.control_ns,
    )


def test_an_unused_store_is_empty(store):
    """Reading a store that nothing was saved to gives nothing, and no error."""
    assert store.window("default", HERE, [PARSE.nodeid]) == Window(values={}, elsewhere={}, runs=0)
    assert list(store.runs()) == []
    assert list(store.runs("default")) == []


@given(run=runs)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_a_saved_run_comes_back_as_it_was(fresh_store, run):
    """Whatever a run holds, it is read as it was saved."""
    store = fresh_store()
    store.save(run)
    assert list(store.runs(run.name)) == [run]


def test_a_window_holds_the_newest_values_oldest_first(store):
    """A window is the newest values up to its limit, in the order of their making."""
    saved = [make_run(number) for number in range(5)]
    for number in (3, 0, 4, 1, 2):
        store.save(saved[number])
    window = store.window("default", HERE, [PARSE.nodeid], limit=3)
    assert window.values == {PARSE: tuple(value_of(run, PARSE) for run in saved[2:])}
    assert (window.elsewhere, window.runs, window.warnings) == ({}, 5, ())


def test_a_partial_save_shortens_no_other_window(store):
    """Windows are counted per key: runs without a key take no place in its window."""
    whole = [make_run(number, keys=[PARSE, QUERY]) for number in range(3)]
    partial = [make_run(number, keys=[PARSE]) for number in range(3, 9)]
    for run in whole + partial:
        store.save(run)
    window = store.window("default", HERE, [PARSE.nodeid, QUERY.nodeid], limit=3)
    assert window.values[QUERY] == tuple(value_of(run, QUERY) for run in whole)
    assert window.values[PARSE] == tuple(value_of(run, PARSE) for run in partial[-3:])


def test_only_keys_that_were_asked_for_are_given(store):
    """A window holds no key that nobody asked for, nor one that has no value."""
    store.save(make_run(1, keys=[PARSE, QUERY]))
    window = store.window("default", HERE, [QUERY.nodeid, THIRD.nodeid])
    assert set(window.values) == {QUERY}
    assert isinstance(next(iter(window.values)), Key)


def test_values_of_another_environment_do_not_count(store):
    """Another machine's figures are never in a window; the newest such machine is named."""
    store.save(make_run(1, environment=ELSEWHERE))
    store.save(make_run(2, environment=THERE))
    window = store.window("default", HERE, [PARSE.nodeid, QUERY.nodeid])
    assert (window.values, window.elsewhere, window.runs) == ({}, {PARSE: THERE}, 2)


def test_elsewhere_is_silent_where_values_are(store):
    """A key that has values from here says nothing of other environments."""
    store.save(make_run(1, keys=[PARSE]))
    store.save(make_run(2, environment=THERE, keys=[PARSE, QUERY]))
    window = store.window("default", HERE, [PARSE.nodeid, QUERY.nodeid])
    assert (set(window.values), window.elsewhere) == ({PARSE}, {QUERY: THERE})


def test_baselines_do_not_see_each_other(store):
    """Runs of another baseline are neither in the window nor counted."""
    store.save(make_run(1, name="main"))
    store.save(make_run(2, name="release"))
    assert store.window("main", HERE, [PARSE.nodeid]).runs == 1
    assert [run.id for run in store.runs("release")] == [make_run(2).id]


def test_all_runs_come_newest_first_across_baselines(store):
    """Without a name, runs of all baselines come in one order, the newest first."""
    for number, name in ((1, "main"), (4, "main"), (2, "release"), (3, "a.b")):
        store.save(make_run(number, name=name))
    assert [run.name for run in store.runs()] == ["main", "a.b", "release", "main"]


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "a/b", "a\\b", "../up", "ü", "a b", "a:b", "dot.", "NUL", "com1.x"],
)
@pytest.mark.parametrize("door", ["save", "window", "runs"])
def test_impossible_baseline_names_are_usage_errors(store, name, door):
    """A name that could not be kept everywhere is refused by every door, with its value."""
    doors = {
        "save": lambda: store.save(make_run(1, name=name)),
        "window": lambda: store.window(name, HERE, [PARSE.nodeid]),
        "runs": lambda: list(store.runs(name)),
    }
    with pytest.raises(UsageError, match="--perf-baseline-name is ") as caught:
        doors[door]()
    assert repr(name) in str(caught.value)


def test_a_run_is_never_replaced(store):
    """Saving a second run under the same id and time is an error and changes nothing."""
    first = make_run(1)
    store.save(first)
    second = replace(first, results={PARSE: make_summary(1.0)})
    with pytest.raises(UsageError, match="exists"):
        store.save(second)
    assert list(store.runs()) == [first]


@pytest.mark.parametrize(
    "change",
    [
        {"median": float("nan")},
        {"p95": float("inf")},
        {"mean": -1.0},
        {"calls": -1},
        {"unit": None},
        {"intervals": {"p95": (1.0, float("inf"))}},
        {"intervals": {"p95": (2.0, 1.0)}},
        {"intervals": {"p 95": (1.0, 2.0)}},
    ],
)
def test_what_no_reader_would_accept_is_not_saved(store, change):
    """Impossible figures are refused when saving, so that no save is lost later."""
    run = replace(make_run(1), results={PARSE: replace(make_summary(), **change)})
    with pytest.raises(ValueError, match=r"."):
        store.save(run)
    assert list(store.runs()) == []


def test_a_window_holds_every_operation_of_a_test(store):
    """Operations are found by their test, and a new one does not wait for another's values."""
    other = Key(PARSE.nodeid, "another operation")
    for number, keys in enumerate([[PARSE], [PARSE, other], [PARSE, other]]):
        store.save(make_run(number, keys=keys))
    window = store.window("default", HERE, [PARSE.nodeid], limit=2)
    assert {key: len(values) for key, values in window.values.items()} == {PARSE: 2, other: 2}


@given(
    plan=st.lists(
        st.tuples(
            st.sampled_from([HERE, THERE]),
            st.sets(st.sampled_from([PARSE, QUERY, THIRD])),
        ),
        max_size=12,
    ),
    asked=st.sets(st.sampled_from([PARSE.nodeid, QUERY.nodeid, THIRD.nodeid])),
    limit=st.integers(1, 4),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_a_window_is_what_plain_filtering_gives(fresh_store, plan, asked, limit):
    """However runs, machines and keys are mixed, the window is the obvious one."""
    store = fresh_store()
    saved = [
        make_run(number, environment=environment, keys=sorted(keys))
        for number, (environment, keys) in enumerate(plan)
    ]
    for run in saved:
        store.save(run)
    window = store.window("default", HERE, asked, limit)
    for key in (PARSE, QUERY, THIRD):
        having = [run for run in saved if key in run.results and key.nodeid in asked]
        here = [value_of(run, key) for run in having if run.environment == HERE]
        assert window.values.get(key, ()) == tuple(here[-limit:])
        assert window.elsewhere.get(key) == (THERE if having and not here else None)
    assert window.runs == len(saved)


def test_history_is_every_value_by_key_and_environment(store):
    """All values of a baseline come oldest first, each key and each environment for itself."""
    here = [make_run(number, keys=[PARSE, QUERY]) for number in range(40)]
    there = make_run(40, environment=THERE)
    for run in (*reversed(here), there, make_run(41, name="other")):
        store.save(run)
    parse = Series(PARSE, HERE, tuple(value_of(run, PARSE) for run in here))
    query = Series(QUERY, HERE, tuple(value_of(run, QUERY) for run in here))
    parse_there = Series(PARSE, THERE, (value_of(there, PARSE),))
    expected = sorted(
        [parse, query, parse_there], key=lambda one: (one.key, one.environment.fingerprint)
    )
    assert store.history("default") == expected
    assert store.history("default", "db.query") == [query]
    assert store.history("default", QUERY.nodeid) == [query]
    assert store.history("default", "query") == []
    assert store.history("unknown") == []


def test_a_removed_run_is_gone_and_no_other(store):
    """Removing takes out that run alone; a second time it is an error that says so."""
    saved = [make_run(number) for number in range(3)]
    for run in saved:
        store.save(run)
    store.remove(saved[1])
    assert list(store.runs()) == [saved[2], saved[0]]
    with pytest.raises(UsageError, match="cannot remove the run"):
        store.remove(saved[1])
    assert list(store.runs()) == [saved[2], saved[0]]
