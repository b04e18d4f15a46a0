"""One test's series of blocks, and what has been decided of it after each.

A suite decides together: after each block the caller feeds every test's running maxima to e-Holm
and hands the resulting bars back. Of those fed, exactly the rejected ones have a running maximum
at or above the bar of the next rejection, so recorded data and bars are all that a replay needs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from pytest_perfmon.model.verdict import Change, Comparison
from pytest_perfmon.stats.confidence import log_estimate, log_interval, visible_change
from pytest_perfmon.stats.evidence import LOG_MOST_WON, Block, Evidence, RunningScale, e_value

E_FOR_UNCHANGED: Final = 20.0
_SMALLEST_EXCLUDED: Final = 0.05
_SLOWEST: Final = 200  # where evidence grows by a factor e in more blocks than these, it does not


@dataclass(frozen=True, slots=True)
class Bars:
    """How much evidence it takes after a block: (hypotheses not yet rejected, 1 or more) / alpha.

    Attributes:
        regressed: to be REGRESSED now.
        improved: to be IMPROVED now; a family of its own.
        regressed_floor: the lowest that the first may still fall to, should every other live test
            be rejected; what makes waiting futile.
        improved_floor: the same of the second.
    """

    regressed: float
    improved: float
    regressed_floor: float
    improved_floor: float

    @classmethod
    def fixed(cls, bar: float) -> Self:
        """Ask for the same evidence in both directions, whatever becomes of other tests."""
        return cls(bar, bar, bar, bar)


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a series stands after a block.

    Attributes:
        blocks: blocks made, lost ones included.
        change: the verdict; None says go on, UNDECIDED that the cap is reached or that no verdict
            can be reached before it.
    """

    blocks: int
    change: Change | None


class BlockSeries:
    """The data of one test in an interleaved A/B, one datum after another.

    Args:
        min_effect: the smallest change that matters, as a share above zero: 0.02.
    """

    def __init__(self, min_effect: float) -> None:
        if not 0 < min_effect < math.inf:
            raise ValueError(f"min_effect is {min_effect!r}: expected a finite share above zero")
        self.tau = math.log1p(min_effect)
        excluded = math.log1p(max(2 * min_effect, _SMALLEST_EXCLUDED))
        self._blocks: list[Block] = []
        self._scale = RunningScale()
        self.regressed = Evidence.above(self.tau)
        self.improved = Evidence.below(-self.tau)
        self._not_slower = Evidence.below(excluded)
        self._not_faster = Evidence.above(-excluded)

    @property
    def blocks(self) -> Sequence[Block]:
        """The blocks so far, with the scale each was judged by."""
        return tuple(self._blocks)

    def add(self, datum: float | None) -> None:
        """Take the next block's datum; None is a block that only one side lost.

        A block that may be dropped (by a rule that swapping the sides cannot change) is not added
        at all.

        Raises:
            ValueError: for a datum that is not finite.
        """
        if datum is not None and not math.isfinite(datum):
            raise ValueError(f"datum is {datum!r}: expected a finite log ratio, or None if lost")
        block = Block(datum, self._scale.value)
        self._blocks.append(block)
        for evidence in (self.regressed, self.improved, self._not_slower, self._not_faster):
            evidence.add(block)
        if datum is not None:
            self._scale.add(datum)

    def decide(self, bars: Bars, cap: int) -> Decision:
        """Decide after a block, in this order: REGRESSED, IMPROVED, UNCHANGED, UNDECIDED, go on.

        UNCHANGED is wrong with at most 5 % where the ratio is beyond 1 + max(2 min_effect, 5 %)
        or below its reciprocal; it takes nothing from the alpha of the other two.

        Args:
            bars: as they stand after this block.
            cap: how many blocks may be made in all.
        """
        blocks = len(self._blocks)
        return Decision(blocks, self._change(bars, cap - blocks))

    def _change(self, bars: Bars, blocks_left: int) -> Change | None:
        if _reaches(self.regressed.log_peak, bars.regressed):
            return Change.REGRESSED
        if _reaches(self.improved.log_peak, bars.improved):
            return Change.IMPROVED
        if self._is_unchanged():
            return Change.UNCHANGED
        if blocks_left <= 0 or self._is_futile(bars, blocks_left):
            return Change.UNDECIDED
        return None

    def _is_unchanged(self) -> bool:
        return all(
            _reaches(evidence.log_e, E_FOR_UNCHANGED)
            for evidence in (self._not_slower, self._not_faster)
        ) and not any(
            e_value(evidence.log_e) > 1 / E_FOR_UNCHANGED
            for evidence in (self.regressed, self.improved)
        )

    def _is_futile(self, bars: Bars, blocks_left: int) -> bool:
        gain = blocks_left * LOG_MOST_WON
        not_excluded = min(self._not_slower.log_e, self._not_faster.log_e)
        return not (
            _reaches(self.regressed.log_e + gain, bars.regressed_floor)
            or _reaches(self.improved.log_e + gain, bars.improved_floor)
            or _reaches(not_excluded + gain, E_FOR_UNCHANGED)
        )

    def blocks_to_go(self, bars: Bars) -> int | None:
        """Say about how many more blocks would decide, if evidence kept coming as it has.

        None where no verdict comes nearer, so that no number can be given.

        Args:
            bars: as they stand now.
        """
        unchanged = min(
            *(one.log_e for one in (self._not_slower, self._not_faster)),
            *(-one.log_e for one in (self.regressed, self.improved)),
        )
        claims = [
            (self.regressed.log_e, bars.regressed),
            (self.improved.log_e, bars.improved),
            (unchanged, E_FOR_UNCHANGED),
        ]
        blocks = len(self._blocks)
        return min(
            (
                max(1, math.ceil((math.log(bar) / log_e - 1) * blocks))
                for log_e, bar in claims
                if log_e * _SLOWEST > blocks
            ),
            default=None,
        )

    def comparison(self, change: Change, bar: float) -> Comparison:
        """Show the series under that verdict: estimate, 95 % interval, smallest visible change.

        Args:
            change: what was decided.
            bar: what a verdict takes with nothing rejected yet, hypotheses / alpha.

        Raises:
            ValueError: for a series without any datum.
        """
        estimate = log_estimate(self._blocks)
        if estimate is None:
            raise ValueError("the series holds no datum: nothing to compare")
        interval = log_interval(self._blocks)
        plural = "" if len(self._blocks) == 1 else "s"
        return Comparison(
            change=change,
            effect=math.expm1(estimate),
            low=math.expm1(interval.low),
            high=math.expm1(interval.high),
            backing=f"{len(self._blocks)} block{plural}",
            visible=visible_change(self._blocks, tau=self.tau, bar=bar),
        )


def _reaches(log_e: float, bar: float) -> bool:
    return e_value(log_e) >= bar


def replay(
    data: Iterable[float | None], bars: Iterable[Bars], *, min_effect: float, cap: int
) -> tuple[Decision, ...]:
    """Decide again what was recorded: one decision a block, up to the first that ends the series.

    Args:
        data: the recorded data, None for a lost block.
        bars: the recorded bars, one a block.
        min_effect: as it was.
        cap: as it was.

    Raises:
        ValueError: where there are not as many bars as data.
    """
    series = BlockSeries(min_effect)
    decisions: list[Decision] = []
    for datum, at_block in zip(data, bars, strict=True):
        series.add(datum)
        decisions.append(series.decide(at_block, cap))
        if decisions[-1].change is not None:
            break
    return tuple(decisions)
