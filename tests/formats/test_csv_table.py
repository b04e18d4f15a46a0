"""Runs as comma-separated values: all that a run holds, and nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage.run_strategies import runs
from storage.stored_runs import PARSE, QUERY, make_run

from pytest_perfmon.formats.csv_table import COLUMNS, csv_texts
from pytest_perfmon.formats.figures import FIGURES, figures_of
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.packed import pack_distribution

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table_of(written):
    """Read a table back as any reader of CSV does, and take the guarding apostrophes away."""
    rows = list(csv.DictReader(io.StringIO("".join(csv_texts(written)), newline="")))
    return [{name: unguarded(cell) for name, cell in row.items()} for row in rows]


def unguarded(cell):
    """Give the text that a cell stands for."""
    guarded = cell.startswith("'") and cell.lstrip("'").startswith(FORMULA)
    return cell[1:] if guarded else cell


def number(cell):
    """Give the number in a cell; None where it is empty."""
    return float(cell) if cell else None


@settings(max_examples=40)
@given(st.lists(runs, max_size=2))
def test_every_member_of_a_run_comes_back(written):
    """Texts are the same texts, numbers the same numbers to the last digit."""
    expected = [(run, key, one) for run in written for key, one in run.results.items()]
    rows = table_of(written)
    assert len(rows) == len(expected)
    for row, (run, key, summary) in zip(rows, expected, strict=True):
        assert (row["run"], row["baseline"], row["time"]) == (run.id, run.name, run.time)
        assert (row["commit"], row["branch"]) == (run.commit.id, run.commit.branch)
        assert row["dirty"] == str(run.commit.dirty).lower()
        assert json.loads(row["environment"]) == run.environment.fields
        assert row["fingerprint"] == run.environment.fingerprint
        assert Key(row["nodeid"], row["operation"]) == key
        counts = (row["unit"], int(row["rounds"]), int(row["calls"]), int(row["errors"]))
        assert counts == (summary.unit, summary.rounds, summary.calls, summary.errors)
        assert (number(row["control_ns"]) or 0) == float(summary.control_ns)
        assert number(row["peak_memory_bytes"]) == (
            None if summary.peak_memory is None else float(summary.peak_memory)
        )
        assert number(row["allocations"]) == summary.allocations
        assert row["interrupted"] == str(summary.interrupted).lower()
        assert row["warnings"] == "\n".join(summary.warnings)
        assert row["distribution"] == pack_distribution(summary.distribution)
        figures = figures_of(summary)
        for name in FIGURES:
            ns, interval = figures.get(name, (None, None))
            assert number(row[f"{name}_ns"]) == (None if ns is None else float(ns))
            ends = (number(row.get(f"{name}_low_ns", "")), number(row.get(f"{name}_high_ns", "")))
            assert ends == (interval or (None, None))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\ta", "\ra", "'=1", "''-x"])
def test_no_text_is_taken_for_a_formula(text):
    """A name that a spreadsheet would run gets an apostrophe, and can be had back without it."""
    run = make_run(1, keys=[Key(text, "op")])
    lines = io.StringIO("".join(csv_texts([run])), newline="")
    (cell,) = [row["nodeid"] for row in csv.DictReader(lines)]
    assert cell == f"'{text}"
    assert unguarded(cell) == text


def test_plain_texts_and_numbers_are_left_alone():
    """An apostrophe elsewhere is part of the text, and a number may be below zero."""
    run = make_run(1, keys=[Key("a's", "'quoted'")])
    assert ',"a\'s","\'quoted\'",' in "".join(csv_texts([run]))


def test_names_of_columns_come_once_and_runs_one_by_one():
    """The first text is the header; a run is written before the next one is asked for."""
    asked = []

    def two():
        for count in (1, 2):
            asked.append(count)
            yield make_run(count, keys=[PARSE, QUERY])

    texts = csv_texts(two())
    assert next(texts) == ",".join(f'"{name}"' for name in COLUMNS) + "\n"
    assert next(texts).count("\n") == 2
    assert asked == [1]
    assert next(texts).startswith('"000000000002","default","2026-01-01T00:02:00.000000+00:00",')
    assert list(texts) == []
