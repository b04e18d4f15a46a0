"""From scripted blocks to verdicts: fair to both sides, and honest for the suite."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_perfmon.duet.contest import Rules, Suite
from pytest_perfmon.duet.pairs import BlockReport
from pytest_perfmon.duet.protocol import Done, Pace, Slices
from pytest_perfmon.duet.voices import SideReport
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.verdict import Change

ORDER = (True, False)


def rules(**changes):
    """Give the rules of a run."""
    settings = {
        "alpha": 0.01,
        "min_effect_of": lambda _: 0.02,
        "blocks": 60,
        "fixed": False,
        "seconds": 60.0,
        "statistic_of": lambda _: "location",
    }
    return Rules(**(settings | changes))


def side(values, order=ORDER, statistic="location"):
    """Give a side's report: for each test, what its one operation's slices took."""
    slices = tuple(
        Slices(nodeid, "op", Pace(1, 1, statistic), tuple(one), order, pinned=True)
        for nodeid, one in values.items()
    )
    return SideReport(tuple(values), slices, (), Done({}), "")


def block(candidate, baseline, slot=0, statistic="location"):
    """Give a block's report."""
    return BlockReport(
        slot,
        1,
        baseline=side(baseline, statistic=statistic),
        candidate=side(candidate, statistic=statistic),
    )


def run(suite, candidate, baseline, blocks, slot=0):
    """Feed equal blocks."""
    for number in range(blocks):
        suite.take(block(candidate, baseline, slot), first=number == 0, unchecked={})


@pytest.mark.parametrize("slot", [0, 1])
@pytest.mark.parametrize(
    ("candidate", "change"),
    [(110.0, Change.REGRESSED), (90.0, Change.IMPROVED), (100.0, Change.UNCHANGED)],
)
def test_a_change_is_found_in_either_slot(slot, candidate, change):
    """Whichever slot the candidate sits in, the verdict is the same."""
    suite = Suite(rules())
    run(suite, {"t": (candidate, candidate)}, {"t": (100.0, 100.0)}, 14, slot)
    assert suite.contests[Key("t", "op")].change is change


def test_swapping_the_sides_mirrors_the_data():
    """The datum of swapped sides is exactly the negative."""
    one, other = Suite(rules()), Suite(rules())
    run(one, {"t": (107.0, 113.0)}, {"t": (100.0, 104.0)}, 3)
    run(other, {"t": (100.0, 104.0)}, {"t": (107.0, 113.0)}, 3)
    mine = [block.datum for block in one.contests[Key("t", "op")].series.blocks]
    theirs = [block.datum for block in other.contests[Key("t", "op")].series.blocks]
    assert mine == [-datum for datum in theirs]


def test_decided_tests_are_settled():
    """A test leaves when all its operations are decided; the score counts them."""
    suite = Suite(rules())
    run(suite, {"a": (100, 100), "b": (103, 103)}, {"a": (100, 100), "b": (100, 100)}, 6)
    assert suite.settled_tests() == {"a"}
    assert suite.score() == (1, 2)


def test_hypotheses_are_those_of_the_first_block():
    """A claim takes as much evidence as the operations that there were, lost ones included."""
    suite = Suite(rules())
    run(suite, {str(n): (100, 100) for n in range(12)}, {str(n): (100, 100) for n in range(12)}, 1)
    assert suite.bar == pytest.approx(1200)
    assert Suite(rules(hypotheses=30)).bar == pytest.approx(3000)


def test_a_block_that_one_side_lost_counts_against_a_claim():
    """A lost block stays in the series as such; one that both lost is none."""
    suite = Suite(rules())
    suite.take(block({"t": (110, 110)}, {"t": (100, 100)}), first=True, unchecked={})
    suite.take(block({"t": (110, 110)}, {}), first=False, unchecked={})
    suite.take(block({}, {}), first=False, unchecked={})
    data = [one.datum for one in suite.contests[Key("t", "op")].series.blocks]
    assert data == [pytest.approx(math.log(1.1)), None]


def test_what_is_open_at_the_end_is_undecided():
    """Closing settles what evidence has not."""
    suite = Suite(rules())
    run(suite, {"t": (103, 103)}, {"t": (100, 100)}, 2)
    suite.close()
    assert suite.contests[Key("t", "op")].change is Change.UNDECIDED


def test_a_fixed_number_of_blocks_is_made_whatever_they_show():
    """With a fixed number nothing leaves early, and the last block decides."""
    suite = Suite(rules(blocks=16, fixed=True))
    run(suite, {"t": (130, 130)}, {"t": (100, 100)}, 15)
    assert suite.settled_tests() == set()
    suite.take(block({"t": (130, 130)}, {"t": (100, 100)}), first=False, unchecked={})
    assert suite.contests[Key("t", "op")].change is Change.REGRESSED


def test_different_coins_are_no_datum():
    """Sides that threw different coins did not run in turn: the block is lost."""
    suite = Suite(rules())
    report = BlockReport(
        0, 1, baseline=side({"t": (100, 100)}, (False, True)), candidate=side({"t": (110, 110)})
    )
    suite.take(report, first=True, unchecked={})
    assert [one.datum for one in suite.contests[Key("t", "op")].series.blocks] == [None]


def test_p95_and_memory_are_one_number_a_process():
    """Their data are log ratios of the two processes' figures."""
    for statistic, candidate in (("p95", [1.0] * 90 + [3.0] * 10), ("memory", [2.0, 2.0])):
        suite = Suite(rules())
        report = block({"t": candidate}, {"t": [1.0] * len(candidate)}, statistic=statistic)
        suite.take(report, first=True, unchecked={})
        contest = suite.contests[Key("t", "op")]
        (one,) = contest.series.blocks
        assert one.datum == pytest.approx(math.log(3.0 if statistic == "p95" else 2.0))
        assert contest.statistic == statistic


def test_a_p95_takes_a_hundred_calls():
    """A block with fewer calls of an operation than a p95 takes is lost."""
    suite = Suite(rules())
    report = block({"t": [1.0] * 99}, {"t": [1.0] * 99}, statistic="p95")
    suite.take(report, first=True, unchecked={})
    assert [one.datum for one in suite.contests[Key("t", "op")].series.blocks] == [None]


def test_what_is_not_proven_may_be_worth_a_look():
    """Of many undecided operations, those that stand out are named; of none, none."""
    suite = Suite(rules(alpha=1e-6))
    slow = {f"slow{number}": (110.0, 110.0) for number in range(5)}
    even = {f"even{number}": (100.0, 100.0) for number in range(5)}
    run(suite, slow | even, dict.fromkeys(slow | even, (100.0, 100.0)), 8)
    suite.close()
    assert {key.nodeid for key in suite.worth_a_look()} == set(slow)


def test_a_test_that_stopped_can_still_be_claimed_as_bars_fall():
    """Evidence that was too weak beside another's becomes enough once that one is REGRESSED."""
    suite = Suite(rules(blocks=14))
    a, b = Key("a", "op"), Key("b", "op")
    slower, same = {"a": (200, 200), "b": (200, 200)}, {"a": (100, 100), "b": (100, 100)}
    only_a = ({"a": (200, 200)}, {"a": (100, 100)})
    suite.take(block(slower, same), first=True, unchecked={})
    for _ in range(3):  # neither side measures b: no block for it
        suite.take(block(*only_a), first=False, unchecked={})
    for _ in range(3):
        suite.take(block(slower, same), first=False, unchecked={})
    stopped = []
    for _ in range(7):  # one side loses a, whose evidence falls until waiting is futile
        suite.take(block(slower, {"b": (100, 100)}), first=False, unchecked={})
        stopped.append((suite.contests[a].change, suite.contests[b].change))
    assert (Change.UNDECIDED, None) in stopped
    assert stopped[-1] == (Change.UNDECIDED, Change.REGRESSED)
    suite.close()
    assert suite.contests[a].change is Change.REGRESSED


def test_a_late_claim_takes_what_the_bar_has_fallen_to():
    """What stopped below even the last bar stays UNDECIDED when another test is REGRESSED."""
    suite = Suite(rules(blocks=14))
    both = {"a": (200, 200), "b": (200, 200)}
    same = {"a": (100, 100), "b": (100, 100)}
    for number in range(5):
        suite.take(block(both, same), first=number == 0, unchecked={})
    for _ in range(5):
        suite.take(block(both, {"b": (100, 100)}), first=False, unchecked={})
    suite.close()
    changes = {key.nodeid: one.change for key, one in suite.contests.items()}
    assert changes == {"a": Change.UNDECIDED, "b": Change.REGRESSED}


def test_a_run_that_measures_nothing_has_no_contest():
    """Without any slices there is nothing to decide, and a claim would take 1/alpha."""
    suite = Suite(rules())
    for number in range(2):
        suite.take(block({}, {}), first=number == 0, unchecked={})
    suite.close()
    assert suite.contests == {}
    assert suite.score() == (0, 0)
    assert suite.bar == pytest.approx(100)


def test_a_test_that_only_one_side_measures_has_no_datum():
    """A test without a measurement on one side is undecided, and is a hypothesis all the same."""
    suite = Suite(rules(blocks=3))
    for number in range(3):
        report = block({"t": (100, 100), "lone": (100, 100)}, {"t": (100, 100)})
        suite.take(report, first=number == 0, unchecked={})
    suite.close()
    lone = suite.contests[Key("lone", "op")]
    assert {one.datum for one in lone.series.blocks} == {None}
    assert (lone.change, lone.statistic) == (Change.UNDECIDED, "")
    assert suite.bar == pytest.approx(200)


def test_an_unchecked_test_is_left_alone():
    """A test that cannot be checked takes no further block, and closing does not settle it."""
    suite = Suite(rules())
    run(suite, {"t": (100, 100)}, {"t": (100, 100)}, 1)
    report = block({"t": (100, 100)}, {"t": (100, 100)})
    suite.take(report, first=False, unchecked={"t": "needs exclusive fixtures"})
    suite.close({"t"})
    contest = suite.contests[Key("t", "op")]
    assert len(contest.series.blocks) == 1
    assert contest.change is None


@pytest.mark.parametrize("statistic", ["location", "p95", "memory"])
@pytest.mark.parametrize("slot", [0, 1])
@given(values=st.lists(st.floats(90, 130), min_size=200, max_size=200))
@settings(max_examples=10)
def test_swapping_the_sides_mirrors_each_statistic(statistic, slot, values):
    """Whatever is compared and wherever a side sits, swapped sides give the negative datum."""
    order = ORDER * 50 if statistic == "location" else ORDER
    ours = side({"t": values[:100]}, order, statistic)
    theirs = side({"t": values[100:]}, order, statistic)
    here, there = Suite(rules()), Suite(rules())
    here.take(BlockReport(slot, 1, theirs, ours), first=True, unchecked={})
    there.take(BlockReport(1 - slot, 1, ours, theirs), first=True, unchecked={})
    one, other = (suite.contests[Key("t", "op")].series.blocks[0] for suite in (here, there))
    assert one.datum is not None
    assert one.datum == -other.datum


@pytest.mark.parametrize(
    ("candidate", "change", "mirrored"),
    [
        (110.0, Change.REGRESSED, Change.IMPROVED),
        (100.4, Change.UNCHANGED, Change.UNCHANGED),
    ],
)
def test_swapping_the_sides_mirrors_the_verdict(candidate, change, mirrored):
    """What is REGRESSED one way is IMPROVED the other; after as many blocks."""
    here, there = Suite(rules(blocks=8)), Suite(rules(blocks=8))
    run(here, {"t": (candidate, candidate)}, {"t": (100.0, 100.0)}, 8)
    run(there, {"t": (100.0, 100.0)}, {"t": (candidate, candidate)}, 8)
    one, other = (suite.contests[Key("t", "op")] for suite in (here, there))
    assert (one.change, other.change) == (change, mirrored)
    assert len(one.series.blocks) == len(other.series.blocks)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("statistic", ["location", "memory"])
def test_a_figure_that_is_none_loses_the_block(statistic, bad):
    """A slice of no time, or no number, is no ratio: the block counts as lost, not as equal."""
    suite = Suite(rules())
    report = block({"t": (bad, bad)}, {"t": (100.0, 100.0)}, statistic=statistic)
    suite.take(report, first=True, unchecked={})
    contest = suite.contests[Key("t", "op")]
    assert [one.datum for one in contest.series.blocks] == [None]
    assert contest.candidate == []


def test_a_block_without_one_cpu_is_remembered():
    """One block that a side ran unpinned marks the comparison for good."""
    suite = Suite(rules())
    run(suite, {"t": (100, 100)}, {"t": (100, 100)}, 1)
    contest = suite.contests[Key("t", "op")]
    assert not contest.unpinned
    loose = side({"t": (100, 100)})
    loose = replace(loose, slices=tuple(replace(one, pinned=False) for one in loose.slices))
    report = BlockReport(0, 1, baseline=side({"t": (100, 100)}), candidate=loose)
    suite.take(report, first=False, unchecked={})
    suite.take(block({"t": (100, 100)}, {"t": (100, 100)}), first=False, unchecked={})
    assert contest.unpinned
