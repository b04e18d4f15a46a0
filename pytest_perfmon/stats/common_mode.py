"""What all figures of a run have in common, and what each has for itself.

A run in which everything is slower by a tenth says little of any one operation. So each deviation
from what was expected is split into the median of the other operations' and the rest. Its own is
left out, or an operation would hide a part of its change in the median.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Generic, TypeVar

KEYS_NEEDED: Final = 8
"""Of fewer operations the median is one operation's noise."""

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class CommonMode(Generic[Name]):
    """One run's deviations, split.

    Attributes:
        shift: the median of all deviations.
        apart: each deviation less the median of the others.
    """

    shift: float
    apart: Mapping[Name, float]


def common_mode(deviations: Mapping[Name, float]) -> CommonMode[Name] | None:
    """Split the log deviations of one run; None below `KEYS_NEEDED` of them."""
    if len(deviations) < KEYS_NEEDED:
        return None
    values = list(deviations.values())
    others = medians_of_others(values)
    apart = {
        name: value - other for (name, value), other in zip(deviations.items(), others, strict=True)
    }
    return CommonMode(median(values), apart)


def medians_of_others(values: Sequence[float]) -> list[float]:
    """Give for each of two values or more the median of the others.

    One sort serves all: without its own element the middle of the order moves by one at most.
    """
    order = sorted(range(len(values)), key=values.__getitem__)
    ascending = [values[index] for index in order]
    low, high = (len(values) - 2) // 2, (len(values) - 1) // 2  # the middle of n - 1 values
    medians = [0.0] * len(values)
    for rank, index in enumerate(order):
        medians[index] = (ascending[low + (rank <= low)] + ascending[high + (rank <= high)]) / 2
    return medians
