"""The directory store: files that people see, copy, commit and damage."""

from __future__ import annotations

import json
import os
import shutil
import time

import pytest
from storage.stored_runs import HERE, PARSE, QUERY, THERE, make_run

from pytest_perfmon.errors import NewerSchemaError, StoreError
from pytest_perfmon.model.schema import run_to_json
from pytest_perfmon.storage import windows
from pytest_perfmon.storage.directory import LARGEST_FILE, DirectoryStore


@pytest.fixture
def store(tmp_path):
    """Give a store with the runs 1 and 3 in it."""
    store = DirectoryStore(tmp_path / "runs")
    for number in (1, 3):
        store.save(make_run(number))
    return store


@pytest.fixture
def baseline(tmp_path, store):
    """Give the directory in which that store keeps its baseline."""
    return tmp_path / "runs" / "default"


def path_of(baseline, run):
    """Give the path that the run's file has in that baseline."""
    return baseline / f"20260101T00{run.time[14:16]}00.000000Z-{run.id}.json"


def ids(values):
    """Name the runs that values come from."""
    return [int(value.run_id, 16) for value in values]


def test_a_run_is_one_file_named_for_its_time(store, baseline):
    """Each saved run is one JSON file under its baseline, and nothing else is left there."""
    assert sorted(path.name for path in baseline.iterdir()) == [
        "20260101T000100.000000Z-000000000001.json",
        "20260101T000300.000000Z-000000000003.json",
    ]


def test_saving_says_where_it_went(store, baseline):
    """The path that saving gives is the file that holds the run."""
    run = make_run(5)
    where = store.save(run)
    assert where == str(path_of(baseline, run))
    assert path_of(baseline, run).read_text() == run_to_json(run)


def test_files_can_be_copied_between_stores(store, baseline, tmp_path):
    """Copying a baseline's files into another store merges them, each run once."""
    other = DirectoryStore(tmp_path / "other")
    for number in (2, 3):
        other.save(make_run(number))
    for path in baseline.iterdir():
        shutil.copy(path, tmp_path / "other" / "default" / path.name)
    window = other.window("default", HERE, [PARSE.nodeid])
    assert (ids(window.values[PARSE]), window.warnings) == ([1, 2, 3], ())


def test_a_copy_under_another_name_does_not_count_twice(store, baseline):
    """A file whose name does not follow from what it holds is named and left out."""
    source = path_of(baseline, make_run(1))
    shutil.copy(source, baseline / "copy of a run.json")
    window = store.window("default", HERE, [PARSE.nodeid])
    assert ids(window.values[PARSE]) == [1, 3]
    assert len(window.warnings) == 1
    assert "copy of a run.json was skipped: it holds the run 'default/2026" in window.warnings[0]


def test_a_file_of_another_baseline_does_not_count(store, baseline, tmp_path):
    """A run that was moved into another baseline's directory is named and left out."""
    shutil.copytree(baseline, tmp_path / "runs" / "release")
    window = store.window("release", HERE, [PARSE.nodeid])
    assert (window.values, window.runs, len(window.warnings)) == ({}, 0, 2)


def test_other_files_are_nobodys_business(store, baseline, tmp_path):
    """Files that are no JSON, hidden files and odd directories are ignored in silence."""
    (baseline / "README.md").write_text("mine")
    (baseline / ".hidden.json").write_text("mine")
    (tmp_path / "runs" / ".git").mkdir()
    (tmp_path / "runs" / "notes.txt").write_text("mine")
    warnings = []
    assert len(list(store.runs(on_damaged=warnings.append))) == 2
    assert store.window("default", HERE, [PARSE.nodeid]).warnings == ()
    assert warnings == []


def damage_nothing_left(path):
    """Leave an empty file."""
    path.write_bytes(b"")


def damage_cut(path):
    """Cut the file in the middle."""
    path.write_bytes(path.read_bytes()[:300])


def damage_binary(path):
    """Write what is no text."""
    path.write_bytes(b"\xff\xfe\x00PK")


def damage_foreign(path):
    """Write some other tool's JSON."""
    path.write_text('{"benchmarks": [], "version": "5.1.0"}')


def damage_nested(path):
    """Write JSON that is nested beyond all measure."""
    path.write_text("[" * 200_000)


def damage_figure(path):
    """Write a negative number of calls."""
    path.write_text(path.read_text().replace(",240,240,", ",240,-240,"))


def damage_size(path):
    """Make the file larger than any run, without using the disk."""
    os.truncate(path, LARGEST_FILE + 1)


def damage_directory(path):
    """Put a directory in its place."""
    path.unlink()
    path.mkdir()


def damage_link(path):
    """Put a link to nowhere in its place."""
    path.unlink()
    path.symlink_to("nowhere")


def damage_pipe(path):
    """Put a named pipe in its place, at which a careless reader waits for ever."""
    path.unlink()
    os.mkfifo(path)


REASONS = {
    damage_nothing_left: "it is empty",
    damage_cut: "not JSON, or cut short",
    damage_binary: "it is not text",
    damage_foreign: "it has no schema number",
    damage_nested: "nested too deeply",
    damage_figure: "'calls' is not a number from 0",
    damage_size: "more than 67108864",
    damage_directory: "it is not a file",
    damage_link: "it cannot be read: No such file",
    damage_pipe: "it is not a file",
}


@pytest.mark.parametrize("damage", REASONS)
def test_a_damaged_file_is_named_and_the_others_used(store, baseline, damage):
    """Whatever happened to one file, it is named with the reason and costs no other run."""
    if damage in (damage_link, damage_pipe) and os.name == "nt":
        pytest.skip("needs links and pipes in the file system")
    path = path_of(baseline, make_run(3))
    damage(path)
    window = store.window("default", HERE, [PARSE.nodeid])
    assert (ids(window.values[PARSE]), window.runs) == ([1], 1)
    (warning,) = window.warnings
    assert warning.startswith(f"{path} was skipped: ")
    assert REASONS[damage] in warning
    named = []
    assert list(store.runs("default", on_damaged=named.append)) == [make_run(1)]
    assert named == [warning]


def test_saving_goes_on_beside_a_damaged_file(store, baseline):
    """A damaged file stays as it is when further runs are saved."""
    path = path_of(baseline, make_run(3))
    damage_cut(path)
    before = path.read_bytes()
    store.save(make_run(4))
    assert path.read_bytes() == before
    assert ids(store.window("default", HERE, [PARSE.nodeid]).values[PARSE]) == [1, 4]


def test_a_damaged_file_is_not_overwritten(store, baseline):
    """Not even the very run that a damaged file once held replaces it."""
    path = path_of(baseline, make_run(3))
    damage_cut(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="exists"):
        store.save(make_run(3))
    assert path.read_bytes() == before


def test_a_newer_file_is_a_usage_error_that_names_it(store, baseline):
    """A file of a later version stops the reading, and the message names the file."""
    path = path_of(baseline, make_run(2))
    path.write_text(json.dumps({"schema": 2}))
    with pytest.raises(NewerSchemaError, match="schema 2") as caught:
        store.window("default", HERE, [PARSE.nodeid])
    assert str(path) in str(caught.value)
    with pytest.raises(NewerSchemaError, match="schema 2"):
        list(store.runs())


def test_reading_stops_when_every_window_is_full(store, baseline):
    """Files older than the windows need are not read: their state does not matter."""
    path_of(baseline, make_run(1)).write_text("damaged")
    window = store.window("default", HERE, [PARSE.nodeid], limit=1)
    assert (ids(window.values[PARSE]), window.runs, window.warnings) == ([3], 2, ())


def test_a_long_history_without_the_test_is_passed_over(tmp_path):
    """Beyond the newest files, one that does not mention a wanted test is not decoded."""
    store = DirectoryStore(tmp_path)
    keys = {0: [QUERY], 1: [PARSE], 2: [PARSE], 3: [PARSE, QUERY], 4: [PARSE]}
    for number, having in keys.items():
        store.save(make_run(number, keys=having))
    path_of(tmp_path / "default", make_run(1)).write_text("damaged")
    path_of(tmp_path / "default", make_run(2)).write_text("damaged")
    window = store.window("default", HERE, [QUERY.nodeid], limit=3)
    assert ids(window.values[QUERY]) == [0, 3]
    (warning,) = window.warnings
    assert "-000000000002.json was skipped" in warning


def test_a_long_history_is_read_whole_for_many_keys(tmp_path, monkeypatch):
    """Where too many tests are wanting to look for each, every file is read."""
    monkeypatch.setattr(windows, "_FEW", 0)
    store = DirectoryStore(tmp_path)
    store.save(make_run(0, environment=THERE, keys=[QUERY]))
    store.save(make_run(1))
    store.save(make_run(2))
    path_of(tmp_path / "default", make_run(1)).write_text("damaged")
    window = store.window("default", HERE, [QUERY.nodeid], limit=1)
    assert (window.elsewhere, len(window.warnings)) == ({QUERY: THERE}, 1)


def test_leftovers_of_killed_saves_are_ignored(store, baseline):
    """A temporary file of a save that was killed counts for nothing and is kept while fresh."""
    leftover = baseline / ".saving-0123456789abcdef"
    leftover.write_text(run_to_json(make_run(2))[:300])
    store.save(make_run(4))
    window = store.window("default", HERE, [PARSE.nodeid])
    assert (ids(window.values[PARSE]), window.runs, window.warnings) == ([1, 3, 4], 3, ())
    assert leftover.exists()


def test_old_leftovers_are_swept(store, baseline):
    """A save removes the temporary files that are more than a day old, and nothing else."""
    two_days_ago = time.time() - 2 * 24 * 3600
    leftover = baseline / ".saving-0123456789abcdef"
    leftover.write_text("half")
    for path in baseline.iterdir():
        os.utime(path, (two_days_ago, two_days_ago))
    store.save(make_run(4))
    assert not leftover.exists()
    assert len(list(baseline.iterdir())) == 3


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_place_that_is_a_file_is_a_usage_error(tmp_path, below):
    """A store that is a file, or lies below one, is refused with its path and the option."""
    (tmp_path / "file").write_text("mine")
    store = DirectoryStore(tmp_path / "file" / below)
    with pytest.raises(StoreError, match="--perf-store") as caught:
        store.save(make_run(1))
    assert str(tmp_path / "file") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine"


def test_reading_a_place_that_is_a_file_is_a_usage_error(tmp_path):
    """A store that is a file is not taken for an empty one."""
    (tmp_path / "file").write_text("mine")
    store = DirectoryStore(tmp_path / "file")
    with pytest.raises(StoreError, match="--perf-store"):
        store.window("default", HERE, [PARSE.nodeid])
    with pytest.raises(StoreError, match="--perf-store"):
        list(store.runs())
