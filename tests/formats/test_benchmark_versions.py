"""Files that versions of pytest-benchmark write right now, and what these make of our files."""

from __future__ import annotations

import json
import os

import pytest
from formats.benchmark_versions import (
    REQUIREMENTS,
    UnavailableError,
    environment,
    run_tool,
    write_files,
)
from storage.stored_runs import PARSE, make_run

from pytest_perfmon.formats.pytest_benchmark_reader import from_pytest_benchmark
from pytest_perfmon.formats.pytest_benchmark_writer import to_pytest_benchmark

TESTS = ["test_sort[small]", "test_sort[big]", "test_join"]

pytestmark = pytest.mark.slow


@pytest.fixture(params=list(REQUIREMENTS))
def version(request):
    """Give each version in turn."""
    return request.param


@pytest.fixture
def python(version):
    """Give the interpreter of an environment with that version."""
    try:
        return environment(version)
    except UnavailableError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"cannot be installed: {error}")


def test_a_version_writes_what_is_imported_and_reads_what_is_exported(python, version, tmp_path):
    """Both files of a fresh run import whole; the version's own `compare` shows our export."""
    files = write_files(python, tmp_path)
    for data, has_values in ((files.with_data, True), (files.without_data, False)):
        saved = json.loads(data)
        assert saved["version"] == version
        run, notes = from_pytest_benchmark(data, "main")
        assert notes == ()
        assert [key.operation for key in run.results] == TESTS
        assert run.commit.id == saved["commit_info"]["id"]
        assert (run.commit.branch, run.commit.dirty) == ("main", False)
        for entry, (key, summary) in zip(saved["benchmarks"], run.results.items(), strict=True):
            stats = entry["stats"]
            assert key.nodeid == entry["fullname"]
            assert summary.calls == stats["rounds"] * stats["iterations"]
            for name in ("min", "mean", "median", "max"):
                assert getattr(summary, name) == pytest.approx(stats[name] * 1e9, abs=0.11)
            assert bool(summary.distribution) is has_values
    ours = make_run(1)
    (tmp_path / "ours.json").write_text(to_pytest_benchmark(ours).text)
    table = run_tool(python, tmp_path, "compare", "ours.json", "--csv=table.csv")
    assert "parse" in table
    header, row = (tmp_path / "table.csv").read_text().splitlines()
    figures = dict(zip(header.split(","), row.split(","), strict=True))
    assert figures["name"] == f"{PARSE.nodeid} {PARSE.operation}"
    assert float(figures["median"]) == pytest.approx(1001e-9)
    values = sum(count for _, count in ours.results[PARSE].distribution)
    assert (figures["rounds"], figures["iterations"]) == (str(values), "1")
