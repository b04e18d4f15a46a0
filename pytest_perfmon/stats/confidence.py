"""What a series of blocks says of the ratio itself: estimate, interval, smallest visible change.

The interval is a confidence sequence: it may be looked at after every block, and stopping at a
moment of one's choice does not spoil it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from statistics import median
from typing import Final

from pytest_perfmon.stats.evidence import Block, Evidence, fewest_blocks, log_evidence

E_FOR_95_PERCENT: Final = 40.0
E_FOR_95_PERCENT_ONE_SIDED: Final = 20.0
_FARTHEST: Final = 50.0
_HALVINGS: Final = 30
_WIDTHS_TO_BE_FOUND: Final = 1.6
_ENOUGH_BLOCKS: Final = 1.6


@dataclass(frozen=True, slots=True)
class LogInterval:
    """An interval of log ratios; an end that the data do not bound is infinite."""

    low: float
    high: float


def log_interval(blocks: Sequence[Block], bar: float = E_FOR_95_PERCENT) -> LogInterval:
    """Give all theta that neither direction's evidence has refuted at that bar.

    At the default bar it is the 95 % confidence sequence: the truth is outside at any time, ever,
    with at most 5 %. Unbounded before 6 blocks. Evidence is monotone in its bound, so each end is
    found by bisection (to 1e-7, outwards).
    """
    ends = (_lowest_accepted(blocks, bar), -_lowest_accepted(_mirrored(blocks), bar))
    # Data far from any symmetry can refute from both sides: what they dispute is then the answer.
    return LogInterval(min(ends), max(ends))


def excluded_slowdown(blocks: Sequence[Block], bar: float = E_FOR_95_PERCENT_ONE_SIDED) -> float:
    """Give the smallest share such that any larger slowdown is refuted; 0.04 is 4 %.

    At the default bar, the upper end of a one-sided 95 % confidence sequence: infinite before 5
    blocks, and never above what UNCHANGED excludes where a series ends so.
    """
    return math.expm1(-_lowest_accepted(_mirrored(blocks), bar))


def _mirrored(blocks: Sequence[Block]) -> list[Block]:
    return [
        block if block.datum is None else replace(block, datum=-block.datum) for block in blocks
    ]


def _lowest_accepted(blocks: Sequence[Block], bar: float) -> float:
    log_bar = math.log(bar)
    refuted, accepted = -_FARTHEST, _FARTHEST
    if log_evidence(blocks, Evidence.above(refuted)) < log_bar:
        return -math.inf
    for _ in range(_HALVINGS):
        middle = (refuted + accepted) / 2
        if log_evidence(blocks, Evidence.above(middle)) < log_bar:
            accepted = middle
        else:
            refuted = middle
    return refuted


def log_estimate(blocks: Sequence[Block]) -> float | None:
    """Estimate theta by the median of the averages of all pairs of data; None without data.

    It shrugs off outliers as a median does and is nearly as sharp as the mean (Hodges and
    Lehmann 1963).
    """
    data = [block.datum for block in blocks if block.datum is not None]
    if not data:
        return None
    return median((one + other) / 2 for one, other in combinations_with_replacement(data, 2))


def visible_change(blocks: Sequence[Block], *, tau: float, bar: float) -> float | None:
    """Say which slowdown would have been found in about 90 % of cases; 0.024 is 2.4 %.

    With w the half-width of the interval at the decision bar, exp(tau + 1.6 w) - 1.

    Args:
        blocks: what was measured.
        tau: ln(1 + the smallest change that matters).
        bar: the evidence that a verdict takes, hypotheses / alpha.

    Returns:
        None before 1.6 times the fewest blocks that could decide, or where the interval is
        unbounded; `excluded_slowdown` is then all that can be said.
    """
    if len(blocks) < _ENOUGH_BLOCKS * fewest_blocks(bar):
        return None
    interval = log_interval(blocks, bar)
    half_width = (interval.high - interval.low) / 2
    if math.isinf(half_width):
        return None
    return math.expm1(tau + _WIDTHS_TO_BE_FOUND * half_width)
