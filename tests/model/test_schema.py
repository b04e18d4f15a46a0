"""The saved form of a run, and what reading it refuses."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from storage.run_strategies import runs
from storage.stored_runs import HERE, PARSE, QUERY, make_run, make_summary

from pytest_perfmon.errors import NewerSchemaError
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.packed import MOST
from pytest_perfmon.model.run import Run
from pytest_perfmon.model.schema import SCHEMA, read_record, run_from_json, run_to_json

RUN = make_run(1, keys=[PARSE, QUERY])
PLAIN = json.loads(run_to_json(RUN))


def changed(**members):
    """Give the text of a run with other members at the top."""
    return json.dumps(PLAIN | members)


def result_of(plain, place=0):
    """Give a result by the names of its columns."""
    return dict(zip(plain["columns"], plain["results"][place], strict=True))


def changed_result(**members):
    """Give the text of a run with other members in its first result."""
    row = result_of(PLAIN) | members
    return changed(columns=list(row), results=[list(row.values()), *PLAIN["results"][1:]])


def more_of(**members):
    """Give the text of a run whose first result says more."""
    return changed_result(more=members)


@given(runs)
def test_a_run_is_read_as_it_was_written(run):
    """Every run survives being written and read."""
    assert run_from_json(run_to_json(run)) == run


@given(runs)
def test_judging_reads_the_same_figures(run):
    """What judging takes from a record is what the whole run says."""
    record = read_record(run_to_json(run))
    figures = {
        key: (value.run_id, value.time, value.unit, value.calls, value.median, value.p95)
        for key, value in record.values()
    }
    assert figures == {
        key: (run.id, run.time, one.unit, one.calls, one.median, one.p95)
        for key, one in run.results.items()
    }


def test_the_saved_form_is_the_documented_one():
    """The text is ASCII with one result a line, and the documented members have these names."""
    summary = replace(make_summary(100.0), intervals={"p95": (1.0, 2.5)}, distribution=((5, 2),))
    run = Run(RUN.id, "main", RUN.time, RUN.commit, HERE, {Key("t.py::é", "op"): summary})
    lines = run_to_json(run).splitlines()
    plain = json.loads("".join(lines))
    assert plain == {
        "schema": 1,
        "id": "000000000001",
        "name": "main",
        "time": "2026-01-01T00:01:00.000000+00:00",
        "commit": {"id": "c0ffee", "branch": "main", "dirty": False},
        "environment": {"fingerprint": HERE.fingerprint, "fields": dict(HERE.fields)},
        "columns": plain["columns"],
        "results": [json.loads(lines[-2])],
    }
    assert result_of(plain) == {
        "nodeid": "t.py::é",
        "operation": "op",
        "unit": "call",
        "rounds": 240,
        "calls": 240,
        "mean": 101.0,
        "min": 90.0,
        "median": 100.0,
        "p90": summary.p90,
        "p95": 120.0,
        "p99": 140.0,
        "max": 200.0,
        "control_ns": 100 / 7,
        "intervals": "p95:1.0:2.5",
        "distribution": "5:2",
        "more": None,
    }
    assert "".join(lines).isascii()


def test_members_that_say_nothing_are_left_out():
    """Errors, memory, interruption and warnings stand in the text only where there are any."""
    summary = replace(
        make_summary(), errors=2, peak_memory=0, allocations=-1, interrupted=True, warnings=("w",)
    )
    run = replace(RUN, results={PARSE: summary})
    assert result_of(json.loads(run_to_json(run)))["more"] == {
        "errors": 2,
        "peak_memory": 0,
        "allocations": -1,
        "interrupted": True,
        "warnings": ["w"],
    }
    assert run_from_json(run_to_json(run)) == run


def test_unknown_members_are_ignored():
    """Members that are not known here do no harm, at the top and in a result."""
    assert run_from_json(changed(later=[1])) == RUN
    assert run_from_json(more_of(later=[1])) == RUN
    later = [[*row, "x"] for row in PLAIN["results"]]
    assert run_from_json(changed(columns=[*PLAIN["columns"], "later"], results=later)) == RUN


def test_columns_may_come_in_any_order():
    """What a value means follows from the column's name, not from its place."""
    turned = changed(
        columns=PLAIN["columns"][::-1], results=[row[::-1] for row in PLAIN["results"]]
    )
    assert run_from_json(turned) == RUN


def test_odd_texts_survive():
    """Node ids with quotes, newlines and lone surrogates come back as they were."""
    odd = Key('t.py::t["\n\\\udcff]', "\x00 op")
    run = replace(RUN, results={odd: make_summary()})
    assert run_from_json(run_to_json(run)) == run


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (run_to_json(RUN)[:-3], "not JSON"),
        ("null", "no schema number"),
        ("[]", "no schema number"),
        ("{}", "no schema number"),
        ('{"name": "left-pad", "version": "1.3.0"}', "no schema number"),
        (changed(schema="1"), "no schema number"),
        (changed(schema=True), "no schema number"),
        (changed(schema=0), "no schema number"),
        ('{"schema": 1}', "'columns' is missing"),
        ("[" * 200_000, "nested too deeply"),
        ('{"schema": 1, "results": ' + "[" * 200_000, "nested too deeply"),
        ('{"schema": ' + "1" * 5000 + "}", "integer string conversion"),
        (changed(id="0123456789AB"), "'id'"),
        (changed(id=5), "'id'"),
        (changed(name=None), "'name'"),
        (changed(time="2026-01-01"), "'time'"),
        (changed(time="2026-02-31T00:01:00.000000+00:00"), "'time'"),
        (changed(time="2026-01-01T00:01:00.000000+01:00"), "'time'"),
        (changed(time="2026-01-01T00:01:00.000000"), "'time'"),
        (changed(time=5), "'time'"),
        (changed(commit=None), "wrong type"),
        (changed(commit={"id": 5, "branch": "", "dirty": False}), "'commit'"),
        (changed(commit={"id": "", "branch": "", "dirty": 0}), "'dirty'"),
        (changed(commit={"id": "", "branch": ""}), "'dirty' is missing"),
        (changed(environment={"fields": {}}), "'fingerprint' is missing"),
        (changed(environment={"fields": [], "fingerprint": ""}), "fields are not texts"),
        (changed(environment={"fields": {"cpus": 2}, "fingerprint": ""}), "fields are not texts"),
        (
            changed(environment=PLAIN["environment"] | {"fields": {"python": "3.11.8"}}),
            "fingerprint does not agree",
        ),
        (changed(results={}), "'results' are not lists"),
        (changed(results=[5]), "'results' are not lists"),
        (changed(results=[{}]), "'results' are not lists"),
        (changed(results=[[]]), "not one value a column"),
        (changed(results=[[*PLAIN["results"][0], 5]]), "not one value a column"),
        (changed(columns=None), "'columns' are not names"),
        (changed(columns=[5]), "'columns' are not names"),
        (changed(columns=[], results=[]), "'nodeid' is missing"),
        (changed(columns=["nodeid", "nodeid"], results=[["a", "b"]]), "the same name"),
        (changed(columns=PLAIN["columns"][:-1], results=[]), "'more' is missing"),
        (changed(results=PLAIN["results"] + PLAIN["results"][:1]), "same key"),
        (changed_result(nodeid=5), "'nodeid' is not a text"),
        (changed_result(operation=[]), "'operation' is not a text"),
        (changed_result(calls=2.0), "'calls' is not a count"),
        (changed_result(calls=True), "'calls' is not a count"),
        (changed_result(rounds=-1), "'rounds' is not a number from 0"),
        (changed_result(median="5"), "'median' is not a time"),
        (changed_result(median=None), "'median' is not a time"),
        (changed_result(p95=-0.1), "'p95' is not a number from 0"),
        (changed_result(p99=MOST + 1), "'p99' is not a number from 0"),
        (changed_result(max=float("inf")), "Infinity"),
        (changed_result(min=float("nan")), "NaN"),
        (changed_result(mean=12345678.5).replace("12345678.5", "1e999"), "'mean' is not a number"),
        (changed_result(more=5), "'more' is not an object or null"),
        (more_of(errors=-1), "'errors'"),
        (more_of(errors=None), "'errors'"),
        (more_of(peak_memory=0.5), "'peak_memory'"),
        (more_of(allocations="1"), "'allocations'"),
        (more_of(interrupted=1), "'interrupted'"),
        (more_of(warnings="text"), "'warnings'"),
        (more_of(warnings=[5]), "'warnings'"),
        (changed_result(intervals={}), "'intervals' is not a text"),
        (changed_result(distribution=[]), "'distribution' is not a text"),
    ],
    ids=lambda value: value[:40],
)
def test_damage_is_named(text, reason):
    """Whatever is wrong with a text, judging refuses it with a reason that says where."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        read_record(text)


@pytest.mark.parametrize(
    "members",
    [
        {"intervals": "p95"},
        {"intervals": "p95:1"},
        {"intervals": "p95:1:two"},
        {"intervals": "p95:2:1"},
        {"intervals": "p95:nan:nan"},
        {"intervals": "p95:1:inf"},
        {"intervals": "p95:-1:1"},
        {"distribution": "5"},
        {"distribution": "5:1:1"},
        {"distribution": "5:x"},
        {"distribution": "1.5:1"},
    ],
)
def test_damage_in_packed_members_shows_where_runs_are_read_whole(members):
    """Packed members are checked when they are unpacked, and named as the damaged ones."""
    with pytest.raises(ValueError, match=f"a result's '{next(iter(members))}'"):
        run_from_json(changed_result(**members))


def test_a_newer_schema_is_told_apart_from_damage():
    """A record of a later version is an error of its own, whatever else it holds."""
    with pytest.raises(NewerSchemaError, match=f"schema {SCHEMA + 1}.*reads up to {SCHEMA}"):
        read_record(json.dumps({"schema": SCHEMA + 1, "results": "of another form"}))


def test_older_schemas_are_upgraded_step_by_step():
    """A record of version 1 reaches version 3 through both upgrades, in order."""
    old = {name: value for name, value in PLAIN.items() if name != "commit"}
    upgrades = {
        1: lambda data: data | {"commit": {"sha": "abc"}},
        2: lambda data: (
            data | {"commit": {"id": data["commit"]["sha"], "branch": "", "dirty": False}}
        ),
    }
    record = read_record(json.dumps(old), schema=3, upgrades=upgrades)
    assert record.commit.id == "abc"
    assert record.run().results == RUN.results


def test_damage_in_an_older_schema_is_named_too():
    """What an upgrade stumbles over is damage with a reason, not a traceback."""
    upgrades = {1: lambda data: data | {"commit": data["gone"]}}
    with pytest.raises(ValueError, match="'gone' is missing"):
        read_record(json.dumps(PLAIN), schema=2, upgrades=upgrades)
