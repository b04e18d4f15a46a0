"""Reports of a run: JSON, HTML, GitHub, and the terminal's eighty columns."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONG = "x" * 90
TYPES = {
    "number": (int, float),
    "text": str,
    "list": list,
    "object": dict,
    "boolean": bool,
    "null": type(None),
}
"""By the word of docs/json.md: what JSON of that type is in Python."""

MANY = f"""
    import pytest

    @pytest.mark.budget("{LONG}", p95="5ms")
    @pytest.mark.parametrize("text", ["a" * 120, "<b>&amp;</b>"])
    def test_it(perf_monitor, perf_clock, text):
        for _ in perf_monitor.rounds():
            with perf_monitor.track("{LONG}"):
                perf_clock.advance("7ms")
"""


def test_json_holds_the_run(project):
    """`--perf-json` writes schema, tests with figures and verdicts, and the environment."""
    project.write(MANY)
    project.measure()
    report = project.report()
    assert report["schema"] == 1
    assert len(report["tests"]) == 2
    assert {one["operation"] for one in report["tests"][0]["operations"]} >= {LONG}
    assert report["environment"]["fields"]["python"].startswith("3.")


def members(title):
    """Give the members that docs/json.md lists under that title, with the types it allows."""
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    table = re.search(r"(?:^\|.*\n)+", page[page.index(f"\n{title}\n") :], re.MULTILINE)
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table[0], re.MULTILINE)
    return {name: {TYPES[one] for one in kinds.strip().split(" or ")} for name, kinds in rows}


def assert_documented(found, title):
    """Assert that an object of the report has the documented members, of documented types."""
    allowed = members(title)
    assert found.keys() == allowed.keys()
    for name, value in found.items():
        is_of = {kind for kind in allowed[name] if isinstance(value, kind)}
        assert is_of, f"{title} {name} is {value!r}"


def test_json_is_what_the_documentation_says(project, monkeypatch):
    """Every object of a run's report has exactly the members of docs/json.md, of their types."""
    project.write(MANY)
    project.run("--perf-save-baseline")
    project.write(MANY.replace('"7ms"', '"70ms"'))
    project.measure()
    report = project.report()
    assert_documented(report, "## The file")
    assert_documented(report["environment"], "`environment`:")
    test, *_ = report["tests"]
    assert_documented(test, "## A test")
    for operation in test["operations"]:
        assert_documented(operation, "## An operation")
    for verdict in test["verdicts"]:
        assert_documented(verdict, "## A verdict")
    (compared, *_) = [one["comparison"] for one in test["verdicts"] if one["comparison"]]
    assert_documented(compared, "`comparison`:")


def test_html_is_one_safe_file(project):
    """`--perf-html` writes a page without scripts in which names are text."""
    project.write(MANY)
    project.run("--perf-budgets", "--perf-html=out/report.html")
    page = (project.path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<b>&amp;</b>" not in page
    assert "Content-Security-Policy" in page


def test_github_gets_annotations_and_a_summary(project, monkeypatch):
    """Under GitHub Actions violations are annotated and the step summary is appended to."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.path / "summary.md"))
    project.write(MANY)
    result = project.run("--perf-budgets")
    result.stdout.fnmatch_lines(["::error file=test_it.py*::*"])
    assert "FAILED" in (project.path / "summary.md").read_text(encoding="utf-8")
    undecided = project.run("--perf-budgets", "--perf-rounds=3")
    undecided.stdout.fnmatch_lines(["::warning *"])
    quiet = project.run("--perf-budgets", "--perf-rounds=3", "--no-perf-github")
    quiet.stdout.no_fnmatch_line("::*")


def test_the_summary_fits_eighty_columns(project, monkeypatch):
    """However long names are, no line of the summary is wider than the terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    project.write(MANY)
    lines = project.measure().stdout.lines
    start = next(number for number, line in enumerate(lines) if "= performance =" in line)
    end = next(number for number, line in enumerate(lines) if "short test summary" in line)
    assert end - start > 10
    assert max(map(len, lines[start:end])) <= 80


def test_a_report_that_cannot_be_written_is_a_usage_error(project):
    """An unwritable path ends with 4 in one line, after the tests have run."""
    (project.path / "file").write_text("")
    project.write(MANY)
    result = project.run("--perf-budgets", "--perf-json=file/report.json")
    assert result.ret == 4
    result.stdout.fnmatch_lines(["ERROR: cannot write *file*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_columns_order_and_unit_are_the_users(project):
    """`--perf-columns`, `--perf-sort` and `--perf-time-unit` shape the table."""
    project.write(
        """
        def test_slow(perf_monitor, perf_clock): perf_monitor(perf_clock.advance, "7ms")
        def test_fast(perf_monitor, perf_clock): perf_monitor(perf_clock.advance, "3ms")
        """
    )
    result = project.measure(
        "--perf-columns=mean,calls", "--perf-sort=-mean", "--perf-time-unit=us"
    )
    result.stdout.fnmatch_lines(["*mean*calls*", "test_slow *7,000*", "test_fast *3,000*"])


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_long_measurement_shows_a_line_that_moves(project):
    """On a terminal, a measurement of over half a second shows how far it is, and cleans up."""
    import pty

    project.write(
        """
        import time

        def test_it(perf_monitor):
            perf_monitor(time.sleep, 0.01)
        """
    )
    read, write = pty.openpty()
    child = os.fork()
    if child == 0:
        os.dup2(write, 1)
        os.dup2(write, 2)
        os.close(read)
        os.chdir(project.path)
        command = [sys.executable, "-m", "pytest", "-p", "pytest_perfmon.plugin"]
        os.execv(sys.executable, [*command, "--perf-budgets"])
    os.close(write)
    said = b""
    while True:
        try:
            piece = os.read(read, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.waitpid(child, 0)
    text = said.decode(errors="replace")
    assert "measuring test_it" in text
    assert "of at most 1.0 s" in text
    assert text.rindex("measuring test_it") < text.rindex("\x1b[K") < text.rindex("performance")


def test_a_piped_run_has_no_progress_line(project):
    """Where the output is no terminal, nothing moves."""
    project.write(
        "def test_it(perf_monitor, perf_clock): perf_monitor(perf_clock.advance, '200ms')"
    )
    assert "measuring" not in project.measure().stdout.str()
    assert json.loads((project.path / "perf-report.json").read_text())["schema"] == 1
