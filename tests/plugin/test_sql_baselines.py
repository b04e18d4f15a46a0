"""Saving runs to a database and being judged by them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

# pytester forgets what its runs imported; SQLAlchemy's compiled parts load only once
import sqlalchemy.dialects.postgresql.psycopg
import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401

ONE = """
    import os
    from pytest_perfmon.testing import ScriptedCall

    def test_it(perf_monitor, perf_clock):
        base = int(os.environ.get("WORK_US", "5000"))
        perf_monitor(ScriptedCall(perf_clock, [base * 1000, base * 1010]))
"""
STORE = "--perf-store=sqlite:///kept/runs.db"


def test_runs_of_a_database_convict_a_slowdown(project, monkeypatch):
    """A run says that it was saved and where; three of them judge the fourth."""
    project.write(ONE)
    for work_us in ("5000", "5040", "4970"):
        monkeypatch.setenv("WORK_US", work_us)
        result = project.run("--perf-save-baseline", STORE)
        assert result.ret == 0
        result.stdout.fnmatch_lines(["*saved 1 operation to the baseline 'default': kept/runs.db*"])
    monkeypatch.setenv("WORK_US", "6500")
    result = project.measure(STORE)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["test_it REGRESSED +*% [[]+*, +*] · 3 stored runs · *"])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///kept/runs.db", "it has schema 9, this version of pytest-perfmon reads up to 1"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/d", "refused"),
        ("postgres://me:secret@127.0.0.1:1/d", "no store has the scheme 'postgres'"),
    ],
)
def test_a_database_that_cannot_be_used_ends_with_4(project, url, said):
    """Later tables, a silent server and a wrong scheme are one line each, and no password."""
    project.write(ONE)
    assert project.run("--perf-save-baseline", STORE).ret == 0
    with closing(sqlite3.connect(project.path / "kept/runs.db")) as connection:
        connection.execute("UPDATE perfmon_schema SET version = 9")
        connection.commit()
    result = project.measure(f"--perf-store={url}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    output = result.stdout.str() + result.stderr.str()
    assert said in output
    assert "secret" not in output
    assert "INTERNALERROR" not in output
    assert "Traceback" not in output
