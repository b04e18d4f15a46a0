"""Where did a figure change over its stored runs? A range of runs for each change, never one.

Binary segmentation: the whole series is tested first (`permutation.LevelTest`), at 3.5 %, so that
noise gets a change point in 3.5 % of series, whatever else is found below. The two parts, or the
three around a bump, are then tested in the same way, at the same level by Holm, and so on. Over
many series, Benjamini-Hochberg holds the first tests together. What is left is a change only where
it is large enough to matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pytest_perfmon.stats.cusum import SHORTEST_SEGMENT, standardised_cusum
from pytest_perfmon.stats.permutation import PERMUTATIONS, LevelTest

if TYPE_CHECKING:
    from pytest_perfmon.stats.cusum import Floats

LEVEL: Final = 0.035
SMALLEST_CHANGE: Final = math.log(1.03)
_SETTLING: Final = 2  # rounds in which neighbouring changes find their places
_WITHIN: Final = 7.35  # twice the log likelihood that 95 % of true places lie within
_MAD_TO_SD: Final = 1.4826


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A lasting change of level.

    Attributes:
        position: index of the first value after the likeliest change.
        earliest, latest: the range of such indices that holds the true one in about 95 % of cases;
            `position` is in it.
        ratio: level after it over level before it, between its neighbouring change points.
        p: of the test that found it.
    """

    position: int
    earliest: int
    latest: int
    ratio: float
    p: float


def change_points(logs: Sequence[float]) -> tuple[ChangePoint, ...]:
    """Find the changes of one series, oldest first.

    Args:
        logs: natural logarithms of run-level figures, oldest first; below ten there are none.
    """
    return change_points_of_all([logs])[0]


def change_points_of_all(
    series: Sequence[Sequence[float]], *, on_done: Callable[[int], object] = lambda _: None
) -> list[tuple[ChangePoint, ...]]:
    """Find the changes of many series, of which at most 3.5 % of those found come from noise.

    Where nothing changed anywhere, that is a chance of 3.5 % that any is found at all. First tests
    that pass at 3.5 % are refined until p-values can be as small as many series ask for.

    Args:
        series: as `change_points` takes one.
        on_done: called with the number of series done, after each.
    """
    roots = []
    for number, logs in enumerate(series, start=1):
        root = LevelTest(logs, LEVEL)
        if len(series) > 1 and root.p <= LEVEL:
            root.refine(max(PERMUTATIONS, math.ceil(2 * len(series) / LEVEL)))
        roots.append(root)
        on_done(number)
    bar = highest_rejected([root.p for root in roots], LEVEL)
    return [
        _described(logs, _below(logs, 0, root)) if root.p <= bar else ()
        for logs, root in zip(series, roots, strict=True)
    ]


def noise_sd(logs: Sequence[float]) -> float:
    """Give the spread of a series around its level, from differences between neighbours.

    So a change of level in it does not count; neither do a few wild values (median, not mean).
    0 below three values.
    """
    if len(logs) <= 2:  # noqa: PLR2004 - one difference says nothing of a spread
        return 0.0
    steps = sorted(abs(b - a) for a, b in pairwise(logs))
    middle = len(steps) // 2
    median = (steps[middle] + steps[-middle - 1]) / 2
    return _MAD_TO_SD * median / math.sqrt(2)


def highest_rejected(p_values: Sequence[float], level: float) -> float:
    """Give the p-value up to which Benjamini-Hochberg rejects; below 0 where it rejects none."""
    m = len(p_values)
    ranked = enumerate(sorted(p_values), start=1)
    return max((p for rank, p in ranked if p <= level * rank / m), default=-1.0)


def _below(logs: Sequence[float], start: int, found: LevelTest) -> list[tuple[int, float]]:
    """Give (index, p) of a change that was found and of those in its parts, by Holm."""
    changes = [(start + edge, found.p) for edge in found.edges]
    parts = [(logs[a:b], start + a) for a, b in pairwise([0, *found.edges, len(logs)])]
    tests = [(LevelTest(part, LEVEL), part, begin) for part, begin in parts]
    tests.sort(key=lambda one: one[0].p)
    for rank, (test, part, begin) in enumerate(tests):
        if test.p > LEVEL / (len(tests) - rank):
            break
        changes += _below(part, begin, test)
    return sorted(changes)


def _described(logs: Sequence[float], found: list[tuple[int, float]]) -> tuple[ChangePoint, ...]:
    """Leave changes out, the smallest first, until each is at least 3 % and one sd."""
    import numpy as np  # noqa: PLC0415 - slow to load

    values = np.asarray(logs, dtype=np.float64)
    while found:
        edges = [0, *(position for position, _ in found), len(values)]
        for _ in range(_SETTLING):
            for index in range(1, len(edges) - 1):
                edges[index] = _settled(values, edges[index - 1], edges[index + 1])
        found = [(edge, p) for edge, (_, p) in zip(edges[1:-1], found, strict=True)]
        parts = [values[a:b] for a, b in pairwise(edges)]
        levels = [float(np.median(part)) for part in parts]
        residuals = np.concatenate([part - one for part, one in zip(parts, levels, strict=True)])
        least = max(SMALLEST_CHANGE, _MAD_TO_SD * float(np.median(np.abs(residuals))))
        sizes = [b - a for a, b in pairwise(levels)]
        smallest = min(range(len(sizes)), key=lambda index: abs(sizes[index]))
        if abs(sizes[smallest]) >= least:
            return tuple(
                ChangePoint(
                    position, *_range(values, edges[i], position, edges[i + 2]), math.exp(size), p
                )
                for i, ((position, p), size) in enumerate(zip(found, sizes, strict=True))
            )
        del found[smallest]
    return ()


def _settled(values: Floats, start: int, end: int) -> int:
    """Place a change anew between its neighbours, which the first look had not yet told apart."""
    part = values[start:end]
    return start + SHORTEST_SEGMENT + int(standardised_cusum(part - part.mean()).argmax())


def _range(values: Floats, start: int, position: int, end: int) -> tuple[int, int]:
    """Give the indices whose likelihood is close to that of `position`.

    Between its neighbours a change has the log likelihood CUSUM²/(2 sd²); the true place is within
    7.35/2 of the best one in (1 - exp(-7.35/2))² = 95 % of cases (Siegmund 1988, Annals of
    Statistics 16:2, for small changes; large ones are placed better).
    """
    import numpy as np  # noqa: PLC0415 - slow to load

    part = values[start:end]
    before, after = values[start:position], values[position:end]
    squares = float(((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum())
    variance = squares / (len(part) - 2)
    gains = standardised_cusum(part - part.mean(), shortest=1) ** 2
    likely = 1 + np.flatnonzero(gains >= gains[position - start - 1] - _WITHIN * variance)
    return start + int(likely[0]), start + int(likely[-1])
