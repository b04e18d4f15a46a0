"""The SQL stores: what they are called, what they refuse, and damage done to their rows."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from dataclasses import replace

import pytest
from storage.stored_runs import HERE, PARSE, QUERY, THERE, make_run, make_summary

from pytest_perfmon.errors import NewerSchemaError, RunExistsError, StoreError, UsageError
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.storage.base import open_store


@pytest.fixture
def store(tmp_path):
    """Give an SQLite store with the runs 1, 2 and 3 in it."""
    store = open_store("sqlite:///kept/runs.db", tmp_path)
    for number in (1, 2, 3):
        store.save(make_run(number, keys=[PARSE, QUERY]))
    return store


@pytest.fixture
def file(tmp_path):
    """Give the path of its file."""
    return tmp_path / "kept" / "runs.db"


def change(file, *statements):
    """Do something to the file behind the store's back."""
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def ids_of_runs(store):
    """Name the whole runs of a store."""
    return [int(run.id, 16) for run in store.runs()]


def ids(values):
    """Name the runs that values come from."""
    return [int(value.run_id, 16) for value in values]


def test_opening_and_reading_make_no_file(tmp_path):
    """Only a save makes the database and the directories above it."""
    store = open_store("sqlite:///a/runs.db", tmp_path)
    assert store.window("default", HERE, [PARSE.nodeid]).runs == 0
    assert list(store.runs()) == []
    assert store.history("default") == []
    assert list(tmp_path.iterdir()) == []
    assert store.save(make_run(1)) == f"{tmp_path / 'a/runs.db'} (run 000000000001)"
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a/runs.db"]


def test_everything_is_in_the_one_file(store, file):
    """A copy of the file alone is the store: nothing sits in a write-ahead log beside it."""
    assert list(file.parent.iterdir()) == [file]
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_run_that_is_there_has_an_error_of_its_own(store):
    """Who copies runs can tell one that exists from one that cannot be written."""
    with pytest.raises(RunExistsError, match=r"run 000000000001\): it exists there"):
        store.save(make_run(1))


def test_a_key_may_be_of_any_text_and_length(store):
    """Node ids longer than an index takes, and texts that databases cannot hold, are kept."""
    keys = [Key(f"tests/test_{'x' * 9000}.py::test", "a"), Key("\0\udc80'\"\\ü", "\\u0041")]
    run = make_run(4, keys=keys)
    store.save(run)
    assert next(store.runs()) == run
    assert set(store.window("default", HERE, [key.nodeid for key in keys]).values) == set(keys)


def test_a_unit_that_changes_keeps_one_history(store):
    """Values of both units are one window, in order, each with its own unit."""
    for number in (4, 5):
        summary = replace(make_summary(), unit="per-round mean")
        store.save(replace(make_run(number), results={PARSE: summary}))
    window = store.window("default", HERE, [PARSE.nodeid], limit=3)
    values = window.values[PARSE]
    assert ids(values) == [3, 4, 5]
    assert [value.unit for value in values] == ["call", "per-round mean", "per-round mean"]


def test_runs_of_the_same_moment_are_told_apart(store):
    """Of two that began in the same microsecond the id decides, and one goes without the other."""
    first, second = make_run(4), replace(make_run(4), id="00000000000f")
    for run in (second, first):
        store.save(run)
    assert ids(store.window("default", HERE, [PARSE.nodeid], limit=2).values[PARSE]) == [4, 15]
    assert ids(store.window("default", HERE, [PARSE.nodeid], limit=1).values[PARSE]) == [15]
    store.remove(first)
    assert ids(store.window("default", HERE, [PARSE.nodeid]).values[PARSE]) == [1, 2, 3, 15]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE perfmon_values SET median = 'fast'", "'median' is 'fast'"),
        ("UPDATE perfmon_values SET p95 = -1", "'p95' is -1.0"),
        ("UPDATE perfmon_values SET control_ns = 9e999", "'control_ns' is inf"),
        ("UPDATE perfmon_values SET calls = 2.5", "'calls' is 2.5"),
    ],
)
def test_a_damaged_value_is_named_and_the_others_used(store, file, damage, reason):
    """Whatever stands in a row that is no figure, it costs that value and no other."""
    change(file, f"{damage} WHERE run = 2 AND series = 1")
    window = store.window("default", HERE, [PARSE.nodeid, QUERY.nodeid])
    assert sorted(map(ids, window.values.values())) == [[1, 2, 3], [1, 3]]
    (warning,) = window.warnings
    assert warning.startswith(f"row (series 1, run 2) of perfmon_values in {file} was skipped: its")
    assert reason in warning
    named = []
    assert [len(one.values) for one in store.history("default", on_damaged=named.append)] != [3, 3]
    assert named == [warning]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("time = 'yesterday'", "Invalid isoformat string"),
        ("time = CAST(x'ff' AS TEXT)", "Invalid isoformat string"),
        ("commit_id = '\"'", "Extra data"),
    ],
)
def test_values_of_a_damaged_run_are_left_out(store, file, damage, reason):
    """A row of runs that says no time or commit is named, and its values do not count."""
    change(file, f"UPDATE perfmon_runs SET {damage} WHERE number = 2")
    window = store.window("default", HERE, [PARSE.nodeid])
    assert ids(window.values[PARSE]) == [1, 3]
    (warning,) = window.warnings
    assert warning.startswith(f"row 2 of perfmon_runs in {file} was skipped: ")
    assert reason in warning


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("'text'", "not binary"),
        ("x'00ff'", "not packed text"),
        ("substr(record, 1, 300)", "cut short"),
        ("(SELECT record FROM perfmon_runs WHERE number = 1)", "which its columns do not say"),
        ("x''", "cut short"),
    ],
)
def test_a_damaged_record_is_named_and_the_others_used(store, file, record, reason):
    """A run whose text is damaged is left out of the whole runs; its values still stand."""
    change(file, f"UPDATE perfmon_runs SET record = {record} WHERE number = 2")
    named = []
    whole = list(store.runs(on_damaged=named.append))
    assert whole == [make_run(number, keys=[PARSE, QUERY]) for number in (3, 1)]
    (line,) = named
    assert line.startswith(f"row 2 of perfmon_runs in {file} was skipped: ")
    assert reason in line
    assert ids(store.window("default", HERE, [PARSE.nodeid]).values[PARSE]) == [1, 2, 3]


def test_damaged_runs_may_pass_in_silence(store, file):
    """Who does not ask what was skipped gets the rest."""
    change(file, "UPDATE perfmon_runs SET record = x'' WHERE number = 2")
    assert ids_of_runs(store) == [3, 1]


@pytest.mark.parametrize("nodeid", ["'\\x'", "x'00'"])
@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ("'[]'", "its environment's fields are not texts"),
        ("'no JSON'", "its environment is not JSON"),
        ("'{}'", "its fingerprint does not agree with its environment"),
    ],
)
def test_damaged_names_and_environments_are_named(store, file, nodeid, environment, reason):
    """A series or an environment that cannot be read costs what is known by it alone."""
    store.save(make_run(4, environment=THERE, keys=[Key("tests/test_new.py::test", "new")]))
    change(
        file,
        f"UPDATE perfmon_series SET nodeid = {nodeid} WHERE number = 1",
        f"UPDATE perfmon_runs SET environment = {environment} WHERE number = 4",
    )
    window = store.window("default", HERE, [PARSE.nodeid, QUERY.nodeid, "tests/test_new.py::test"])
    assert (len(window.values), window.elsewhere) == (1, {})
    name, machine = window.warnings
    assert name.startswith(f"row 1 of perfmon_series in {file} was skipped: ")
    assert machine == f"row 4 of perfmon_runs in {file} was skipped: {reason}"
    assert [one.environment for one in store.history("default")] == [HERE]


def test_a_newer_record_is_a_usage_error_that_names_its_row(store, file):
    """A run that a later version wrote into these tables is not guessed at."""
    record = zlib.compress(b'{"schema": 2}').hex()
    change(file, f"UPDATE perfmon_runs SET record = x'{record}' WHERE number = 2")
    with pytest.raises(NewerSchemaError, match=r"row 2 of perfmon_runs in .*: it has schema 2"):
        list(store.runs())


def test_a_store_that_vanishes_ends_the_reading(tmp_path, store, file):
    """Runs are read a few at a time; where the file is gone meanwhile there are no more."""
    for number in range(4, 40):
        store.save(make_run(number))
    reading = store.runs()
    assert next(reading) == make_run(39)
    file.unlink()
    assert len(list(reading)) < 38
    assert not file.exists()


@pytest.mark.parametrize("door", ["save", "window", "runs", "history", "remove"])
def test_a_newer_schema_is_refused_by_every_door(store, file, door):
    """Tables of a later version are a usage error that names the store; nothing is changed."""
    change(file, "UPDATE perfmon_schema SET version = 7")
    before = file.read_bytes()
    doors = {
        "save": lambda: store.save(make_run(9)),
        "window": lambda: store.window("default", HERE, [PARSE.nodeid]),
        "runs": lambda: list(store.runs()),
        "history": lambda: store.history("default"),
        "remove": lambda: store.remove(make_run(1)),
    }
    with pytest.raises(NewerSchemaError, match="it has schema 7, this version") as caught:
        doors[door]()
    assert str(file) in str(caught.value)
    assert file.read_bytes() == before


def test_a_version_that_is_none_is_said(store, file):
    """A table of the version that holds no number is an error, not a guess."""
    change(file, "DELETE FROM perfmon_schema")
    with pytest.raises(StoreError, match=r"perfmon_schema holds \[\]: expected one version"):
        store.save(make_run(9))


def test_a_file_that_is_no_database_is_named_and_stays(store, file):
    """Some other file in the database's place is an error that names the option."""
    file.write_text("no database" * 100)
    with pytest.raises(StoreError, match="file is not a database; --perf-store=URL") as caught:
        store.window("default", HERE, [PARSE.nodeid])
    assert str(file) in str(caught.value)
    with pytest.raises(StoreError, match="cannot write to the store"):
        store.save(make_run(9))
    assert file.read_text() == "no database" * 100


def test_tables_of_others_are_left_alone(tmp_path):
    """A database that somebody else uses too gets four tables more, and keeps its own."""
    file = tmp_path / "shared.db"
    change(file, "CREATE TABLE theirs (x)", "INSERT INTO theirs VALUES (1)")
    store = open_store("sqlite:///shared.db", tmp_path)
    assert list(store.runs()) == []
    store.save(make_run(1))
    with closing(sqlite3.connect(file)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        assert connection.execute("SELECT * FROM theirs").fetchall() == [(1,)]
    assert {name for name in tables if not name.startswith("sqlite_")} == {
        "theirs",
        "perfmon_schema",
        "perfmon_runs",
        "perfmon_series",
        "perfmon_values",
    }


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://host/x.db",
        "sqlite:///x.db?mode=ro",
        "sqlite:x.db",
        "postgresql+psycopg://me:secret@h",
        "postgresql+psycopg://me:s@secret@h/d",
        "postgresql+psycopg://me:secret@h:5x/d",
        "postgresql+psycopg:me:secret",
    ],
)
def test_a_url_that_names_no_database_is_a_usage_error(tmp_path, url):
    """It says what was expected, and never what may be a password."""
    with pytest.raises(
        UsageError, match=r"--perf-store is .*expected (sqlite|postgresql)"
    ) as caught:
        open_store(url, tmp_path)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:///x.db", "SQLITE:///x.db", "sqlite:////{}/x.db"])
def test_sqlite_paths_are_relative_to_the_root(tmp_path, url):
    """Three slashes begin a path below the root directory, four an absolute one."""
    url = url.format(str(tmp_path).lstrip("/"))
    assert open_store(url, tmp_path).describe() == str(tmp_path / "x.db")


@pytest.mark.parametrize(
    ("url", "library"),
    [("sqlite:///x.db", "sqlalchemy"), ("postgresql+psycopg://me:secret@h/d", "psycopg")],
)
def test_a_missing_library_is_one_line(tmp_path, url, library):
    """Without the extra a run ends with what to install, not with a traceback."""
    script = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "from pathlib import Path\n"
        "from pytest_perfmon.cli import main\n"
        f"sys.exit(main(['history', '--store={url}']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    scheme = url.partition(":")[0]
    assert done.stderr == (
        f"error: --store is a {scheme} URL, which needs {library}:"
        " pip install 'pytest-perfmon[sql]'\n"
    )
    assert done.returncode == 4


def test_a_version_that_never_was_is_refused_before_anything_is_copied(store, file):
    """Tables that no upgrade leads on from are an error, not a traceback."""
    change(file, "UPDATE perfmon_schema SET version = -3")
    with pytest.raises(StoreError, match="it has schema -3, which was never one"):
        store.save(make_run(9))
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_values_in_the_way_of_a_run_are_not_taken_for_the_run(store, file):
    """Tables that contradict themselves are damaged: the run is not said to be there."""
    change(file, "UPDATE perfmon_values SET run = 1 + (SELECT max(number) FROM perfmon_runs)")
    run = replace(make_run(9), time=next(iter(store.runs())).time)
    with pytest.raises(StoreError, match="its tables are damaged") as caught:
        store.save(run)
    assert not isinstance(caught.value, RunExistsError)
    assert run not in store.runs()
