"""github-action-benchmark's own format: a median and a p95 an operation, always nanoseconds."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from formats.test_bencher import distinct
from hypothesis import given, settings
from storage.run_strategies import runs
from storage.stored_runs import PARSE, make_run, make_summary

from pytest_perfmon.formats.action_benchmark import to_action_benchmark
from pytest_perfmon.formats.figures import figures_of
from pytest_perfmon.formats.labels import labels_of

RANGE = re.compile(r"95 % interval (\S+) to (\S+)")


def entries_of(run):
    """Give the entries that were written, by name."""
    entries = json.loads(to_action_benchmark(run).text)
    by_name = {entry.pop("name"): entry for entry in entries}
    assert len(by_name) == len(entries)
    return by_name


@settings(max_examples=40)
@given(runs.filter(distinct))
def test_watched_figures_are_values_and_the_rest_is_told(run):
    """Values, ends of intervals, counts and sizes come back to the last digit."""
    entries = entries_of(run)
    labels = labels_of(run.results)
    for key, summary in run.results.items():
        figures = figures_of(summary)
        for name in {"median", "p95"} & set(figures):
            entry = entries.pop(f"{labels[key]} {name}")
            ns, interval = figures[name]
            assert (entry["value"], entry["unit"]) == (ns, "ns")
            match = RANGE.fullmatch(entry.get("range", ""))
            assert (match and tuple(map(float, match.groups()))) == interval
            told = dict(line.split(": ", 1) for line in entry["extra"].split("\n"))
            for other, figure in figures.items():
                assert float(told[other].split()[0]) == float(figure.ns)
            assert (told["rounds"], told["calls"]) == (str(summary.rounds), str(summary.calls))
            assert (told["errors"], told["values are of"]) == (str(summary.errors), summary.unit)
            sizes = (summary.peak_memory, summary.allocations)
            expected = tuple(None if size is None else str(size) for size in sizes)
            memory = told.get("peak memory")
            assert (memory and memory.split()[0], told.get("allocations")) == expected
    assert not entries


def test_an_operation_without_a_p95_has_one_entry():
    """A percentile that is not known draws no line."""
    summary = replace(make_summary(1500.0), intervals={})
    run = replace(make_run(1), results={PARSE: summary})
    (name,) = entries_of(run)
    assert name == "tests/test_parse.py::test_parse parse median"
    assert "range" not in entries_of(run)[name]
