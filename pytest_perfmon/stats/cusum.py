"""Where does a series change its level most? The largest standardised CUSUM of a step or a bump.

A step is a level before and one after; a bump is another level for some time only, which a test
for steps hardly sees.

numpy is loaded when a series is looked at, not with this module.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SHORTEST_SEGMENT: Final = 3
FEWEST_VALUES: Final = 10
_SHORTEST_WINDOW: Final = 4
_MOST_CORRELATED: Final = 0.9


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


def bump_cusums(values: Floats) -> Iterator[tuple[int, Floats, float]]:
    """Give what is needed of windows of 4, 8, … values, up to half, against all else.

    No bump is longer or shorter than one of these by more than a factor of 1.42.

    Yields:
        (length, |S| of the windows by where they start, the factor that makes it the same as
        `standardised_cusum`: sqrt(n/(length (n - length)))).
    """
    import numpy as np  # noqa: PLC0415 - slow to load

    n = values.shape[-1]
    sums = np.zeros((*values.shape[:-1], n + 1))
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    length = _SHORTEST_WINDOW
    while length <= n // 2:
        windows = sums[..., length:] - sums[..., :-length]
        yield length, np.abs(windows, out=windows), math.sqrt(n / (length * (n - length)))
        length *= 2


def autocorrelation(values: Floats) -> float:
    """Give the correlation of centred values with those one later; 0 where all are equal."""
    total = float(values @ values)
    return float(values[1:] @ values[:-1]) / total if total > 0 else 0.0


def unshortened(rho: float, n: int) -> float:
    """Add to a correlation of n values what so few of them hide of it on average; 0 to 0.9."""
    return min(max(rho + (1 + 3 * rho) / n, 0.0), _MOST_CORRELATED)


class Shape(NamedTuple):
    """A kind of change.

    Attributes:
        edges: gives the indices of the first values after the likeliest change of that kind.
        highest: gives the statistic of that change, along the last axis.
        hidden: by how much taking the likeliest change out of correlated values hides their
            correlation, found by simulation.
    """

    edges: Callable[[Floats], tuple[int, ...]]
    highest: Callable[[Floats], Floats]
    hidden: float


def _step_edges(values: Floats) -> tuple[int, ...]:
    return (SHORTEST_SEGMENT + int(standardised_cusum(values).argmax()),)


def _highest_step(values: Floats) -> Floats:
    highest: Floats = standardised_cusum(values).max(axis=-1)
    return highest


def _bump_edges(values: Floats) -> tuple[int, ...]:
    found = []
    for length, windows, factor in bump_cusums(values):
        start = int(windows.argmax())
        found.append((float(windows[start]) * factor, start, start + length))
    _, start, end = max(found)
    inside = range(SHORTEST_SEGMENT, len(values) - SHORTEST_SEGMENT + 1)
    return tuple(edge for edge in (start, end) if edge in inside)


def _highest_bump(values: Floats) -> Floats:
    import numpy as np  # noqa: PLC0415 - slow to load

    all_highest = [windows.max(axis=-1) * factor for _, windows, factor in bump_cusums(values)]
    highest: Floats = np.max(all_highest, axis=0)
    return highest


STEP: Final = Shape(_step_edges, _highest_step, hidden=0.05)
BUMP: Final = Shape(_bump_edges, _highest_bump, hidden=0.1)
