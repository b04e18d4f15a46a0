"""From a test's recording to its verdicts, on scripted figures and scripted second looks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_perfmon.model.budget import Budget, Limit
from pytest_perfmon.model.measurement import Key, Measurement
from pytest_perfmon.model.run import Environment, StoredValue, Window
from pytest_perfmon.model.verdict import Outcome, TestResult, Verdict
from pytest_perfmon.plugin.judging import Judging, baseline_of, measured, summaries_of
from pytest_perfmon.plugin.recording import Recording

MS = 1_000_000
NODEID = "test_shop.py::test_checkout"
HERE = Environment({"python": "3.12.1"})


def limit(operation, criterion, value):
    """A budget of one limit."""
    return Budget(operation, (Limit(criterion, value),))


def recorded(judging, durations_ms, *budgets, calls=100):
    """A recording in which each operation has taken so long, call after call."""
    recording = Recording(NODEID, "test_checkout", budgets, judging.judge)
    for operation, duration in durations_ms.items():
        values = [duration * MS] * calls
        recording.add(Measurement(operation, values, rounds=calls))
        for judge in recording.judges(operation):
            judge.observe(values)
    return recording


def verdicts_of(judging, recording):
    """Give its verdicts by operation and criterion."""
    found = judging.verdicts(recording, summaries_of(recording))
    return {(one.key.operation, one.criterion): one for one in found}


class SecondLook:
    """A fresh process that finds the operations as slow as its script says."""

    def __init__(self, durations_ms):
        self.durations_ms = durations_ms
        self.asked = []

    def __call__(self, nodeid):
        """Measure the test again."""
        self.asked.append(nodeid)
        if isinstance(self.durations_ms, str):
            return self.durations_ms
        there = Judging(alpha=0.01, criteria=1)
        budgets = [limit(name, "p95", 50.0 * MS) for name in self.durations_ms]
        recording = recorded(there, self.durations_ms, *budgets)
        summaries = summaries_of(recording)
        return TestResult(
            nodeid,
            measured=True,
            operations=measured(recording, summaries),
            verdicts=there.verdicts(recording, summaries),
        )


P95S = (limit("a", "p95", 50.0 * MS), limit("b", "p95", 50.0 * MS))


def test_suspects_of_a_test_share_one_second_look():
    """Two violated limits ask for one fresh process, and each takes its own verdict from it."""
    look = SecondLook({"a": 60, "b": 40})
    judging = Judging(alpha=0.01, criteria=2, second_look=look)
    found = verdicts_of(judging, recorded(judging, {"a": 60, "b": 60}, *P95S))
    assert look.asked == [NODEID]
    assert found["a", "p95"].outcome is Outcome.FAILED
    assert found["b", "p95"].outcome is Outcome.UNDECIDED


def test_what_holds_its_budget_is_not_looked_at_again():
    """No suspect, no fresh process."""
    look = SecondLook({})
    judging = Judging(alpha=0.01, criteria=2, second_look=look)
    found = verdicts_of(judging, recorded(judging, {"a": 40, "b": 40}, *P95S))
    assert {one.outcome for one in found.values()} == {Outcome.PASSED}
    assert look.asked == []


def test_facts_need_no_second_look():
    """A call over its maximum is over it, whatever another process would see."""
    look = SecondLook({"a": 40})
    judging = Judging(alpha=0.01, criteria=1, second_look=look)
    found = verdicts_of(judging, recorded(judging, {"a": 60}, limit("a", "max", 50.0 * MS)))
    assert (found["a", "max"].outcome, look.asked) == (Outcome.FAILED, [])


def test_an_operation_that_the_second_look_lacks_is_not_checked():
    """A fresh process that did not measure it can confirm nothing."""
    judging = Judging(alpha=0.01, criteria=1, second_look=SecondLook({}))
    found = verdicts_of(judging, recorded(judging, {"a": 60}, limit("a", "p95", 50.0 * MS)))
    assert found["a", "p95"].outcome is Outcome.NOT_CHECKED
    assert found["a", "p95"].reason.endswith("the fresh process did not measure it")


@pytest.mark.parametrize(
    ("there", "left"), [({"a": 60}, 4), ({"a": 40}, 5), ("it ended with exit code 3", 5)]
)
def test_a_confirmed_violation_lowers_the_bar_of_the_others(there, left):
    """Holm: what is rejected takes no alpha any more; a suspect that was let go still does."""
    judging = Judging(alpha=0.01, criteria=5, second_look=SecondLook(there))
    assert judging.criteria_left == 5
    verdicts_of(judging, recorded(judging, {"a": 60}, limit("a", "p95", 50.0 * MS)))
    assert judging.criteria_left == left


def test_strict_makes_red_what_could_not_be_checked_and_nothing_else():
    """Under --perf-strict an operation never called fails; what is undecided keeps its policy."""
    judging = Judging(alpha=0.01, criteria=2, strict=True)
    found = verdicts_of(judging, recorded(judging, {"a": 40}, *P95S, calls=10))
    assert [(one.outcome, one.fails) for one in found.values()] == [
        (Outcome.UNDECIDED, False),
        (Outcome.NOT_CHECKED, True),
    ]


def against(
    values_ms, *, controls_ms=None, elsewhere=None, runs=None, warnings=(), unit="call", **how
):
    """A judging by stored runs of `parse` that took so long."""
    controls_ms = controls_ms or [0.0] * len(values_ms)
    stored = tuple(
        StoredValue("0" * 12, "", "c0ffee", unit, 100, one * MS, one * MS, control * MS)
        for one, control in zip(values_ms, controls_ms, strict=True)
    )
    key = Key(NODEID, "parse")
    window = Window(
        {key: stored} if stored else {},
        {key: elsewhere} if elsewhere else {},
        len(stored) if runs is None else runs,
        warnings,
    )
    baseline = baseline_of("nightly", ".perfmon", HERE, window, alpha=0.01, min_effect=0.02)
    return Judging(alpha=0.01, criteria=0, baseline=baseline, **how)


def by_baseline(judging, duration_ms, *budgets):
    """Give the verdict by stored runs on a `parse` that takes so long."""
    return verdicts_of(judging, recorded(judging, {"parse": duration_ms}, *budgets))[
        "parse", "baseline"
    ]


STEADY = (100, 101, 99, 100, 100)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({}, "no baseline 'nightly' in .perfmon (--perf-save-baseline makes one)"),
        ({"runs": 4}, "not in the baseline 'nightly' yet"),
        (
            {"elsewhere": Environment({"python": "3.11.7"}), "runs": 4},
            "the baseline is from another environment (python: 3.11.7 there, 3.12.1 here)",
        ),
    ],
)
def test_without_stored_runs_it_says_why(known, reason):
    """No runs, none of this operation, or another machine's: NOT CHECKED, each with its reason."""
    found = by_baseline(against((), **known), 100)
    assert (found.outcome, found.reason, found.fails) == (Outcome.NOT_CHECKED, reason, False)


def test_calls_are_not_compared_with_means_of_rounds():
    """Stored figures of another kind are no baseline."""
    found = by_baseline(against(STEADY, unit="per-round mean"), 100)
    assert found.outcome is Outcome.NOT_CHECKED
    assert "different kinds" in found.reason


def test_files_that_were_skipped_are_said_with_every_verdict():
    """What the store could not read is a doubt about the comparison."""
    found = by_baseline(against(STEADY, warnings=("x.json was skipped: it is empty",)), 100)
    assert found.warnings == ("x.json was skipped: it is empty",)


@pytest.mark.parametrize(("there", "outcome"), [(150, "FAILED"), (100, "UNDECIDED")])
def test_a_suspect_of_the_stored_runs_is_measured_again(there, outcome):
    """Both measurements have to exceed the limit."""
    look = SecondLook({"parse": there})
    assert by_baseline(against(STEADY, second_look=look), 150).outcome == outcome
    assert look.asked == [NODEID]


def test_the_mark_says_how_much_may_regress_before_the_option_does():
    """A mark's `max_regression` stands over the run's, be it laxer or stricter."""
    look = SecondLook({"parse": 150})
    laxer = limit("parse", "max_regression", 0.8)
    stricter = limit("parse", "max_regression", 0.1)
    assert by_baseline(against(STEADY, second_look=look, max_regression=0.8), 150).fails is False
    strict = against(STEADY, second_look=look, max_regression=0.8)
    assert by_baseline(strict, 150, stricter).fails
    lax = against(STEADY, second_look=look, max_regression=0.1)
    assert by_baseline(lax, 150, laxer).fails is False


def test_a_suspect_is_compared_with_the_commit_of_its_baseline_where_that_can_be():
    """The interleaved comparison decides, under the name of the baseline; nothing else is run."""
    asked = []
    decided = Verdict(Key(NODEID, "parse"), "against", Outcome.PASSED, "parse UNCHANGED")

    def duel(nodeid, commit):
        asked.append((nodeid, commit))
        return {"parse": decided}

    look = SecondLook({"parse": 150})
    found = by_baseline(against(STEADY, second_look=look, duel=duel), 150)
    assert (found.outcome, found.criterion, found.headline) == (
        Outcome.PASSED,
        "baseline",
        "parse UNCHANGED",
    )
    assert (asked, look.asked) == ([(NODEID, "c0ffee")], [])


@pytest.mark.parametrize(
    ("answer", "why"),
    [("git is not there", "git is not there"), ({}, "it was not measured there")],
)
def test_where_no_comparison_is_to_be_had_a_second_look_decides(answer, why):
    """The reason is a doubt about the verdict, which the fresh process reaches instead."""
    look = SecondLook({"parse": 150})
    found = by_baseline(against(STEADY, second_look=look, duel=lambda *_: answer), 150)
    assert found.outcome is Outcome.FAILED
    assert found.warnings == (f"not compared with the baseline's commit: {why}",)


def test_on_a_machine_in_trouble_an_interleaved_comparison_decides_and_nothing_else():
    """A suspect goes to the comparison with its commit; without one it is UNDECIDED (machine)."""
    look = SecondLook({"parse": 150})
    decided = Verdict(Key(NODEID, "parse"), "against", Outcome.FAILED, "parse REGRESSED")

    def judged(**how):
        judging = against(STEADY, controls_ms=(1.0, 1.0, 1.0, 1.0, 1.0), second_look=look, **how)
        recording = recorded(judging, {"parse": 250})
        summaries = {"parse": replace(summaries_of(recording)["parse"], control_ns=1.5 * MS)}
        (verdict,) = judging.verdicts(recording, summaries)
        return verdict

    assert judged(duel=lambda *_: {"parse": decided}).headline == "parse REGRESSED"
    alone = judged(duel=lambda *_: "git is not there")
    assert (alone.outcome, alone.reason) == (
        Outcome.UNDECIDED,
        "machine: it ran at another speed than in the stored runs",
    )
    assert look.asked == []
