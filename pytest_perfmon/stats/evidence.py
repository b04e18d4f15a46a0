"""Evidence by betting that one side of an interleaved A/B is slower than a bound allows.

Each block bets on the sign of its datum d. The null hypothesis says: given all earlier blocks, d
is symmetric about some theta at or below the bound. A bet that is odd in (d - bound) then loses
on average, so the capital E is a supermartingale and `P(E ever >= 1/alpha) <= alpha`, looked at as
often as one likes (Ville). Nothing is assumed of the noise's size, tails or drift:

    E_n = 1/3 sum over L in {0.5, 1.5, 5} of  prod_{b<=n} (1 + 0.95 tanh(L (d_b - bound) / s_b))

Sources: Vovk and Wang, nonparametric e-tests of symmetry (arXiv 2208.08925); Waudby-Smith and
Ramdas, estimating means of bounded random variables by betting (arXiv 2010.09686).
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Final, Self

STAKES: Final = (0.5, 1.5, 5.0)
MOST_AT_RISK: Final = 0.95
LOG_MOST_WON: Final = math.log1p(MOST_AT_RISK)
LOG_MOST_LOST: Final = math.log1p(-MOST_AT_RISK)

FIRST_SCALE: Final = 0.015
SMALLEST_SCALE: Final = 0.004
_FIRST_SCALE_WEIGHS: Final = 4
_MAD_TO_SD: Final = 1.4826
_LARGEST_EXPONENT: Final = 700.0


def e_value(log_e: float) -> float:
    """Give the e-value of a log e-value; what would not fit in a float stays finite, at 1e304."""
    return math.exp(min(log_e, _LARGEST_EXPONENT))


def fewest_blocks(bar: float) -> int:
    """Say after how many blocks evidence can first reach that bar: 11 for 1200, 13 for 5000."""
    return max(0, math.ceil(math.log(bar) / LOG_MOST_WON))


@dataclass(frozen=True, slots=True)
class Block:
    """One block as the bets see it.

    Attributes:
        datum: log ratio candidate to baseline; None for a block that was lost in a way that
            swapping the sides might have changed: it counts as the worst bet in every direction.
        scale: s_b, the spread that earlier blocks let one expect; above zero.
    """

    datum: float | None
    scale: float


class RunningScale:
    """The spread to expect of the next datum, from the data before it alone.

    s_b = max(0.004, sqrt((4 * 0.015^2 + (b - 1) MAD^2) / (b + 3))), with MAD the median absolute
    deviation of the b - 1 earlier data times 1.4826. Negating the data changes nothing.
    """

    __slots__ = ("_sorted",)

    def __init__(self) -> None:
        self._sorted: list[float] = []

    def add(self, datum: float) -> None:
        """Take one datum into account, for those that follow."""
        insort(self._sorted, datum)

    @property
    def value(self) -> float:
        """The scale of the next datum."""
        known = len(self._sorted)
        if not known:
            return FIRST_SCALE
        middle = median(self._sorted)
        spread = _MAD_TO_SD * median(abs(datum - middle) for datum in self._sorted)
        pooled = _FIRST_SCALE_WEIGHS * FIRST_SCALE**2 + known * spread**2
        return max(SMALLEST_SCALE, math.sqrt(pooled / (known + _FIRST_SCALE_WEIGHS)))


def blocks_of(data: Iterable[float | None]) -> tuple[Block, ...]:
    """Put the scale beside each datum of a series; None is a lost block."""
    scale = RunningScale()
    blocks = []
    for datum in data:
        blocks.append(Block(datum, scale.value))
        if datum is not None:
            scale.add(datum)
    return tuple(blocks)


class Evidence:
    """The capital of a bettor against one hypothesis about theta, the log ratio of the sides.

    `Evidence.above(bound)` grows where theta is above the bound, `Evidence.below(bound)` where it
    is below. Swapping the sides (negated data) turns the one into the other at the negated bound,
    to the last bit.
    """

    __slots__ = ("_bound", "_logs", "_sign", "log_peak")

    def __init__(self, bound: float, sign: int) -> None:
        self._bound = bound
        self._sign = sign
        self._logs = (0.0,) * len(STAKES)
        self.log_peak = 0.0
        """ln of the running maximum of E, at least 0; what a rejection goes by."""

    @classmethod
    def above(cls, bound: float) -> Self:
        """Bet against theta <= bound."""
        return cls(bound, 1)

    @classmethod
    def below(cls, bound: float) -> Self:
        """Bet against theta >= bound."""
        return cls(bound, -1)

    def add(self, block: Block) -> None:
        """Settle the bet on one block."""
        self.settle(block)
        self.log_peak = max(self.log_peak, self.log_e)

    def settle(self, block: Block) -> None:
        """Settle the bet on one block where nobody will ask for the maximum."""
        if block.datum is None:
            self._logs = tuple(log + LOG_MOST_LOST for log in self._logs)
            return
        lead = self._sign * (block.datum - self._bound) / block.scale
        self._logs = tuple(
            log + math.log1p(MOST_AT_RISK * math.tanh(stake * lead))
            for log, stake in zip(self._logs, STAKES, strict=True)
        )

    @property
    def log_e(self) -> float:
        """Ln of E now."""
        largest = max(self._logs)
        shares = sum(math.exp(log - largest) for log in self._logs)
        return largest + math.log(shares / len(STAKES))


def log_evidence(blocks: Iterable[Block], evidence: Evidence) -> float:
    """Settle all those blocks on fresh evidence and give ln E."""
    for block in blocks:
        evidence.settle(block)
    return evidence.log_e
