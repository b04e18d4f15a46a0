"""SQL stores with many writers: all at once, killed while they save, killed while they upgrade.

`PERFMON_CROWD=32,20` makes the crowd of 32 savers, 20 of which are killed.
"""

from __future__ import annotations

import functools
import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine
from storage.conftest import URLS
from storage.sql_savers import KEYS, RUNS_EACH, RUNS_NUMBERED, make_older, upgrade_older
from storage.stored_runs import HERE, PARSE, make_run

from pytest_perfmon.errors import StoreError
from pytest_perfmon.storage.base import open_store
from pytest_perfmon.storage.sql import place, upgrade

SCRIPT = Path(__file__).with_name("sql_savers.py")
SAVERS, DEATHS = map(int, os.environ.get("PERFMON_CROWD", "8,5").split(","))
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
both = pytest.mark.parametrize("kind", ["sqlite", "postgresql"])


@pytest.fixture
def url(kind, request, tmp_path):
    """Give the URL of a fresh place of that kind."""
    return URLS[kind](request, tmp_path)


def older(url):
    """Turn a store's tables into those of version 0."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        make_older(connection)


@pytest.fixture
def knows_older(monkeypatch):
    """Let this process know how version 0 becomes version 1."""
    upgrades = functools.partial(upgrade.bring_up, upgrades={0: upgrade_older})
    monkeypatch.setattr(place, "bring_up", upgrades)


@needs_fork
@pytest.mark.slow
@both
def test_what_was_acknowledged_is_there_whole(url, tmp_path):
    """With many saving at once and most of them killed, no acknowledged run lacks anything."""
    command = [sys.executable, str(SCRIPT), "crowd", url, str(SAVERS), str(DEATHS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    acknowledged = set(map(int, done.stdout.split()))
    survivors = range(DEATHS, SAVERS)
    assert acknowledged >= {
        saver * RUNS_NUMBERED + number for saver in survivors for number in range(RUNS_EACH)
    }
    store = open_store(url, tmp_path)
    damaged = []
    runs = {int(run.id, 16): run for run in store.runs(on_damaged=damaged.append)}
    assert damaged == []
    assert runs == {number: make_run(number, keys=KEYS) for number in runs}
    assert set(runs) >= acknowledged
    assert len(set(runs) - acknowledged) <= DEATHS
    for series in store.history("default"):
        assert {int(value.run_id, 16) for value in series.values} == set(runs)
    assert len(store.history("default")) == len(KEYS)


@both
def test_older_tables_are_upgraded_where_they_stand(url, tmp_path, knows_older):
    """Reading brings them to this version; runs are as they were saved, and saving goes on."""
    store = open_store(url, tmp_path)
    saved = [make_run(number) for number in range(3)]
    for run in saved:
        store.save(run)
    older(url)
    window = store.window("default", HERE, [PARSE.nodeid])
    assert [value.median for value in window.values[PARSE]] == [1000.0, 1001.0, 1002.0]
    assert [value.control_ns for value in window.values[PARSE]] == [0.0] * 3
    store.save(make_run(3))
    assert list(store.runs()) == [make_run(3), *saved[::-1]]


@needs_fork
@pytest.mark.slow
@both
def test_an_upgrade_that_is_killed_loses_nothing(url, tmp_path, knows_older):
    """Whenever it is killed, the tables are as before, and the next one does it all."""
    store = open_store(url, tmp_path)
    saved = [make_run(number, keys=KEYS) for number in range(3)]
    for run in saved:
        store.save(run)
    values = store.history("default")
    older(url)
    chance = random.Random(2026)
    for _ in range(2):
        command = [sys.executable, str(SCRIPT), "upgrade", url, "1000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as upgrading:
            for _ in range(chance.randrange(1, 5)):
                assert upgrading.stdout.readline()
            upgrading.kill()
    assert list(store.runs()) == saved[::-1]
    upgraded = store.history("default")
    assert [one.key for one in upgraded] == [one.key for one in values]
    for before, after in zip(values, upgraded, strict=True):
        assert after.values == tuple(value._replace(control_ns=0.0) for value in before.values)


def test_sqlite_keeps_a_copy_of_what_it_upgrades(tmp_path, knows_older):
    """Beside the file lies what it was before, whole, and nothing half done."""
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    store = open_store(url, tmp_path)
    store.save(make_run(1))
    older(url)
    (tmp_path / "runs.db.schema-0.partial").write_text("of an upgrade that was killed")
    assert len(list(store.runs())) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs.db", "runs.db.schema-0"]
    with closing(sqlite3.connect(tmp_path / "runs.db.schema-0")) as copy:
        assert copy.execute("SELECT version FROM perfmon_schema").fetchall() == [(0,)]
        assert copy.execute("SELECT line, name FROM perfmon_runs").fetchall() == [
            ("main", "default")
        ]


def test_new_tables_are_not_copied(tmp_path):
    """Only an upgrade leaves a copy, not the making of tables."""
    open_store("sqlite:///runs.db", tmp_path).save(make_run(1))
    assert [path.name for path in tmp_path.iterdir()] == ["runs.db"]


@both
def test_an_interrupted_save_leaves_nothing(url, tmp_path, monkeypatch):
    """Ctrl-C in the middle of a save takes the whole run with it, and no other."""
    store = open_store(url, tmp_path)
    store.save(make_run(1))

    def interrupt(*texts):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pytest_perfmon.storage.sql.store.digest_of", interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.save(make_run(2))
    assert list(store.runs()) == [make_run(1)]
    store.save(make_run(2))


def test_a_wrong_password_is_not_printed(postgres, tmp_path):
    """The server's refusal names the place and its reason, not what one logged in with."""
    store = open_store(postgres.url(password="wrong-secret"), tmp_path)
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        store.window("default", HERE, [PARSE.nodeid])
    assert "wrong-secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert store.describe() == f"postgresql+psycopg://127.0.0.1:{postgres.port}/runs"


def test_a_server_that_is_not_there_is_one_line(tmp_path):
    """An address where nobody answers ends with the reason and the option."""
    store = open_store("postgresql+psycopg://me:secret@127.0.0.1:1/d", tmp_path)
    with pytest.raises(StoreError, match=r"refused.*; --perf-store=URL names another") as caught:
        store.save(make_run(1))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_runs_are_copied_to_postgresql_and_back(postgres, tmp_path, monkeypatch, capsys):
    """`copy` brings the same runs there and back, and prints no password."""
    from pytest_perfmon.cli import main

    monkeypatch.chdir(tmp_path)
    saved = [make_run(number) for number in range(3)]
    for run in saved:
        open_store("there", tmp_path).save(run)
    url = postgres.fresh_url()
    assert main(["copy", "there", url]) == 0
    assert main(["copy", url, "back"]) == 0
    assert list(open_store("back", tmp_path).runs()) == saved[::-1]
    said = capsys.readouterr()
    assert f"to postgresql+psycopg://127.0.0.1:{postgres.port}/runs" in said.out
    assert postgres.password not in said.out + said.err
