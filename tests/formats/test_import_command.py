"""`python -m pytest_perfmon import`: good files go in, bad ones are named, none goes in twice."""

from __future__ import annotations

import json
import shutil

import pytest
from formats.benchmark_versions import WRITTEN

from pytest_perfmon.cli import main
from pytest_perfmon.storage.base import open_store

OLD, NEW = WRITTEN / "3.0.0-saved.json", WRITTEN / "5.3.1.json"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stored(folder, name="default", url=".perfmon"):
    """Give the runs of a store, newest first."""
    return list(open_store(url, folder).runs(name))


def test_files_become_runs_of_the_baseline(folder, capsys):
    """Each file is a run, at the time at which it was measured."""
    assert main(["import", str(NEW), str(OLD), "--baseline-name=main"]) == 0
    said = capsys.readouterr()
    place = folder / ".perfmon"
    assert said.out == f"imported 2 runs into the baseline 'main' of {place}\n"
    assert said.err == ""
    assert [run.time[:19] for run in stored(folder, "main")] == [
        json.loads(path.read_bytes())["datetime"][:19] for path in (NEW, OLD)
    ]


def test_a_run_that_is_there_is_not_taken_twice(folder, capsys):
    """Importing again is no mistake and changes nothing."""
    main(["import", str(NEW)])
    before = stored(folder)
    capsys.readouterr()
    assert main(["import", str(NEW), str(OLD)]) == 0
    assert "imported 1 run into" in (shown := capsys.readouterr().out)
    assert shown.endswith("; 1 there already\n")
    assert before[0] in stored(folder)
    assert len(stored(folder)) == 2


def test_a_folder_stands_for_the_files_in_it(folder, capsys):
    """The storage of pytest-benchmark is one folder with a folder a machine."""
    machine = folder / ".benchmarks" / "Linux-CPython-3.11-64bit"
    machine.mkdir(parents=True)
    shutil.copy(NEW, machine / "0001_a.json")
    shutil.copy(OLD, machine / "0002_b.json")
    (machine / "notes.txt").write_text("not a run")
    assert main(["import", ".benchmarks"]) == 0
    assert len(stored(folder)) == 2


def test_a_damaged_file_is_named_and_the_others_go_in(folder, capsys):
    """One line a file, and 4 at the end, so that a script knows."""
    (folder / "cut.json").write_bytes(NEW.read_bytes()[:5000])
    (folder / "other.json").write_text('{"schema": 1}')
    (folder / "later.json").write_text('{"pytest_perfmon": {"schema": 99}}')
    files = ["cut.json", "other.json", "later.json", "missing.json", str(NEW)]
    assert main(["import", *files]) == 4
    said = capsys.readouterr()
    assert said.out.endswith("; 4 could not be used\n")
    cut, other, later, missing = said.err.splitlines()
    assert cut.startswith("error: cut.json was not imported: it is not JSON, or cut short")
    assert other.startswith("error: other.json was not imported: it is not of pytest-benchmark")
    assert later.startswith("error: later.json was not imported: it has schema 99")
    assert missing.startswith("error: missing.json was not imported: it cannot be read")
    assert len(stored(folder)) == 1


def test_a_damaged_benchmark_is_told_and_is_no_failure(folder, capsys):
    """The run goes in without it; nothing is printed as it stands in the file."""
    data = json.loads(NEW.read_bytes())
    data["benchmarks"][0]["fullname"] = "a.py::test_\x1b[31m"
    data["benchmarks"][0]["stats"] = {}
    (folder / "part.json").write_text(json.dumps(data))
    assert main(["import", "part.json"]) == 0
    said = capsys.readouterr().err
    assert "was left out: its 'iterations' is None" in said
    assert "\x1b" not in said
    assert len(stored(folder)[0].results) == 2


def test_a_folder_without_files_is_a_usage_error(folder, capsys):
    """A path that is wrong must not look like success."""
    (folder / "empty").mkdir()
    assert main(["import", "empty"]) == 4
    assert capsys.readouterr().err == "error: 'empty' is a folder without a .json file in it\n"


def test_what_was_imported_is_never_judged_against(folder):
    """Its environment differs from every one of ours in the field that names the other tool."""
    main(["import", str(NEW)])
    (run,) = stored(folder)
    assert run.environment.fields["measured by"] == "pytest-benchmark"


def test_an_sql_store_takes_the_same_runs(folder):
    """The store is whatever the URL says."""
    pytest.importorskip("sqlalchemy")
    url = "sqlite:///runs.db"
    assert main(["import", str(NEW), str(OLD), f"--store={url}"]) == 0
    assert main(["import", str(NEW), f"--store={url}"]) == 0
    main(["import", str(NEW), str(OLD)])
    assert stored(folder, url=url) == stored(folder)
