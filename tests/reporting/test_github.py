"""Annotations and step summary for GitHub Actions."""

from __future__ import annotations

import html
import re

from hypothesis import given
from hypothesis import strategies as st
from scripted_results import MS, SHOP, result, shop_report, summary, unmeasured, verdict

from pytest_perfmon.model.verdict import Outcome
from pytest_perfmon.reporting import github
from pytest_perfmon.reporting.report import build_report


def failing(count, headline="over"):
    """A report with so many failing operations in one test."""
    verdicts = [
        verdict(SHOP, f"op{number}", "p95", Outcome.FAILED, headline, fails=True)
        for number in range(count)
    ]
    return build_report([result(SHOP, verdicts=verdicts)])


def test_remarks_become_commands_on_their_files_errors_first():
    """What fails is an error, what is open a warning, what improved a notice."""
    lines = github.workflow_commands(shop_report(), directory="services/shop/")
    assert lines[0] == (
        "::error file=services/shop/tests/test_shop.py,title=Performance%3A FAILED::"
        "db.query p95 60.5 ms > budget 50 ms (1.21x, warning) · 500 calls, 95%25 CI 59.3-62.3"
        "%0Atests/test_shop.py::test_checkout"
        "%0A41 of 500 calls took more than 50 ms"
        "%0Awarning: calls come in clusters"
    )
    assert [line.partition(" ")[0] for line in lines] == [
        "::error",
        "::warning",
        "::warning",
        "::notice",
    ]


def test_properties_and_messages_cannot_end_early():
    """Percent signs, line ends, colons and commas are escaped where they would be read."""
    nodeid = "a,b:c%.py::test_x"
    odd = verdict(nodeid, "x", "p95", Outcome.FAILED, "50%\r\n::error::x", fails=True)
    (line,) = github.workflow_commands(build_report([result(nodeid, verdicts=[odd])]))
    assert line.startswith("::error file=a%2Cb%3Ac%25.py,title=Performance%3A FAILED::")
    assert "50%25\\r\\n::error::x%0A" in line


@given(st.text(), st.text())
def test_a_command_is_one_line_for_any_text(nodeid, headline):
    """Nothing in a name starts a command of its own."""
    one = verdict(nodeid, "x", "p95", Outcome.FAILED, headline, fails=True)
    for line in github.workflow_commands(build_report([result(nodeid, verdicts=[one])])):
        assert line.isprintable()
        assert line.startswith("::error file=")


def test_more_than_github_shows_are_counted():
    """Ten of a kind, the tenth saying how many others there are."""
    assert len(github.workflow_commands(failing(10))) == 10
    lines = github.workflow_commands(failing(25))
    assert len(lines) == 10
    assert lines[-1] == "::error title=Performance::16 more of this kind stand in the step summary"


def test_the_step_summary():
    """Counts, remarks, a table a file, footnotes and notes as Markdown."""
    text = github.step_summary(shop_report(notes=["saved in .perfmon"]))
    lines = [html.unescape(line) for line in text.splitlines()]
    assert lines[0] == (
        "### Performance: 3 operations: 1 passed, 1 failed, 1 undecided; 2 criteria not checked"
    )
    assert lines[2].startswith("- **FAILED** db.query p95 60.5 ms > budget 50 ms")
    assert lines[2].endswith("59.3-62.3 <sup>3</sup> (tests/test_shop.py::test_checkout)")
    assert "- **NOT CHECKED** db.query baseline, cache.get baseline: no stored run" in lines
    start = lines.index("| tests/test_shop.py | calls | median | p95 | max | unit | outcome |")
    assert lines[start + 1] == "| :-- | --: | --: | --: | --: | :-- | :-- |"
    assert lines[start + 2] == (
        "| test_checkout: db.query <sup>2</sup> | 500 | 55.0 | 60.5 | 110 | ms | FAILED |"
    )
    assert "2. the machine was busy" in lines
    assert lines[-1] == "saved in .perfmon"


@given(st.text(min_size=1))
def test_no_name_leaves_its_cell(name):
    """Markdown and HTML in a name are shown, not obeyed."""
    report = build_report([result("t.py::test_x", (name, summary(MS)))])
    (row,) = [line for line in github.step_summary(report).splitlines() if "1.00" in line]
    assert row.count("|") == 8
    assert not re.search(r"[<>`*_\[\]\\]", row)


def test_a_summary_too_long_for_github_ends_early_and_says_so():
    """GitHub refuses more than a mebibyte as a whole."""
    text = github.step_summary(failing(1500, "x" * 1000))
    assert len(text.encode()) < 1024 * 1024
    assert re.search(r"\n\d+ more lines are too many for GitHub; --perf-json has all\.\n$", text)


def test_tests_that_ran_unmeasured_beside_measured_ones_are_told():
    """The last line counts them."""
    report = build_report([result(SHOP, ("x", summary(MS))), unmeasured("t.py::test_y")])
    assert github.step_summary(report).splitlines()[-1].startswith("1 perf test ran once")


def test_plain_and_empty_runs():
    """A plain run is one line, no perf test is no text at all."""
    assert github.step_summary(build_report([unmeasured(SHOP)])) == (
        "### Performance: 1 perf test ran once, unmeasured; measure it with --perf-budgets\n\n"
    )
    assert github.step_summary(build_report([])) == ""
    assert github.workflow_commands(build_report([])) == ()
