"""Bencher Metric Format: what is watched, in nanoseconds, with its interval."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from storage.run_strategies import runs
from storage.stored_runs import PARSE, make_run, make_summary

from pytest_perfmon.formats.bencher import to_bencher
from pytest_perfmon.formats.figures import figures_of
from pytest_perfmon.formats.labels import labels_of
from pytest_perfmon.model.measurement import Key


def distinct(run):
    """Say whether no two keys of a run come to the same label."""
    try:
        return labels_of(run.results) is not None
    except ValueError:
        return False


@settings(max_examples=40)
@given(runs.filter(distinct))
def test_every_figure_is_a_measure_of_its_operation(run):
    """What is read back is the run's figures to the last digit, and sizes where there are some."""
    data = json.loads(to_bencher(run).text)
    labels = labels_of(run.results)
    assert list(data) == list(labels.values())
    for key, summary in run.results.items():
        measures = data[labels[key]]
        for name, (ns, interval) in figures_of(summary).items():
            measure = measures.pop("latency" if name == "median" else name)
            ends = (measure.get("lower_value"), measure.get("upper_value"))
            assert (measure["value"], ends) == (ns, interval or (None, None))
        sizes = {"peak-memory": summary.peak_memory, "allocations": summary.allocations}
        known = {name: {"value": size} for name, size in sizes.items() if size is not None}
        assert measures == known


def test_the_median_is_the_latency_that_bencher_knows():
    """`latency` is the measure that every project of Bencher has."""
    data = json.loads(to_bencher(make_run(1)).text)
    assert data["tests/test_parse.py::test_parse parse"]["latency"] == {
        "value": 1001.0,
        "lower_value": pytest.approx(990.99),
        "upper_value": pytest.approx(1011.01),
    }


def test_a_percentile_that_is_not_known_is_no_measure():
    """Neither an import from means nor a handful of calls gives a p99."""
    summary = replace(make_summary(), intervals={}, p99=0.0)
    data = json.loads(to_bencher(replace(make_run(1), results={PARSE: summary})).text)
    assert list(data["tests/test_parse.py::test_parse parse"]) == ["mean", "min", "latency", "max"]


def test_a_name_that_bencher_would_refuse_is_left_out_and_named():
    """One long name must not cost the whole report."""
    long = Key("a.py::test_it[" + "x" * 1010 + "]", "op")
    text, left_out = to_bencher(make_run(1, keys=[PARSE, long]))
    assert list(json.loads(text)) == ["tests/test_parse.py::test_parse parse"]
    (line,) = left_out
    assert line.endswith("op is left out: Bencher takes names of up to 1024 characters")
