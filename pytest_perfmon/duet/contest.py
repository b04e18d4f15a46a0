"""From blocks to verdicts: each operation's series of data, and what the suite may claim."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from statistics import median

from pytest_perfmon.duet.pairs import BlockReport
from pytest_perfmon.duet.protocol import Slices
from pytest_perfmon.duet.slices import MEMORY, P95
from pytest_perfmon.errors import MeasurementError
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.verdict import Change
from pytest_perfmon.stats.blocks import Bars, BlockSeries
from pytest_perfmon.stats.couplets import P95_CALLS, couplets_datum, log_ratio
from pytest_perfmon.stats.evidence import e_value
from pytest_perfmon.stats.quantiles import quantile
from pytest_perfmon.stats.suite import Holm, worth_a_look


@dataclass(frozen=True, slots=True)
class Rules:
    """When to stop, and what a claim takes.

    Attributes:
        alpha: the chance of one false red in the run.
        min_effect_of: the share below which a change of that operation is ignored.
        blocks: cap on the blocks.
        fixed: make exactly `blocks`, whatever they show, unless `seconds` ends it.
        seconds: cap on the time.
        statistic_of: what is compared in the test of that node id.
        hypotheses: how many share alpha; None is those of the first block.
    """

    alpha: float
    min_effect_of: Callable[[Key], float]
    blocks: int
    fixed: bool
    seconds: float
    statistic_of: Callable[[str], str]
    hypotheses: int | None = None


@dataclass(slots=True)
class Contest:
    """One operation's comparison as it comes along.

    Attributes:
        series: its data and evidence.
        bars: as they stood after each of its blocks.
        candidate, baseline: the median of the slices of each block.
        change: the verdict, None while it is open.
        statistic: what is compared; empty before the first datum.
        unpinned: whether a block ran without one CPU for both sides.
    """

    series: BlockSeries
    bars: list[Bars] = field(default_factory=list)
    candidate: list[float] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)
    change: Change | None = None
    statistic: str = ""
    unpinned: bool = False


class Suite:
    """All comparisons of a run, which share alpha.

    Attributes:
        contests: by operation.
        blocks: how many were taken.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.contests: dict[Key, Contest] = {}
        self._regressed: Holm[Key] | None = None
        self._improved: Holm[Key] | None = None
        self.blocks = 0

    @property
    def bar(self) -> float:
        """What a claim takes while nothing has been claimed."""
        return max(1, self._rules.hypotheses or 0, len(self.contests)) / self._rules.alpha

    def worth_a_look(self) -> tuple[Key, ...]:
        """Name what looks slower though it was not proven; about one in ten such is not (e-BH)."""
        e_values = {key: e_value(one.series.regressed.log_e) for key, one in self.contests.items()}
        hypotheses = max(self._rules.hypotheses or 0, len(e_values))
        found = worth_a_look(e_values, hypotheses)
        return tuple(key for key in found if self.contests[key].change is Change.UNDECIDED)

    def score(self) -> tuple[int, int]:
        """Give how many operations are decided, and how many there are."""
        decided = sum(one.change is not None for one in self.contests.values())
        return decided, len(self.contests)

    def settled_tests(self) -> set[str]:
        """Name the tests all of whose operations are decided."""
        open_tests = {key.nodeid for key, one in self.contests.items() if one.change is None}
        return {key.nodeid for key in self.contests} - open_tests

    def take(self, report: BlockReport, *, first: bool, unchecked: Mapping[str, str]) -> None:
        """Take a block; the first one says which operations there are."""
        self.blocks += 1
        ours = {Key(one.nodeid, one.operation): one for one in report.candidate.slices}
        theirs = {Key(one.nodeid, one.operation): one for one in report.baseline.slices}
        if first:
            for key in dict.fromkeys((*ours, *theirs)):
                self.contests[key] = Contest(BlockSeries(self._rules.min_effect_of(key)))
            if self.contests:
                hypotheses = max(self._rules.hypotheses or 0, len(self.contests))
                self._regressed = Holm(hypotheses, self._rules.alpha)
                self._improved = Holm(hypotheses, self._rules.alpha)
        live = {
            key: one
            for key, one in self.contests.items()
            if one.change is None and key.nodeid not in unchecked
        }
        for key, contest in live.items():
            if key in ours and key in theirs:
                self._add(contest, report, ours[key], theirs[key])
            elif key in ours or key in theirs:
                contest.series.add(None)
        grown = {key: one for key, one in live.items() if len(one.series.blocks) > len(one.bars)}
        self._decide(live, grown)

    def _add(
        self, contest: Contest, report: BlockReport, candidate: Slices, baseline: Slices
    ) -> None:
        try:
            datum = _datum(report, candidate, baseline)
        except (MeasurementError, ValueError):
            contest.series.add(None)
            return
        contest.series.add(datum)
        contest.statistic = candidate.pace.statistic
        contest.candidate.append(median(candidate.values))
        contest.baseline.append(median(baseline.values))
        contest.unpinned = contest.unpinned or not (candidate.pinned and baseline.pinned)

    def _decide(self, live: Mapping[Key, Contest], grown: Mapping[Key, Contest]) -> None:
        if not live or self._regressed is None or self._improved is None:
            return
        self._regressed.update(
            {key: e_value(one.series.regressed.log_peak) for key, one in live.items()}
        )
        self._improved.update(
            {key: e_value(one.series.improved.log_peak) for key, one in live.items()}
        )
        others = len(live) - 1
        bars = Bars(
            self._regressed.reachable_bar(0),
            self._improved.reachable_bar(0),
            self._regressed.reachable_bar(others),
            self._improved.reachable_bar(others),
        )
        for contest in grown.values():
            contest.bars.append(bars)
            decision = contest.series.decide(bars, self._rules.blocks)
            if not self._rules.fixed or self.blocks >= self._rules.blocks:
                contest.change = decision.change

    def close(self, unchecked: Collection[str] = ()) -> None:
        """Settle what is open; claims that became possible as bars fell stand.

        What is open in an unchecked test stays so.
        """
        for key, contest in self.contests.items():
            if key.nodeid not in unchecked:
                contest.change = contest.change or Change.UNDECIDED
        for holm, change in (
            (self._improved, Change.IMPROVED),
            (self._regressed, Change.REGRESSED),
        ):
            for key in holm.rejected if holm is not None else ():
                self.contests[key].change = change


def _datum(report: BlockReport, candidate: Slices, baseline: Slices) -> float:
    statistic = candidate.pace.statistic
    if statistic == P95:
        return log_ratio(_p95(candidate), _p95(baseline))
    if statistic == MEMORY:
        return log_ratio(median(candidate.values), median(baseline.values))
    if candidate.slot_zero_first != baseline.slot_zero_first:
        raise ValueError("the sides threw different coins")
    candidate_is_zero = report.candidate_slot == 0
    firsts = [first is candidate_is_zero for first in candidate.slot_zero_first]
    return couplets_datum(candidate.values, baseline.values, firsts)


def _p95(slices: Slices) -> float:
    if len(slices.values) < P95_CALLS[0]:
        raise MeasurementError(f"{len(slices.values)} calls: a p95 takes {P95_CALLS[0]}")
    return quantile(sorted(slices.values), 0.95)
