"""Each hook through a real conftest."""

from __future__ import annotations

ONE = """
    import pytest

    @pytest.mark.budget(p95=50)
    def test_it(perf_monitor, perf_clock):
        perf_monitor(perf_clock.advance, "61ms")
"""


def test_an_operation_is_named_by_a_hook(project):
    """`pytest_perfmon_operation_name` names the test's own measurement."""
    project.pytester.makeconftest(
        "def pytest_perfmon_operation_name(item): return item.name.removeprefix('test_')"
    )
    project.write(ONE)
    project.measure().stdout.fnmatch_lines(["it p95 61.0 ms > budget 50 ms *"])


def test_verdicts_are_told_once_each(project):
    """`pytest_perfmon_verdict` hears every verdict once, second looks left out."""
    project.pytester.makeconftest(
        """
        def pytest_perfmon_verdict(item, verdict):
            with open("verdicts.txt", "a") as file:
                file.write(f"{item.name} {verdict.criterion} {verdict.outcome}\\n")
        """
    )
    project.write(ONE)
    project.measure()
    assert project.said("verdicts.txt") == ["test_it p95 FAILED", "test_it baseline NOT CHECKED"]


def test_columns_are_added_by_a_hook(project):
    """`pytest_perfmon_report_columns` adds a titled column to the table."""
    project.pytester.makeconftest(
        """
        def pytest_perfmon_report_columns(operation):
            return {"owner": f"team {len(operation.key.operation)}"}
        """
    )
    project.write(ONE)
    project.measure().stdout.fnmatch_lines(["*owner*", "test_it *team 7*"])


def test_fields_are_added_to_the_environment(project):
    """`pytest_perfmon_environment` adds fields that reports and stored runs carry."""
    project.pytester.makeconftest(
        "def pytest_perfmon_environment(config): return {'database': 'postgres 16'}"
    )
    project.write(ONE)
    project.measure()
    assert project.report()["environment"]["fields"]["database"] == "postgres 16"


def test_a_store_is_opened_by_a_hook(project):
    """`pytest_perfmon_open_store` serves a URL scheme of its own; others stay unknown."""
    project.pytester.makeconftest(
        """
        from pathlib import Path
        from pytest_perfmon.storage.directory import DirectoryStore

        def pytest_perfmon_open_store(url, root):
            return DirectoryStore(Path(root) / "elsewhere") if url.startswith("mine:") else None
        """
    )
    project.write(ONE.replace("61ms", "5ms"))
    assert project.run("--perf-save-baseline", "--perf-store=mine:x").ret == 0
    assert list((project.path / "elsewhere").rglob("*.json"))
    assert project.run("--perf-save-baseline", "--perf-store=other:x").ret == 4
