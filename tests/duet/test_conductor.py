"""From scripted blocks to what a comparison gives: what a fault costs, and when blocks end."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from pytest_perfmon.duet import conductor
from pytest_perfmon.duet.conductor import Conductor
from pytest_perfmon.duet.contest import Rules
from pytest_perfmon.duet.pairs import BlockReport, PairError, Terms
from pytest_perfmon.duet.protocol import Done, Ended, Pace, Slices
from pytest_perfmon.duet.voices import SideReport
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.verdict import Change

TESTS = ("a", "b", "c")
PACE = Pace(1, 1, "location")
GONE = "TurnstileError: the other side is gone"


def slices(nodeid, value):
    """Give what a side measured of a test's one operation."""
    return Slices(nodeid, "op", PACE, (value, value), (True, False), pinned=True)


def side(values, *ended, begun=None, fault=""):
    """Give a side's report: the values of tests, troubles, and why it did not come to its end."""
    troubled = [one.nodeid for one in ended]
    begun = tuple(sorted({*values, *troubled})) if begun is None else begun
    measured = tuple(slices(nodeid, value) for nodeid, value in values.items())
    done = None if fault else Done({})
    return SideReport(begun, measured, ended, done, fault)


def sound(nodeids=TESTS, value=1.0):
    """Give the report of a side that measured those tests."""
    return side(dict.fromkeys(nodeids, value))


class Script:
    """Blocks that a conductor gets instead of real ones, each with the seconds that it takes.

    Attributes:
        blocks: (baseline, candidate, seconds), in order; the last one is made again and again.
        collected: what the two sides of each pair collect.
        asked: the tests that each block was asked for.
        now: the time.
        started: how many pairs were started.
        started_by: how many were when each block was made.
        closed: how often a pair was closed.
    """

    def __init__(self, *blocks):
        self.blocks = list(blocks)
        self.collected = []
        self.asked = []
        self.now = 0.0
        self.started = 0
        self.started_by = []
        self.closed = 0

    def __call__(self, _terms, candidate_slot, _guard):
        """Make a pair."""
        self.started += 1
        return ScriptedPair(self, candidate_slot)

    def monotonic(self):
        """Read the clock."""
        return self.now

    def next_block(self):
        """Give the next block."""
        block = self.blocks.pop(0) if len(self.blocks) > 1 else self.blocks[0]
        self.now += block[2]
        return block


class ScriptedPair:
    """A pair that gives the next block of the script."""

    def __init__(self, script, candidate_slot):
        self.script = script
        self.candidate_slot = candidate_slot

    def park(self):
        """Say what was collected."""
        collected = self.script.collected.pop(0) if self.script.collected else (TESTS, TESTS)
        if isinstance(collected, Exception):
            raise collected
        return tuple(map(frozenset, collected))

    def run(self, statistics, _paces):
        """Give a block, with what it was asked for."""
        self.script.asked.append(tuple(statistics))
        self.script.started_by.append(self.script.started)
        baseline, candidate, _ = self.script.next_block()
        wanted = set(statistics)
        return BlockReport(
            self.candidate_slot,
            1,
            baseline=only(wanted, baseline),
            candidate=only(wanted, candidate),
        )

    def close(self, **_):
        """Count."""
        self.script.closed += 1


def only(wanted, report):
    """Give a report without tests that were not asked for."""
    return SideReport(
        tuple(one for one in report.begun if one in wanted),
        tuple(one for one in report.slices if one.nodeid in wanted),
        report.ended,
        report.done,
        report.fault,
    )


@pytest.fixture
def conduct(monkeypatch):
    """Give a function that conducts a script and gives what came out."""

    def conduct(script, *, blocks=3, fixed=True, seconds=1000.0):
        monkeypatch.setattr(conductor, "Pair", script)
        monkeypatch.setattr(conductor, "guarded", nullcontext)
        monkeypatch.setattr(conductor, "time", script)
        monkeypatch.setattr(conductor, "check_identity", lambda *_: None)
        label = SimpleNamespace(label="it")
        terms = Terms(
            invocation=None,
            sides=SimpleNamespace(baseline=label, candidate=label),
            files=(),
            cpus=(),
            always_pin=False,
            slice_seconds=60.0,
            test_seconds=120.0,
        )
        rules = Rules(
            alpha=0.01,
            min_effect_of=lambda _: 0.02,
            blocks=blocks,
            fixed=fixed,
            seconds=seconds,
            statistic_of=lambda _: "location",
        )
        return Conductor(terms, TESTS, rules, lambda *_: None).run()

    return conduct


def data(comparisons):
    """Give how many blocks each test's operation has."""
    return {key.nodeid: len(one.series.blocks) for key, one in comparisons.contests.items()}


def test_all_that_is_sound_is_compared(conduct):
    """Each test has as many blocks as asked for, and what came of them; every pair is closed."""
    script = Script((sound(), sound(value=1.5), 1.0))
    got = conduct(script, blocks=12, fixed=False)
    assert {one.change for one in got.contests.values()} == {Change.REGRESSED}
    assert got.unchecked == {}
    assert script.closed >= got.blocks


def test_a_claim_makes_the_next_one_easier(conduct):
    """Of three operations two are slower: what a claim takes has fallen by the last block."""
    script = Script((sound(), side({"a": 1.5, "b": 1.5, "c": 1.0}), 1.0))
    got = conduct(script, blocks=12)
    changes = {key.nodeid: one.change for key, one in got.contests.items()}
    assert changes == {"a": Change.REGRESSED, "b": Change.REGRESSED, "c": Change.UNCHANGED}
    assert got.contests[Key("a", "op")].bars[-1].regressed < got.bar


def test_a_test_that_measures_nothing_is_not_checked(conduct):
    """A body without a form costs itself a reason, and nothing else."""
    empty = side({"a": 1.0, "c": 1.0}, begun=TESTS)
    got = conduct(Script((empty, empty, 1.0)))
    assert got.unchecked == {"b": "nothing was measured in it on both sides"}
    assert data(got) == {"a": 3, "c": 3}


@pytest.mark.parametrize(
    ("faulty", "why"),
    [
        (side({"a": 1.0}, begun=("a", "b"), fault="it fell"), "did not come through it: it fell"),
        (side({"a": 1.0}, begun=("a", "b")), "did not come through it: it ended the session"),
    ],
)
@pytest.mark.parametrize("faulty_side", ["baseline", "candidate"])
def test_a_first_block_that_broke_off_is_made_again(conduct, faulty, why, faulty_side):
    """The test in which a side died is dropped; the others, begun or not, start afresh."""
    gone = Ended("b", GONE, consequence=True)
    further = Ended("c", GONE, consequence=True)
    for other in (side({"a": 1.0}, gone), side({"a": 1.0, "b": 1.0}, further)):
        first = (faulty, other) if faulty_side == "baseline" else (other, faulty)
        script = Script((*first, 1.0), (sound(), sound(), 1.0))
        got = conduct(script)
        assert got.unchecked == {"b": f"the {faulty_side} {why}"}
        assert script.asked == [TESTS, *[("a", "c")] * 3]
        assert data(got) == {"a": 3, "c": 3}


def test_a_later_block_that_broke_off_keeps_what_it_gave(conduct):
    """The tests before the fault have that block's datum, those after it wait for the next one."""
    fallen = side({"a": 1.0}, begun=("a", "b"), fault="it fell")
    gone = side({"a": 1.0}, Ended("b", GONE, consequence=True))
    got = conduct(Script((sound(), sound(), 1.0), (fallen, gone, 1.0), (sound(), sound(), 1.0)))
    assert got.unchecked == {"b": "the baseline did not come through it: it fell"}
    assert data(got) == {"a": 3, "b": 1, "c": 2}
    assert got.contests[Key("b", "op")].change is None


def test_a_side_that_dies_before_its_first_test_costs_that_test(conduct):
    """Each such block costs one test, so that there is an end to it."""
    dead = side({}, begun=(), fault="it fell")
    got = conduct(Script((dead, sound(), 1.0)))
    why = "the baseline did not come through it: it fell"
    assert got.unchecked == dict.fromkeys(TESTS, why)
    assert got.contests == {}
    assert got.blocks == 0


def test_an_own_reason_is_told_before_one_that_follows_from_it(conduct):
    """Whichever side speaks first, the reason is that of the side that failed by itself."""
    own = side({"a": 1.0, "c": 1.0}, Ended("b", "call failed: no"))
    follows = side({"a": 1.0, "c": 1.0}, Ended("b", GONE, consequence=True))
    for baseline, candidate, name in ((own, follows, "baseline"), (follows, own, "candidate")):
        got = conduct(Script((baseline, candidate, 1.0)))
        assert got.unchecked == {"b": f"the {name} could not run it: call failed: no"}
        assert data(got) == {"a": 3, "c": 3}


def test_a_set_up_that_fails_on_one_side_may_need_to_be_alone(conduct):
    """It is NOT CHECKED as one that needs exclusive fixtures; failing on both, it is broken."""
    failed = Ended("b", "setup failed: the port is taken", in_setup=True)
    broken = side({"a": 1.0, "c": 1.0}, failed)
    got = conduct(Script((sound(), broken, 1.0)))
    assert got.unchecked == {
        "b": "needs exclusive fixtures, or what the candidate lacks: its setup failed: the port is"
        " taken"
    }
    got = conduct(Script((broken, broken, 1.0)))
    assert got.unchecked == {"b": "the candidate could not run it: setup failed: the port is taken"}


def test_sides_that_waited_for_each_other_may_need_to_be_alone(conduct):
    """Where neither has a reason of its own, the fixtures may have kept one waiting."""
    late = side({"a": 1.0}, Ended("b", GONE, consequence=True))
    got = conduct(Script((late, late, 1.0), (sound(), sound(), 1.0)))
    why = "needs exclusive fixtures, or more time: one side waited 60 s for the other"
    assert got.unchecked == {"b": why}
    assert data(got) == {"a": 3, "c": 3}


def test_what_one_side_hides_is_told_by_the_other(conduct):
    """A test that swallows its own fault left the other side alone, which says so."""
    left = side({"a": 1.0, "c": 1.0}, Ended("b", GONE, consequence=True))
    swallowed = side({"a": 1.0, "c": 1.0}, begun=TESTS)
    got = conduct(Script((left, swallowed, 1.0)))
    assert got.unchecked == {"b": f"the baseline could not run it: {GONE}"}


def test_a_test_that_one_side_does_not_have_is_not_checked(conduct):
    """At the start, and where a later pair has not collected it any more."""
    script = Script((sound(), sound(), 1.0))
    script.collected = [(("a", "b"), TESTS), (("a",), ("a", "b")), (("a",), ("a",))]
    got = conduct(script)
    why = "the baseline (it) has no such test"
    assert got.unchecked == {"b": why, "c": why}
    assert data(got)["a"] == 3


def test_time_that_a_fault_took_is_not_counted(conduct):
    """The cap is on blocks that ran to their end, so that a hang costs the others none."""
    fallen = (side({}, begun=("a",), fault="it hung"), sound(), 500.0)
    lone = Script((sound(), sound(), 40.0))
    assert conduct(lone, blocks=60, seconds=100.0).blocks == 3
    hung = Script(fallen, (sound(), sound(), 40.0))
    assert conduct(hung, blocks=60, seconds=100.0).blocks == 3


def test_a_pair_that_does_not_come_up_ends_the_run_early(conduct):
    """What the blocks before it gave is kept, and the reason noted."""
    script = Script((sound(), sound(), 1.0))
    script.collected = [(TESTS, TESTS), PairError("no memory")]
    got = conduct(script)
    assert got.notes == ("ended early: no memory",)
    assert data(got) == dict.fromkeys(TESTS, 1)


@pytest.mark.parametrize(
    ("cpus", "quota", "started"),
    [
        ((0, 1), None, [2, 3, 4]),
        ((0, 1), 2.0, [2, 3, 4]),
        ((0, 1, 2, 3), 1.5, [1, 2, 3]),
        ((0,), None, [1, 2, 3]),
    ],
)
def test_the_next_pair_starts_beside_a_measurement_only_on_a_cpu_of_its_own(
    conduct, monkeypatch, cpus, quota, started
):
    """On one CPU, or where a container is allowed less than two, one follows the other."""
    monkeypatch.setattr(conductor, "usable_cpus", lambda: cpus)
    monkeypatch.setattr(conductor, "cpu_quota", lambda: quota)
    script = Script((sound(), sound(), 1.0))
    assert conduct(script).machine.cpu_quota == quota
    assert script.started_by == started
