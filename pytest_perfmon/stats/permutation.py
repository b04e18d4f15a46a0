"""Does a series change its level anywhere? Its largest CUSUM, judged by permutation.

numpy is loaded when a series is looked at, not with this module.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pytest_perfmon.stats.cusum import (
    BUMP,
    FEWEST_VALUES,
    STEP,
    Shape,
    autocorrelation,
    unshortened,
)

if TYPE_CHECKING:
    from pytest_perfmon.stats.cusum import Floats

PERMUTATIONS: Final = 1999
_STEPS_SHARE: Final = 6 / 7  # of the level: 3 % of 3.5 %; the rest is for bumps
_ENOUGH_REFINED: Final = 20  # exceedances that settle a p-value well enough
_CORRELATED: Final = 0.2
_FIRST_BATCH: Final = 100
_MOST_ELEMENTS: Final = 400_000  # of one batch, which bounds its memory
_SAME: Final = 1e-9  # log values this close are one figure, and statistics this close are equal


class PermutationTest:
    """Whether a series has one level, against a change of one shape anywhere in it.

    Values that are correlated with their neighbours are permuted in circular blocks of
    round(n^(1/3)) with a random offset, others one by one. They are so where |rho_1| > 0.2, and
    rho_1 is not below zero once the likeliest change is taken out (what that hides of it added): a
    step alone correlates neighbours, too.

    The random numbers are seeded from the order of the values, so that equal data give equal
    answers on any machine and in any unit.

    Attributes:
        edges: indices of the first values after the likeliest change: one, or two of a bump.
        permutations: made so far.
        exceeded: by how many of them the series' statistic was reached.
    """

    def __init__(self, logs: Sequence[float] | Floats, shape: Shape = STEP) -> None:
        import numpy as np  # noqa: PLC0415 - slow to load

        values = np.asarray(logs, dtype=np.float64)
        self._values = values - values.mean() if len(values) else values
        self._shape = shape
        self.edges: tuple[int, ...] = ()
        self.permutations = 0
        self.exceeded = 0
        self._statistic = 0.0
        if len(values) < FEWEST_VALUES or np.ptp(values) < _SAME:
            return
        self.edges = shape.edges(self._values)
        self._statistic = float(shape.highest(self._values)) * (1 - _SAME)
        self._memory = self._correlation()
        self._block = round(len(values) ** (1 / 3)) if self._memory > 0 else 1
        # rounded, because values that differ in their last bits only have no order
        order = np.argsort(np.round(self._values / _SAME), kind="stable").astype("<u4")
        self._random = np.random.default_rng(list(hashlib.sha256(order.tobytes()).digest()))

    @property
    def p(self) -> float:
        """The share of permutations that are as extreme, the series itself counted; 1 before."""
        return (self.exceeded + 1) / (self.permutations + 1)

    def run(self, permutations: int, enough: float) -> None:
        """Go on to so many permutations, or end when `enough` of them have exceeded.

        With `enough` = level (permutations + 1), ending early changes no decision at that level.
        """
        if not self._statistic:
            return
        n = len(self._values)
        while self.permutations < permutations and self.exceeded < enough:
            batch = min(
                permutations - self.permutations,
                max(_FIRST_BATCH, 3 * self.permutations),
                max(1, _MOST_ELEMENTS // n),
            )
            highest = self._shape.highest(self._shuffled(batch))
            self.exceeded += int((highest >= self._statistic).sum())
            self.permutations += batch

    def sharpen(self) -> None:
        """Let p become smaller than the few orders of blocks allow.

        Correlated values are from now on permuted one by one, too, and the statistic of the series
        is made smaller by sqrt((1 + rho)/(1 - rho)), which is by how much a memory of rho makes
        sums of values spread more.
        """
        if self._statistic and self._block > 1:
            rho = unshortened(self._memory, len(self._values))
            self._statistic *= math.sqrt((1 - rho) / (1 + rho))
            self._block = 1
            self.permutations = self.exceeded = 0

    def _correlation(self) -> float:
        """Give rho_1 beside the likeliest change; 0 or less where values are independent."""
        if abs(autocorrelation(self._values)) <= _CORRELATED:
            return 0.0
        levelled = self._values.copy()
        for start, end in pairwise([0, *self.edges, len(levelled)]):
            levelled[start:end] -= levelled[start:end].mean()
        return autocorrelation(levelled) + self._shape.hidden

    def _shuffled(self, count: int) -> Floats:
        import numpy as np  # noqa: PLC0415 - slow to load

        n = len(self._values)
        if self._block == 1:
            rows: Floats = np.broadcast_to(self._values, (count, n))
            return self._random.permuted(rows, axis=1)
        starts = np.arange(0, n, self._block)
        sizes = np.minimum(self._block, n - starts)
        blocks = np.broadcast_to(np.arange(len(starts)), (count, len(starts)))
        order = self._random.permuted(blocks, axis=1)
        offsets = self._random.integers(0, n, (count, 1))
        lengths = sizes[order]
        # where each value comes from: its block's start, less where the block now begins
        shifts = starts[order] - (np.cumsum(lengths, axis=1) - lengths)
        sources = np.repeat(shifts.ravel(), lengths.ravel()).reshape(count, n)
        sources += np.arange(n)
        sources += offsets
        return np.concatenate([self._values, self._values]).take(sources)


class LevelTest:
    """Whether a series has one level, against a step or a bump anywhere in it.

    Six sevenths of the level are for steps; a bump is looked for where there is no step. At the
    level that it is made for, it decides by 1999 permutations of each.

    Args:
        logs: the series; below ten values nothing is found.
        level: the chance of finding anything in noise.
    """

    def __init__(self, logs: Sequence[float] | Floats, level: float) -> None:
        self._step = PermutationTest(logs, STEP)
        self._bump = PermutationTest(logs, BUMP)
        self._run(self._step, level * _STEPS_SHARE)
        if self.p > level:
            self._run(self._bump, level * (1 - _STEPS_SHARE))

    @staticmethod
    def _run(test: PermutationTest, level: float) -> None:
        test.run(PERMUTATIONS, math.ceil(level * (PERMUTATIONS + 1)))

    @property
    def p(self) -> float:
        """The p-value, at most 1."""
        return min(self._p_step, self._p_bump, 1.0)

    @property
    def _p_step(self) -> float:
        return self._step.p / _STEPS_SHARE

    @property
    def _p_bump(self) -> float:
        return self._bump.p / (1 - _STEPS_SHARE)

    @property
    def edges(self) -> tuple[int, ...]:
        """Indices of the first values after the likeliest change."""
        return self._step.edges if self._p_step <= self._p_bump else self._bump.edges

    def refine(self, permutations: int) -> None:
        """Sharpen what was found, and permute it so often, or until p is known well enough."""
        found = self._step if self._p_step <= self._p_bump else self._bump
        found.sharpen()
        found.run(permutations, _ENOUGH_REFINED)
