"""Runs blocks until every operation is decided: pairs of workers in, verdicts out."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

from pytest_perfmon.duet.contest import Contest, Rules, Suite
from pytest_perfmon.duet.identity import check_identity
from pytest_perfmon.duet.launcher import LaunchError, guarded
from pytest_perfmon.duet.machine import MachineState, cpu_quota, is_scarce, read_steal
from pytest_perfmon.duet.pairs import BlockReport, Pair, PairError, Terms
from pytest_perfmon.duet.pinning import starting_beside, usable_cpus
from pytest_perfmon.duet.processes import Guard
from pytest_perfmon.duet.protocol import Pace
from pytest_perfmon.duet.voices import SideReport
from pytest_perfmon.model.measurement import Key

Progress = Callable[[int, int, int, float], None]
"""Told blocks done, operations decided, operations in all, and seconds left."""


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What came out.

    Attributes:
        contests: by operation, in the order of the tests.
        bar: the evidence that a claim took while nothing had been claimed.
        worth_a_look: what looks slower though it was not proven.
        unchecked: by node id: why a test could not be compared at all.
        blocks: how many were made.
        seconds: how long it took.
        machine: its state meanwhile.
        notes: what a report should say besides.
    """

    contests: dict[Key, Contest]
    bar: float
    worth_a_look: tuple[Key, ...]
    unchecked: dict[str, str]
    blocks: int
    seconds: float
    machine: MachineState
    notes: tuple[str, ...]


class Conductor:
    """Compares two sides on some tests.

    Args:
        terms: of every pair.
        nodeids: the tests, in order.
        rules: when to stop, and what a claim takes. The time that a block took which a test broke
            off is not counted, so that no test costs the others their blocks.
        progress: told after every block.
    """

    def __init__(
        self, terms: Terms, nodeids: Sequence[str], rules: Rules, progress: Progress
    ) -> None:
        self._terms = terms
        self._nodeids = list(nodeids)
        self._rules = rules
        self._progress = progress
        self._suite = Suite(rules)
        self._unchecked: dict[str, str] = {}
        self._paces: dict[str, dict[str, Pace]] = {}
        self._modules_seen: tuple[set[tuple[str, str | None]], ...] = (set(), set())
        self._identified = False
        self._started = self._steal = 0.0
        self._quota = cpu_quota()
        self._notes: list[str] = []
        self._switches = 0
        self._control_ns: list[int] = []

    def run(self) -> Comparisons:
        """Make blocks until all is decided, or a cap is reached.

        Ctrl-C passes through; `comparisons` then gives what there is.

        Raises:
            UsageError: the sides did not run their own code.
        """
        now = self._started = time.monotonic()
        self._steal = read_steal()
        end = now + self._rules.seconds
        with closing(self._reports()) as reports:
            for report in reports:
                before, now = now, time.monotonic()
                if _broken_off(report, self._live()):
                    end += now - before
                self._take(report)
                blocks, left = self._suite.blocks, end - now
                self._progress(blocks, *self._suite.score(), max(0.0, left))
                if not self._live() or blocks >= self._rules.blocks or left <= 0:
                    break
        return self.comparisons()

    def comparisons(self) -> Comparisons:
        """Settle what is open, and give what came out."""
        self._suite.close(self._unchecked)
        steal = read_steal() - self._steal
        if not self._identified:
            why = "no block ran to its end on both sides"
            self._unchecked |= {
                nodeid: why for nodeid in self._nodeids if nodeid not in self._unchecked
            }
        return Comparisons(
            contests=self._suite.contests if self._identified else {},
            bar=self._suite.bar,
            worth_a_look=self._suite.worth_a_look() if self._identified else (),
            unchecked=self._unchecked,
            blocks=self._suite.blocks,
            seconds=time.monotonic() - self._started,
            machine=MachineState(steal, self._switches, tuple(self._control_ns), self._quota),
            notes=tuple(self._notes),
        )

    def _reports(self) -> Generator[BlockReport, None, None]:
        """Give one block after another.

        Where a second CPU may be used, the next pair starts up while the present one measures.
        """
        cpus = len(usable_cpus() or range(os.cpu_count() or 1))
        starts_ahead = cpus > 1 and not is_scarce(self._quota)
        with guarded() as guard, ExitStack() as spares:
            pair = self._new_pair(guard, spares)
            self._settle_collection(pair)
            while self._live():
                statistics = {one: self._rules.statistic_of(one) for one in self._live()}
                ahead = None
                try:
                    with starting_beside(self._terms.cpus):
                        ahead = self._new_pair(guard, spares) if starts_ahead else None
                        report = pair.run(statistics, self._paces)
                    try:
                        yield report
                    except GeneratorExit:
                        pair.close(patience=1.0)  # the last one may end in its own way too
                        raise
                    if ahead is None:
                        pair.close(patience=1.0)
                        ahead = self._new_pair(guard, spares)
                    self._settle_collection(ahead)
                except (LaunchError, PairError) as error:
                    self._notes.append(f"ended early: {error}")
                    return
                pair.close(patience=1.0)
                pair = ahead

    def _new_pair(self, guard: Guard, spares: ExitStack) -> Pair:
        pair = Pair(self._terms, secrets.randbelow(2), guard)
        spares.callback(pair.close)
        return pair

    def _settle_collection(self, pair: Pair) -> None:
        baseline, candidate = pair.park()
        sides = self._terms.sides
        for nodeid in self._live():
            if nodeid not in candidate:
                self._unchecked[nodeid] = (
                    f"the candidate ({sides.candidate.label}) has no such test"
                )
            elif nodeid not in baseline:
                self._unchecked[nodeid] = f"the baseline ({sides.baseline.label}) has no such test"

    def _live(self) -> list[str]:
        done = self._suite.settled_tests()
        return [
            nodeid
            for nodeid in self._nodeids
            if nodeid not in self._unchecked and nodeid not in done
        ]

    def _take(self, report: BlockReport) -> None:
        live = self._live()
        candidate, baseline = report.candidate, report.baseline
        both = (("candidate", candidate, baseline), ("baseline", baseline, candidate))
        for name, side, other in both:
            self._note_troubles(name, side, other)
            self._note_end(name, side, live)
        for name, side, other in both:
            self._note_consequences(name, side, other)
        self._identify(report)
        first = not self._suite.contests
        if first and _broken_off(report, live):
            # Which operations there are is not known before both sides came through; dropping
            # what either broke off is the same whichever side sits where.
            return
        for one in candidate.slices:
            self._paces.setdefault(one.nodeid, {})[one.operation] = one.pace
        self._suite.take(report, first=first, unchecked=self._unchecked)
        compared = {key.nodeid for key in self._suite.contests}
        for nodeid in live:
            if nodeid not in compared:
                self._unchecked.setdefault(nodeid, "nothing was measured in it on both sides")

    def _note_troubles(self, name: str, side: SideReport, other: SideReport) -> None:
        failed_there = {ended.nodeid for ended in other.ended}
        for ended in side.ended:
            if ended.consequence:
                continue
            why = f"the {name} could not run it: {ended.reason}"
            if ended.in_setup and ended.nodeid not in failed_there:
                why = f"needs exclusive fixtures, or what the {name} lacks: its {ended.reason}"
            self._unchecked.setdefault(ended.nodeid, why)

    def _note_end(self, name: str, side: SideReport, live: Sequence[str]) -> None:
        if side.done is not None:
            self._switches += side.done.involuntary_switches
            self._control_ns += side.done.control_ns
        if not _cut_short(side, live):
            return
        last = side.begun[-1] if side.begun else live[0]
        if last not in {ended.nodeid for ended in side.ended}:
            fault = side.fault or "it ended the session"
            self._unchecked[last] = f"the {name} did not come through it: {fault}"

    def _note_consequences(self, name: str, side: SideReport, other: SideReport) -> None:
        """Note what one side could not run for want of the other, which says nothing of its own.

        Where the other did not come as far as that test, the test has another chance.
        """
        waiting_there = {ended.nodeid for ended in other.ended if ended.consequence}
        for ended in side.ended:
            if not ended.consequence or ended.nodeid not in other.begun:
                continue
            why = f"the {name} could not run it: {ended.reason}"
            if ended.nodeid in waiting_there:
                why = (
                    "needs exclusive fixtures, or more time: one side waited"
                    f" {self._terms.slice_seconds:g} s for the other"
                )
            self._unchecked.setdefault(ended.nodeid, why)

    def _identify(self, report: BlockReport) -> None:
        baseline, candidate = report.baseline.done, report.candidate.done
        if baseline is None or candidate is None:
            return
        fresh = []
        for seen, done in zip(self._modules_seen, (baseline, candidate), strict=True):
            new = set(done.modules.items()) - seen
            seen.update(new)
            fresh.append(new)
        if not self._identified or any(fresh):
            check_identity(self._terms.sides, baseline.modules, candidate.modules)
        self._identified = True


def _cut_short(side: SideReport, nodeids: Collection[str]) -> bool:
    return side.done is None or not set(nodeids).issubset(side.begun)


def _broken_off(report: BlockReport, nodeids: Collection[str]) -> bool:
    return _cut_short(report.candidate, nodeids) or _cut_short(report.baseline, nodeids)
