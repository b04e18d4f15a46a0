"""The renderer-neutral report."""

from __future__ import annotations

import math

import pytest
from scripted_results import (
    MS,
    PARSE,
    SHOP,
    few,
    result,
    shop_report,
    shop_results,
    summary,
    unmeasured,
    verdict,
)

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.verdict import Outcome
from pytest_perfmon.reporting.figures import figure, label_of
from pytest_perfmon.reporting.layout import read_layout
from pytest_perfmon.reporting.report import build_report, count_line, unmeasured_line
from pytest_perfmon.reporting.table import INTERRUPTED, PER_ROUND_MEAN


def labels(report):
    """Labels of all rows in order."""
    return [row.label for row in report.rows]


def one_row(figures, **options):
    """The texts of a single row by column."""
    report = build_report([result("t.py::test_x", ("test_x", figures))], read_layout(**options))
    return dict(zip(report.columns, report.rows[0].cells, strict=True))


def test_rows_stand_under_their_files_in_order_of_names():
    """Two files make two titled groups, and labels need not repeat them."""
    report = shop_report()
    assert [group.title for group in report.groups] == ["tests/test_parse.py", "tests/test_shop.py"]
    assert labels(report) == [
        "TestParser::test_parse[big]",
        "test_checkout: db.query",
        "test_checkout: cache.get",
    ]


def test_one_file_needs_no_title():
    """There is nothing to tell apart."""
    report = build_report(shop_results()[:1])
    assert [group.title for group in report.groups] == [""]


def test_a_figure_sorts_across_files_and_labels_then_name_them():
    """`-median` puts the slowest first, whatever its file."""
    report = shop_report(layout=read_layout(sort="-median"))
    assert [group.title for group in report.groups] == [""]
    assert labels(report) == [
        "tests/test_shop.py::test_checkout: db.query",
        "tests/test_shop.py::test_checkout: cache.get",
        "tests/test_parse.py::TestParser::test_parse[big]",
    ]


@pytest.mark.parametrize("sort", ["p99", "-p99"])
def test_what_has_no_such_figure_comes_last_in_either_direction(sort):
    """A percentile of too few calls is neither small nor large."""
    assert labels(shop_report(layout=read_layout(sort=sort)))[-1].startswith("tests/test_parse.py")


def test_equal_rows_keep_the_order_of_measuring():
    """Sorting is stable in both directions."""
    results = [result("t.py::test_x", *((name, summary(MS)) for name in "bca"))]
    for sort in ("median", "-median"):
        names = [
            row.operation.key.operation
            for row in build_report(results, read_layout(sort=sort)).rows
        ]
        assert names == ["b", "c", "a"]


def test_sorting_by_name_inside_files_and_by_outcome():
    """Later keys order what earlier ones leave equal; FAILED leads outcomes."""
    by_name = shop_report(layout=read_layout(sort="-file,name"))
    assert labels(by_name)[:2] == ["test_checkout: cache.get", "test_checkout: db.query"]
    by_outcome = shop_report(layout=read_layout(sort="outcome"))
    assert [row.outcome for row in by_outcome.rows] == [
        Outcome.FAILED,
        Outcome.UNDECIDED,
        Outcome.PASSED,
    ]


def test_a_row_has_one_unit_after_its_last_time():
    """Numbers of a row are on one scale, which stands beside them."""
    report = shop_report(layout=read_layout(columns="median,calls,max,outcome"))
    assert report.columns == ("median", "calls", "max", "unit", "outcome")
    assert report.rows[1].cells == ("55.0", "500", "110", "ms", "FAILED")


def test_the_time_unit_holds_for_every_row():
    """`--perf-time-unit` overrules the row's own scale."""
    report = shop_report(layout=read_layout(time_unit="us"))
    assert {row.cells[report.columns.index("unit")] for row in report.rows} == {"us"}


def test_no_time_no_unit():
    """A table of counts has no unit column."""
    assert build_report([], read_layout(columns="calls,errors")).columns == ("calls", "errors")


def test_too_few_calls_are_told_instead_of_a_percentile():
    """The number needed stands where the figure would be."""
    row = one_row(few(MS, 20), columns="median,p90,p95,p99")
    assert row == {
        "median": "1.00",
        "p90": "need 36",
        "p95": "need 72",
        "p99": "need 368",
        "unit": "ms",
    }


def test_what_is_infinite_is_shown_as_such():
    """No made-up number stands for infinity."""
    assert one_row(summary(MS, max=math.inf))["max"] == "∞"


def test_extra_columns_follow_and_are_blank_where_nothing_was_said():
    """Columns from hooks stand last."""
    report = shop_report(extra_columns={Key(SHOP, "db.query"): {"queries": "12"}})
    assert report.columns[-1] == "queries"
    assert [row.cells[-1] for row in report.rows] == ["-", "12", "-"]


def test_equal_warnings_share_one_footnote():
    """Each text stands once and rows refer to its number."""
    report = shop_report()
    assert report.footnotes == (PER_ROUND_MEAN, "the machine was busy", "calls come in clusters")
    assert [row.footnotes for row in report.rows] == [(1, 2), (2,), ()]
    assert [numbers for _, numbers in report.remarks] == [(3,), (), (), ()]


def test_an_interrupted_measurement_is_marked():
    """Figures cut short say so."""
    report = build_report([result(PARSE, ("test_parse", summary(MS, interrupted=True)))])
    assert report.footnotes == (INTERRUPTED,)
    assert report.rows[0].footnotes == (1,)


def test_doubts_about_what_passed_stand_with_its_row():
    """A passed verdict has no remark, and its warnings are not lost."""
    passed = verdict(PARSE, "test_parse", "p95", Outcome.PASSED, warnings=("mean above the limit",))
    report = build_report([result(PARSE, ("test_parse", summary(MS)), verdicts=[passed])])
    assert report.footnotes == ("mean above the limit",)
    assert report.rows[0].footnotes == (1,)


@pytest.mark.parametrize(
    ("nodeid", "operation", "label"),
    [
        ("t.py::test_x", "test_x", "test_x"),
        ("t.py::test_x[a::b]", "test_x", "test_x[a::b]"),
        ("t.py::test_x[a::b]", "test_x[a::b]", "test_x[a::b]"),
        ("t.py::TestX::test_x", "test_x", "TestX::test_x"),
        ("t.py::test_x", "db", "test_x: db"),
        ("README.md", "db", "README.md: db"),
    ],
)
def test_labels_name_the_operation_only_where_it_is_not_the_tests_own(nodeid, operation, label):
    """A test measured under its own name is not named twice."""
    assert label_of(Key(nodeid, operation)) == label


def test_a_tail_percentile_needs_its_interval_and_nothing_else_does():
    """Only p90, p95 and p99 are held back."""
    thin = few(MS, 20)
    assert [figure(thin, name) for name in ("p90", "p95", "p99")] == [None, None, None]
    assert figure(thin, "median") == MS
    assert figure(thin, "max") == 2 * MS
    assert figure(summary(MS), "p99") == 1.3 * MS


def test_counting_operations_by_outcome():
    """Every operation is counted once, unchecked criteria of the others apart."""
    assert count_line(shop_report()) == (
        "3 operations: 1 passed, 1 failed, 1 undecided; 2 criteria not checked"
    )


def test_an_operation_never_called_is_counted_though_it_has_no_row():
    """A gate does not go quiet because there is nothing to show."""
    never = verdict(SHOP, "db.query", "p95", Outcome.NOT_CHECKED, reason="never called")
    report = build_report([result(SHOP, verdicts=[never])])
    assert report.groups == ()
    assert count_line(report) == "1 operation: 1 not checked"


def test_counting_what_nobody_judged():
    """Saving a baseline judges nothing; a mixture says how many were not judged."""
    unjudged = result(PARSE, ("test_parse", summary(MS)))
    assert count_line(build_report([unjudged])) == "1 operation measured"
    mixed = build_report([unjudged, shop_results()[0]])
    assert count_line(mixed).startswith("3 operations: 1 failed, 1 undecided, 1 not judged")


def test_a_plain_run_says_how_to_measure():
    """The count and the option, in the singular too."""
    assert unmeasured_line(build_report([unmeasured(SHOP)] * 3)) == (
        "3 perf tests ran once, unmeasured; measure them with --perf-budgets"
    )
    assert unmeasured_line(build_report([unmeasured(SHOP)])) == (
        "1 perf test ran once, unmeasured; measure it with --perf-budgets"
    )
    assert unmeasured_line(shop_report()) == ""
    assert count_line(build_report([unmeasured(SHOP)])) == ""
