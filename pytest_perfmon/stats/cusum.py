"""Does a series change its level anywhere? The largest standardised CUSUM, judged by permutation.

numpy is loaded when a series is looked at, not with this module.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SHORTEST_SEGMENT: Final = 3
FEWEST_VALUES: Final = 10
PERMUTATIONS: Final = 1999
_CORRELATED: Final = 0.2
_STILL_CORRELATED: Final = 0.05
_FIRST_BATCH: Final = 200
_MOST_ELEMENTS: Final = 400_000  # of one batch, which bounds its memory
_SAME: Final = 1e-9  # log values this close are one figure, and statistics this close are equal


def standardised_cusum(values: Floats, shortest: int = SHORTEST_SEGMENT) -> Floats:
    """Give |S_k| / sqrt(k (n - k)/n) for k = shortest .. n - shortest, along the last axis.

    S_k is the sum of the first k values, which have to sum up to zero. Its square is by how much
    two levels, with the change after k values, leave less than one level does (in squares).
    """
    import numpy as np  # noqa: PLC0415 - slow to load

    n = values.shape[-1]
    k = np.arange(shortest, n - shortest + 1)
    sums: Floats = np.cumsum(values, axis=-1)[..., shortest - 1 : n - shortest]
    np.abs(sums, out=sums)
    sums *= np.sqrt(n / (k * (n - k)))
    return sums


def autocorrelation(values: Floats) -> float:
    """Give the correlation of centred values with those one later; 0 where all are equal."""
    total = float(values @ values)
    return float(values[1:] @ values[:-1]) / total if total > 0 else 0.0


class PermutationTest:
    """Whether a series has one level, against a change anywhere in it.

    Values that are correlated with their neighbours are permuted in circular blocks of
    round(n^(1/3)) with a random offset, others one by one. They are so where |rho_1| > 0.2, and
    rho_1 is above 0.05 once the likeliest change is taken out: a step alone correlates neighbours,
    too. Few blocks have few orders, so that p cannot be small where a change is short; a series of
    correlated values takes more of them after a change, the more so beside many others.

    The random numbers are seeded from the order of the values, so that equal data
    give equal answers on any machine and in any unit.

    Attributes:
        position: index of the first value after the likeliest change.
        permutations: made so far.
        exceeded: by how many of them the series' statistic was reached.
    """

    def __init__(self, logs: Sequence[float] | Floats) -> None:
        import numpy as np  # noqa: PLC0415 - slow to load

        values = np.asarray(logs, dtype=np.float64)
        self._values = values - values.mean() if len(values) else values
        self.position = 0
        self.permutations = 0
        self.exceeded = 0
        self._statistic = 0.0
        if len(values) < FEWEST_VALUES or np.ptp(values) < _SAME:
            return
        cusum = standardised_cusum(self._values)
        self.position = SHORTEST_SEGMENT + int(cusum.argmax())
        self._statistic = float(cusum.max()) * (1 - _SAME)
        self._block = round(len(values) ** (1 / 3)) if self._is_correlated() else 1
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
            highest = standardised_cusum(self._shuffled(batch)).max(axis=-1)
            self.exceeded += int((highest >= self._statistic).sum())
            self.permutations += batch

    def _is_correlated(self) -> bool:
        if abs(autocorrelation(self._values)) <= _CORRELATED:
            return False
        levelled = self._values.copy()
        levelled[: self.position] -= levelled[: self.position].mean()
        levelled[self.position :] -= levelled[self.position :].mean()
        return autocorrelation(levelled) > _STILL_CORRELATED

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


def tested(logs: Sequence[float] | Floats, level: float) -> PermutationTest:
    """Test a series at that level with the usual number of permutations."""
    test = PermutationTest(logs)
    test.run(PERMUTATIONS, math.ceil(level * (PERMUTATIONS + 1)))
    return test
