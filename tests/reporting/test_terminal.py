"""The report as terminal lines."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_results import MS, SHOP, result, shop_report, summary, unmeasured, verdict

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.verdict import Outcome
from pytest_perfmon.reporting.cells import cells
from pytest_perfmon.reporting.layout import COLUMNS, read_layout
from pytest_perfmon.reporting.report import build_report
from pytest_perfmon.reporting.terminal import terminal_lines

names = st.text(min_size=1, max_size=90) | st.text(
    "日本e\u0301👩\u200d\n\x1b[31m\u202e", min_size=1
)


def shown(report, width=80):
    """The report as one text, colours left out."""
    lines = terminal_lines(report, width=width)
    return "\n".join("".join(segment.text for segment in line) for line in lines)


def markup_of(report, text):
    """The markup of the segment that is this text and padding."""
    segments = [segment for line in terminal_lines(report) for segment in line]
    return [dict(segment.markup) for segment in segments if segment.text.strip() == text]


def test_the_whole_report():
    """Table, remarks, footnotes, notes and counts, in this order and in 80 columns."""
    assert shown(shop_report(notes=["saved 3 operations in .perfmon/default"])) == (
        """\
                                 calls  median      p95    max  unit  outcome
-------------------------------  -----  ------  -------  -----  ----  ---------
tests/test_parse.py
TestParser::test_parse[big] ¹ ²     20     930  need 72  1,860  ns    PASSED
tests/test_shop.py
test_checkout: db.query ²          500    55.0     60.5    110  ms    FAILED
test_checkout: cache.get           500     180      198    360  us    UNDECIDED

FAILED       db.query p95 60.5 ms > budget 50 ms (1.21x, warning) · 500 calls,
             95% CI 59.3-62.3 ³
             tests/test_shop.py::test_checkout
UNDECIDED    cache.get p99 UNDECIDED: 40 more calls needed
NOT CHECKED  db.query baseline, cache.get baseline: no stored run
IMPROVED     test_parse IMPROVED -6.8% [-9.6, -4.1] · 5 stored runs

¹ per-round means: one call is too short for the clock, so the percentiles are
  not of calls
² the machine was busy
³ calls come in clusters

saved 3 operations in .perfmon/default
3 operations: 1 passed, 1 failed, 1 undecided; 2 criteria not checked"""
    )


def test_a_table_too_wide_goes_on_below_with_the_names_repeated():
    """Every column asked for is shown, none is squeezed."""
    layout = read_layout(",".join(COLUMNS), "-p95", "us")
    table = shown(shop_report(layout=layout)).partition("\n\nFAILED")[0]
    assert table == (
        """\
                          calls  rounds  errors    mean     min  median      p90
------------------------  -----  ------  ------  ------  ------  ------  -------
tests/test_…: db.query ¹    500     500       0  56,100  49,500  55,000   57,750
tests/test_s…: cache.get    500     500       0     184     162     180      189
tests/test…arse[big] ¹ ²     20      20       0   0.949   0.837   0.930  need 36

                                         p95       p99      max  unit  outcome
-----------------------------------  -------  --------  -------  ----  ---------
tests/test_shop.…eckout: db.query ¹   60,500    71,500  110,000  us    FAILED
tests/test_shop.p…eckout: cache.get      198       234      360  us    UNDECIDED
tests/test_pars…test_parse[big] ¹ ²  need 72  need 368     1.86  us    PASSED"""
    )


def test_a_plain_run_is_one_line():
    """Unmeasured tests are counted and the option is named."""
    assert shown(build_report([unmeasured(SHOP)] * 3)) == (
        "3 perf tests ran once, unmeasured; measure them with --perf-budgets"
    )


def test_nothing_to_show_is_no_line():
    """A run without perf tests prints nothing."""
    assert terminal_lines(build_report([])) == ()


def test_outcomes_carry_the_terminal_writers_colours():
    """Red fails, yellow is open, green is good; the table agrees with the remarks."""
    report = shop_report()
    red = {"red": True, "bold": True}
    assert markup_of(report, "FAILED") == [red, red]
    assert markup_of(report, "UNDECIDED") == [{"yellow": True}, {"yellow": True}]
    assert markup_of(report, "NOT CHECKED") == [{"yellow": True}]
    assert markup_of(report, "PASSED") == markup_of(report, "IMPROVED") == [{"green": True}]


def test_what_fails_without_being_failed_is_red_too():
    """Under --perf-strict an unchecked criterion fails its test, and looks like it."""
    unchecked = verdict(SHOP, "db", "p95", Outcome.NOT_CHECKED, fails=True, reason="never called")
    report = build_report([result(SHOP, ("db", summary(MS)), verdicts=[unchecked])])
    assert markup_of(report, "NOT CHECKED") == [{"red": True, "bold": True}] * 2


def test_wide_names_keep_the_columns_aligned():
    """Columns are counted in cells, also for texts that hooks add."""
    operations = [(name, summary(MS)) for name in ("日本語", "ascii", "e\u0301")]
    report = build_report(
        [result("t.py::test_x", *operations)],
        read_layout("calls"),
        extra_columns={Key("t.py::test_x", "ascii"): {"語": "注文"}},
    )
    lines = shown(report).splitlines()[:5]
    assert lines == [
        "                calls    語",
        "--------------  -----  ----",
        "test_x: 日本語    500     -",
        "test_x: ascii     500  注文",
        "test_x: e\u0301         500     -",
    ]


def test_figures_are_never_read_as_numbers_again():
    """A figure written as `1.10` or `0` is shown so."""
    report = build_report([result("t.py::test_x", ("test_x", summary(1.1, min=0.0)))])
    assert "1.10" in shown(build_report(report.results, read_layout("median")))
    assert "  0 " in shown(build_report(report.results, read_layout("min,outcome")))


def test_many_footnotes_do_not_crowd_out_the_name():
    """The marks of a row take at most half of its label."""
    figures = summary(MS, warnings=tuple(f"warning {number}" for number in range(40)))
    report = build_report([result("t.py::test_" + "x" * 60, ("operation", figures))])
    row = shown(report).splitlines()[2]
    assert row.startswith("test_xx")
    assert cells(row) <= 80


@settings(max_examples=150)
@given(
    test=names,
    operation=names,
    texts=st.lists(names, max_size=12),
    figures=st.tuples(st.floats(0, 1e18), st.floats(0, 1e18)),
    layout=st.tuples(st.sampled_from(["file", "-p95"]), st.integers(40, 100)),
)
def test_no_line_is_wider_than_asked_nor_holds_a_control_character(
    test, operation, texts, figures, layout
):
    """Whatever the names, texts and figures are."""
    sort, width = layout
    nodeids = ["a.py::" + test, test]
    report = build_report(
        [
            result(
                nodeid,
                (operation, summary(figures[0], max=figures[1], warnings=tuple(texts))),
                verdicts=[
                    verdict(nodeid, operation, "p95", Outcome.FAILED, test, fails=True),
                    verdict(nodeid, operation, "p99", Outcome.NOT_CHECKED, reason=test),
                ],
            )
            for nodeid in dict.fromkeys(nodeids)
        ],
        read_layout("calls,p95,mean,max,outcome", sort),
        notes=texts,
        extra_columns={Key(nodeids[0], operation): dict.fromkeys(texts, test)},
    )
    for line in shown(report, width).split("\n"):
        assert line.isprintable()
        assert cells(line) <= width


def test_showing_loads_tabulate_and_no_other_renderers_library():
    """Neither numpy nor jinja2 nor pytest is needed to print a table."""
    script = (
        "import sys; before = set(sys.modules);"
        "import pytest_perfmon.reporting.terminal;"
        "others = {'numpy', 'jinja2', 'pytest', 'asyncio', 'sqlite3'};"
        "print(sorted(others & (set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
