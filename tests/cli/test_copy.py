"""`copy`: runs arrive whole, once, and what cannot be read is named."""

from __future__ import annotations

import pytest
from storage.stored_runs import PARSE, QUERY, THERE, make_run

from pytest_perfmon.cli import main
from pytest_perfmon.storage.base import open_store

SAVED = [
    make_run(1),
    make_run(2, name="release", keys=[PARSE, QUERY]),
    make_run(3, environment=THERE),
]


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Work where `there` is a directory store with three runs; give that store."""
    monkeypatch.chdir(tmp_path)
    store = open_store("there", tmp_path)
    for run in SAVED:
        store.save(run)
    return store


def runs_of(url, tmp_path):
    """Give what a store holds, newest first."""
    return list(open_store(url, tmp_path).runs())


def test_runs_go_to_a_database_and_back(source, tmp_path, capsys):
    """What was copied there and back again is what was saved."""
    assert main(["copy", "there", "sqlite:///runs.db"]) == 0
    assert main(["copy", "sqlite:///runs.db", "back"]) == 0
    assert runs_of("sqlite:///runs.db", tmp_path) == SAVED[::-1]
    assert runs_of("back", tmp_path) == SAVED[::-1]
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"copied 3 runs from {tmp_path / 'there'} to {tmp_path / 'runs.db'}"


def test_a_second_copy_brings_what_is_new(source, tmp_path, capsys):
    """Runs that the target has are left alone and counted."""
    assert main(["copy", "there", "sqlite:///runs.db"]) == 0
    source.save(make_run(4))
    capsys.readouterr()
    assert main(["copy", "there", "sqlite:///runs.db"]) == 0
    assert capsys.readouterr().out.startswith("copied 1 run from ")
    assert main(["copy", "there", "there"]) == 0
    assert capsys.readouterr().out.endswith("; 4 there already\n")


def test_one_baseline_alone(source, tmp_path):
    """With a name only that baseline is copied."""
    assert main(["copy", "there", "sqlite:///runs.db", "--baseline-name=release"]) == 0
    assert runs_of("sqlite:///runs.db", tmp_path) == [SAVED[1]]


def test_damaged_runs_are_named_and_the_others_copied(source, tmp_path, capsys):
    """What cannot be read is named on the other stream and makes the exit code 4."""
    (damaged,) = (tmp_path / "there/release").iterdir()
    damaged.write_text("no run")
    assert main(["copy", "there", "copies"]) == 4
    said = capsys.readouterr()
    assert said.out.endswith("; 1 could not be used\n")
    assert said.err.startswith(f"{damaged} was skipped: ")
    assert runs_of("copies", tmp_path) == [SAVED[2], SAVED[0]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "copies"], "nowhere holds no runs: expected one or more"),
        (
            ["there", "copies", "--baseline-name=main"],
            "there holds no runs of the baseline 'main': expected one or more",
        ),
        (["there", "mysql://h/d"], "no store has the scheme 'mysql'"),
        (["there", "sqlite:///there"], "cannot write to the store"),
    ],
)
def test_what_cannot_be_copied_is_an_error_in_one_line(source, tmp_path, capsys, arguments, said):
    """An empty source, an unknown scheme and an impossible target end with 4 and one line."""
    assert main(["copy", *arguments]) == 4
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "copies").exists()
