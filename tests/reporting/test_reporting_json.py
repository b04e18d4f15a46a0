"""The JSON report, and the page that documents it."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from scripted_results import (
    ENVIRONMENT,
    MS,
    PARSE,
    SHOP,
    few,
    result,
    shop_results,
    summary,
    unmeasured,
    verdict,
)

from pytest_perfmon.model.verdict import Change, Comparison, Outcome
from pytest_perfmon.reporting.json import SCHEMA, to_json
from pytest_perfmon.reporting.report import build_report

PAGE = Path(__file__).parents[2] / "docs" / "json.md"


def refuse(constant):
    """Standard JSON has no NaN and no Infinity."""
    raise AssertionError(constant)


def loaded(report):
    """What a strict reader makes of the text."""
    return json.loads(to_json(report), parse_constant=refuse)


def example_report():
    """The report that docs/json.md shows."""
    return build_report(
        [*shop_results(), unmeasured("tests/test_shop.py::test_later")],
        about={"time": "2026-03-14T09:26:53+00:00", "commit": "9fceb02"},
        environment=ENVIRONMENT,
        notes=["saved 3 operations in .perfmon/default"],
    )


def test_the_example_on_the_page_is_what_the_renderer_writes():
    """The documentation cannot drift from the code."""
    example = re.search(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert json.loads(example[1]) == loaded(example_report())


def test_the_page_describes_every_member():
    """Each member of the example stands in a table of the page, and the schema number is named."""
    page = PAGE.read_text(encoding="utf-8")

    def members(value):
        if isinstance(value, dict):
            for name, inner in value.items():
                yield name
                yield from members(inner)
        if isinstance(value, list):
            for inner in value:
                yield from members(inner)

    data = loaded(example_report())
    free = {*data["about"], *data["environment"]["fields"], *data["outcomes"]}
    free |= {
        name for test in data["tests"] for one in test["operations"] for name in one["intervals_ns"]
    }
    described = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    assert set(members(data)) - free <= described
    assert f"`schema` is {SCHEMA}" in page


def test_times_are_whole_and_percentiles_of_too_few_calls_are_null():
    """Nothing is rounded and nothing is invented."""
    report = build_report([result(SHOP, ("x", few(123.456, 20)))])
    (operation,) = loaded(report)["tests"][0]["operations"]
    assert operation["median_ns"] == 123.456
    assert operation["p90_ns"] is operation["p95_ns"] is operation["p99_ns"] is None
    assert set(operation["intervals_ns"]) == {"median"}


@given(st.sampled_from([math.nan, math.inf, -math.inf]), st.text())
def test_what_is_not_finite_is_null_and_any_name_survives(value, name):
    """The text is standard JSON for whatever figures and names come in."""
    comparison = Comparison(Change.UNDECIDED, value, -1.0, value, name, value)
    open_end = verdict(PARSE, name, "baseline", Outcome.UNDECIDED, name, comparison=comparison)
    figures = summary(MS, max=value, intervals={"p95": (0.0, value)})
    report = build_report([result(PARSE, (name, figures), verdicts=[open_end])], notes=[name])
    data = loaded(report)
    (test,) = data["tests"]
    assert test["operations"][0]["max_ns"] is None
    assert test["operations"][0]["intervals_ns"]["p95"] == [0.0, None]
    assert test["verdicts"][0]["comparison"]["high"] is None
    assert test["verdicts"][0]["headline"] == (name or f"{name} baseline UNDECIDED")
    assert data["notes"] == [name]
