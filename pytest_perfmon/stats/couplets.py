"""The datum of one block: what a pair of fresh processes says of the ratio candidate to baseline.

Slices of the two sides are timed in turn, in couplets: candidate first and then baseline first, or
the other way round. Taking the two orders apart cancels what the second place in a pair costs
(one function ran 34 % slower there), and medians forget the slices that an interrupt fell into.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Final

from pytest_perfmon.errors import MeasurementError

P95_WANTED_SPREAD: Final = 0.02
P95_CALLS: Final = (100, 2000)


def log_ratio(candidate: float, baseline: float) -> float:
    """Give ln(candidate / baseline), exactly negated when the two change places.

    It is the datum of a block for statistics that are one number a process: a p95, a peak of
    memory.

    Raises:
        MeasurementError: for a value that is not a finite number above zero.
    """
    for side, value in (("candidate", candidate), ("baseline", baseline)):
        if not (math.isfinite(value) and value > 0):
            raise MeasurementError(
                f"the {side}'s figure is {value!r}: a ratio needs finite numbers above zero"
            )
    return math.log(candidate) - math.log(baseline)


def couplets_datum(
    candidate_ns: Sequence[float],
    baseline_ns: Sequence[float],
    candidate_first: Sequence[bool],
) -> float:
    """Give the block's datum d, the log ratio of the two processes' speed; above 0 is slower.

    d = (median of log ratios where the candidate went first + median where it went second) / 2.
    Even counts average the middle two, so that swapping the sides gives exactly -d.

    Args:
        candidate_ns: the candidate's slice times, in the order in which they were made.
        baseline_ns: the baseline's, slice by slice.
        candidate_first: which side went first; a couplet is two neighbours that differ here.

    Raises:
        ValueError: for sequences that are not made of whole couplets.
        MeasurementError: for a slice time that is not above zero.
    """
    pairs = list(zip(candidate_ns, baseline_ns, candidate_first, strict=True))
    firsts = [first for *_, first in pairs]
    if not firsts or firsts[1::2] != [not first for first in firsts[::2]]:
        raise ValueError(
            f"slice orders are {firsts!r}: expected couplets, each with either side first once"
        )
    first, second = (
        median(log_ratio(ours, theirs) for ours, theirs, was_first in pairs if was_first is order)
        for order in (True, False)
    )
    return (first + second) / 2


def calls_for_p95(call_spread: float) -> int:
    """Say how many calls a side and block make a p95 worth comparing; 100 to 2000.

    The spread of a datum made from two p95s is about 3 spread / sqrt(calls), and is wanted at
    2 %. The number is fixed before the block's coin is thrown.

    Args:
        call_spread: standard deviation of the log times of single calls.
    """
    fewest, most = P95_CALLS
    return round(min(most, max(fewest, (3 * call_spread / P95_WANTED_SPREAD) ** 2)))
