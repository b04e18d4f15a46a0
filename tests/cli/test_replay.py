"""`python -m pytest_perfmon replay`: the same blocks give the same decision."""

from __future__ import annotations

import json

import pytest

from pytest_perfmon.cli import main
from pytest_perfmon.stats.blocks import Bars, replay

SLOWER = [0.08 + 0.001 * (number % 5) for number in range(14)]
SAME = [0.001 * (number % 3 - 1) for number in range(8)]


def verdict(data, change, bar=1200.0):
    """Give a comparison's verdict as the JSON report has it, cut where it was decided."""
    decisions = replay(data, [Bars.fixed(bar)] * len(data), min_effect=0.02, cap=60)
    made = len(decisions)
    return {
        "operation": "parse",
        "comparison": {"change": change},
        "record": {
            "data": data[:made],
            "bars": [[bar] * 4] * made,
            "min_effect": 0.02,
            "cap": 60,
        },
    }


def report(tmp_path, *verdicts):
    """Write a report of one test with those verdicts."""
    path = tmp_path / "run.json"
    test = {"nodeid": "test_it.py::test_it", "verdicts": [{"record": None}, *verdicts]}
    path.write_text(json.dumps({"schema": 1, "tests": [test]}))
    return str(path)


def test_the_same_blocks_give_the_same_decisions(tmp_path, capsys):
    """A slowdown and its absence are decided again, each with its number of blocks."""
    path = report(tmp_path, verdict(SLOWER, "REGRESSED"), verdict(SAME, "UNCHANGED"))
    assert main(["replay", path]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("test_it.py::test_it parse: REGRESSED after 11 blocks")
    assert second.startswith("test_it.py::test_it parse: UNCHANGED after 5 blocks")


def test_a_decision_that_does_not_follow_is_found(tmp_path, capsys):
    """A file that claims another verdict than its blocks give ends with 1."""
    assert main(["replay", report(tmp_path, verdict(SLOWER, "UNCHANGED"))]) == 1
    assert "the file says UNCHANGED" in capsys.readouterr().out


def test_a_claim_without_evidence_is_found(tmp_path):
    """A file altered to REGRESSED over blocks that show nothing ends with 1."""
    assert main(["replay", report(tmp_path, verdict(SAME, "REGRESSED"))]) == 1


def test_a_claim_that_a_fallen_bar_allowed_agrees(tmp_path, capsys):
    """Evidence below its own bar, above what it could fall to, is a claim that others allowed."""
    late = verdict(SLOWER[:9], "REGRESSED")
    late["record"]["bars"] = [[1200.0, 1200.0, 100.0, 100.0]] * len(late["record"]["data"])
    assert main(["replay", report(tmp_path, late)]) == 0
    assert "as other claims lowered the bar" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change", [{"min_effect": 0.0}, {"bars": []}, {"data": [float("nan")] * 5}, {"data": []}]
)
def test_a_damaged_record_is_one_line(tmp_path, capsys, change):
    """A record that cannot be is a usage error, not a traceback."""
    damaged = verdict(SAME, "UNCHANGED")
    damaged["record"] |= change
    assert main(["replay", report(tmp_path, damaged)]) == 4
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        '{"tests": 3}',
        '{"tests": []}',
        '{"tests": [{"verdicts": [7]}]}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_no_report_is_named(tmp_path, capsys, content):
    """A missing, damaged or foreign file, and one without comparisons, end with 4 in one line."""
    path = tmp_path / "file.json"
    if content is not None:
        path.write_text(content)
    assert main(["replay", str(path)]) == 4
    said = capsys.readouterr().err
    assert "file.json" in said
    assert said.count("\n") == 1
