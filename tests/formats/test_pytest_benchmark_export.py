"""A run as pytest-benchmark's JSON: the same run again after import, and readable for others."""

from __future__ import annotations

import json
import math
import random
import statistics
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from storage.run_strategies import runs
from storage.stored_runs import PARSE, QUERY, make_run

from pytest_perfmon.formats.labels import labels_of
from pytest_perfmon.formats.pytest_benchmark_reader import from_pytest_benchmark
from pytest_perfmon.formats.pytest_benchmark_writer import to_pytest_benchmark
from pytest_perfmon.model.measurement import Key, Measurement
from pytest_perfmon.model.run import Commit, Environment
from pytest_perfmon.stats.summary import summary_of

SORT = Key("tests/test_sort.py::TestSort::test_sort[big]", "test_sort[big]")
FIELDS = {"implementation": "pypy", "system": "win32", "cpus": "4", "cpu": "a fast one"}
# what pytest-benchmark's own tables, Bencher and github-action-benchmark look at
READ_BY_OTHERS = {
    *("min", "max", "mean", "stddev", "rounds", "median", "iqr", "q1", "q3", "iqr_outliers"),
    *("stddev_outliers", "outliers", "ld15iqr", "hd15iqr", "ops", "total", "iterations"),
}


def has_own_names(run):
    """Say whether no two keys of a run come to the same label."""
    try:
        return bool(labels_of(run.results)) or not run.results
    except ValueError:
        return False


def run_of(values_ns, calls_per_value=1):
    """Give a run of one operation that was measured with those values."""
    measurement = Measurement("test_sort[big]", values_ns, calls_per_value, len(values_ns))
    return replace(make_run(1), results={SORT: summary_of(measurement)})


def exported(run):
    """Give what was written for a run, as plain data."""
    return json.loads(to_pytest_benchmark(run).text)


def stats_of(run):
    """Give the figures that were written for a run's only operation."""
    (benchmark,) = exported(run)["benchmarks"]
    return benchmark["stats"]


@settings(max_examples=40)
@given(runs.filter(has_own_names))
def test_a_run_is_the_same_after_export_and_import(run):
    """Nothing is lost: figures, intervals, distribution, commit, environment, warnings."""
    data = to_pytest_benchmark(run).text.encode()
    assert from_pytest_benchmark(data, run.name) == (run, ())
    assert from_pytest_benchmark(data, "another").run == replace(run, name="another")


@settings(max_examples=40)
@given(runs.filter(has_own_names))
def test_each_operation_is_written_or_named(run):
    """What has no distribution is left out with a line; whatever is written is strict JSON."""
    text, left_out = to_pytest_benchmark(run)

    def refuse(constant):
        raise AssertionError(constant)

    written = [one["fullname"] for one in json.loads(text, parse_constant=refuse)["benchmarks"]]
    missing = [line.removesuffix(" is left out: its spread is not known") for line in left_out]
    assert sorted(written + missing) == sorted(labels_of(run.results).values())


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=200), st.integers(1, 1000))
def test_what_both_know_is_the_same_without_our_own_member(values, iterations):
    """A reader that drops our member keeps the figures and counts."""
    run = run_of(values, iterations)
    data = exported(run)
    del data["pytest_perfmon"]
    back = from_pytest_benchmark(json.dumps(data).encode(), run.name).run
    before, after = run.results[SORT], back.results[SORT]
    assert (after.unit, after.rounds, after.calls) == (before.unit, before.rounds, before.calls)
    for name in ("min", "mean", "median", "max"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-12)
    assert (back.time, back.commit) == (run.time, run.commit)


def test_a_test_of_several_operations_keeps_its_keys():
    """Where the operation is not the test's own name, label and name give it back."""
    run = make_run(1, keys=[PARSE, QUERY, SORT])
    data = exported(run)
    assert [(one["name"], one["fullname"]) for one in data["benchmarks"]] == [
        ("parse", "tests/test_parse.py::test_parse parse"),
        ("db.query", "tests/test_db.py::test_query[1] db.query"),
        ("test_sort[big]", "tests/test_sort.py::TestSort::test_sort[big]"),
    ]
    del data["pytest_perfmon"]
    back = from_pytest_benchmark(json.dumps(data).encode(), "a").run
    assert list(back.results) == [PARSE, QUERY, SORT]


def test_every_figure_that_others_read_is_there():
    """Their tables fail on a missing member; each is a finite number, in seconds."""
    stats = stats_of(run_of(list(range(1000, 2000))))
    assert set(stats) == READ_BY_OTHERS
    assert stats["median"] == pytest.approx(1499.5e-9)
    assert stats["ops"] == pytest.approx(1 / 1499.5e-9)
    assert stats["total"] == pytest.approx(1499.5e-6)
    assert (stats["rounds"], stats["iterations"], stats["outliers"]) == (1000, 1, "422;0")


@pytest.mark.parametrize("sigma", [0.003, 0.03, 0.3, 1.0])
def test_what_depends_on_the_spread_is_near_what_the_values_give(sigma):
    """Quartiles are right to 2.2 %, the deviation to a tenth of it or 0.2 % of the values."""
    made = random.Random(7)
    values = [round(50_000 * math.exp(made.gauss(0, sigma))) for _ in range(2000)]
    stats = stats_of(run_of(values))
    q1, _, q3 = statistics.quantiles(values, n=4)
    assert stats["q1"] * 1e9 == pytest.approx(q1, rel=0.022)
    assert stats["q3"] * 1e9 == pytest.approx(q3, rel=0.022)
    assert stats["stddev"] * 1e9 == pytest.approx(statistics.stdev(values), rel=0.1, abs=100)
    spread = statistics.stdev(values)
    mean = statistics.fmean(values)
    beyond = sum(not mean - spread <= value <= mean + spread for value in values)
    assert stats["stddev_outliers"] == pytest.approx(beyond, rel=0.2)


def test_a_single_value_has_no_spread():
    """One round is what its figures say: no deviation, no quartile distance, no outliers."""
    stats = stats_of(run_of([1500]))
    assert (stats["stddev"], stats["iqr"], stats["outliers"]) == (0, 0, "0;0")
    assert stats["q1"] == stats["q3"] == stats["min"] == stats["max"] == 1500e-9


def test_an_operation_that_took_no_time_has_no_rate():
    """A coarse clock shows 0; the rate is then 0, as pytest-benchmark has it, and never endless."""
    run = run_of([0, 0])
    assert stats_of(run)["ops"] == 0
    hardly = replace(run.results[SORT], mean=5e-324)
    assert stats_of(replace(run, results={SORT: hardly}))["ops"] == 0


def test_machine_and_commit_have_their_names():
    """Systems and interpreters are called as pytest-benchmark calls them."""
    run = replace(make_run(1), environment=Environment(FIELDS), commit=Commit())
    data = exported(run)
    assert data["machine_info"] == {
        "python_implementation": "PyPy",
        "system": "Windows",
        "cpu": {"brand_raw": "a fast one", "count": 4},
    }
    assert data["commit_info"] == {
        "id": "unversioned",
        "time": None,
        "author_time": None,
        "dirty": False,
        "project": None,
        "branch": "(unknown)",
    }
    del data["pytest_perfmon"]
    back = from_pytest_benchmark(json.dumps(data).encode(), "a").run
    assert back.environment.fields == FIELDS | {"measured by": "pytest-benchmark"}
    assert back.commit == Commit()


def test_two_operations_of_one_name_are_refused():
    """A reader would keep one of them without a word."""
    run = make_run(1, keys=[Key("a.py::t[x", "y z"), Key("a.py::t[x y", "z")])
    with pytest.raises(ValueError, match=r"'a.py::t\[x y z' would name two operations"):
        to_pytest_benchmark(run)
