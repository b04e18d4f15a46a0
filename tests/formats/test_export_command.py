"""`python -m pytest_perfmon export`: stored runs on the standard output or in a file."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from storage.stored_runs import PARSE, QUERY, make_run, make_summary

from pytest_perfmon.cli import main
from pytest_perfmon.cli.export import OF_ONE_RUN
from pytest_perfmon.formats.pytest_benchmark_reader import from_pytest_benchmark
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.storage.base import open_store


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Give the default store of an empty folder, with two runs in it."""
    monkeypatch.chdir(tmp_path)
    opened = open_store(".perfmon", tmp_path)
    for number in (1, 2):
        opened.save(make_run(number, keys=[PARSE, QUERY]))
    return opened


@pytest.mark.parametrize("name", OF_ONE_RUN)
def test_the_newest_run_is_written_where_none_is_named(store, name, capsys):
    """Nothing but the file's text goes to the standard output."""
    assert main(["export", f"--format={name}"]) == 0
    said = capsys.readouterr()
    assert said.out == OF_ONE_RUN[name](make_run(2, keys=[PARSE, QUERY])).text
    assert said.err == ""


def test_a_run_is_named_as_in_show(store, capsys):
    """`latest~1` is the run before the newest; an id works too."""
    for word in ("latest~1", "000000000001"):
        assert main(["export", word, "--format=pytest-benchmark"]) == 0
        text = capsys.readouterr().out
        assert from_pytest_benchmark(text.encode(), "default").run == make_run(
            1, keys=[PARSE, QUERY]
        )


def test_an_export_comes_back_by_import(store, tmp_path):
    """From one store through a file into another, nothing is lost."""
    assert main(["export", "--format=pytest-benchmark", "--output=run.json"]) == 0
    assert main(["import", "run.json", "--store=other"]) == 0
    assert list(open_store("other", tmp_path).runs()) == [make_run(2, keys=[PARSE, QUERY])]


def test_csv_holds_every_run_of_the_baseline(store, tmp_path):
    """A row an operation of a run, newest first; with a run named, only its rows."""
    assert main(["export", "--format=csv", "--output=runs.csv"]) == 0
    with (tmp_path / "runs.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["run"][-1], row["operation"]) for row in csv.DictReader(file)]
    assert rows == [("2", "parse"), ("2", "db.query"), ("1", "parse"), ("1", "db.query")]
    assert b"\r" not in (tmp_path / "runs.csv").read_bytes()
    assert main(["export", "latest", "--format=csv", "--output=runs.csv"]) == 0
    assert len((tmp_path / "runs.csv").read_text().splitlines()) == 3


def test_csv_on_the_standard_output_has_no_empty_lines(store, capsys):
    """Every line is the header or a row."""
    assert main(["export", "--format=csv"]) == 0
    assert [line[:4] for line in capsys.readouterr().out.splitlines()] == ['"run'] + ['"000'] * 4


def test_names_no_encoding_has_are_written_as_escapes(store, tmp_path):
    """A lone surrogate in a test's name ends nothing, in a file and on any standard output."""
    odd = Key("tests/test_one.py::test_it[\udc80 \u00fc]", "it")
    store.save(make_run(3, keys=[odd]))
    assert main(["export", "--format=csv", "--output=runs.csv"]) == 0
    written = (tmp_path / "runs.csv").read_bytes()
    assert "test_it[\\udc80 \u00fc]".encode() in written
    done = subprocess.run(
        [sys.executable, "-m", "pytest_perfmon", "export", "--format=csv"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert done.stdout == written


def test_what_a_format_cannot_hold_is_named_beside_the_result(store, capsys):
    """One operation without a spread is told; the others are written."""
    run = make_run(3, keys=[PARSE, QUERY])
    unknown = replace(make_summary(), distribution=())
    store.save(replace(run, results={**run.results, QUERY: unknown}))
    assert main(["export", "--format=pytest-benchmark"]) == 0
    said = capsys.readouterr()
    assert len(json.loads(said.out)["benchmarks"]) == 1
    assert said.err == (f"{QUERY.nodeid} {QUERY.operation} is left out: its spread is not known\n")


def test_a_run_of_which_nothing_fits_is_an_error(store, tmp_path, capsys):
    """An empty file would look like success; none is made."""
    run = replace(make_run(3), results={PARSE: replace(make_summary(), distribution=())})
    store.save(run)
    assert main(["export", "--format=pytest-benchmark", "--output=run.json"]) == 4
    assert "has nothing for pytest-benchmark: " in capsys.readouterr().err
    assert not (tmp_path / "run.json").exists()


def test_names_that_a_format_cannot_tell_apart_are_an_error(store, capsys):
    """The message names the run, the format and the name."""
    store.save(make_run(3, keys=[Key("a", "b c"), Key("a b", "c")]))
    assert main(["export", "--format=bencher"]) == 4
    said = capsys.readouterr().err
    assert said.startswith("error: the run 000000000003 has no form in bencher: 'a b c' would name")


def test_a_baseline_without_runs_is_a_usage_error(store, capsys):
    """The message says which options name another."""
    assert main(["export", "--format=csv", "--baseline-name=nothing"]) == 4
    said = capsys.readouterr().err
    assert said.startswith("error: the baseline 'nothing' in ")
    assert said.endswith(
        "has no run: expected one or more; --store and --baseline-name name others\n"
    )


def test_a_place_that_cannot_be_written_is_a_usage_error(store, capsys):
    """The file is named, without a traceback."""
    assert main(["export", "--format=csv", "--output=missing/runs.csv"]) == 4
    assert capsys.readouterr().err == "error: missing/runs.csv: No such file or directory\n"


def test_a_format_that_is_not_known_is_a_usage_error(store, capsys):
    """The message names those that there are."""
    assert main(["export", "--format=xml"]) == 4
    said = capsys.readouterr().err
    assert all(name in said for name in [*OF_ONE_RUN, "csv"])
