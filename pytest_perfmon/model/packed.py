"""Intervals and distributions as short texts, which JSON reads several times faster than lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

MOST: Final = 2**63 - 1
"""No time (292 years of nanoseconds), count or size in a record is above this."""


def pack_intervals(intervals: Mapping[str, tuple[float, float]]) -> str:
    """Write intervals by name as `median:61.5:64 p95:80:91.25`.

    Raises:
        ValueError: `unpack_intervals` would refuse the text.
    """
    packed = " ".join([f"{name}:{low}:{high}" for name, (low, high) in intervals.items()])
    if unpack_intervals(packed) != intervals:
        raise ValueError("the names of 'intervals' have to be words without colons")
    return packed


def unpack_intervals(packed: str) -> dict[str, tuple[float, float]]:
    """Read what `pack_intervals` wrote.

    Raises:
        ValueError: the text is of another form, or an interval's ends are no times in order.
    """
    intervals = {}
    for part in packed.split():
        try:
            name, low, high = part.split(":")
            interval = float(low), float(high)
        except ValueError:
            raise ValueError(f"a result's 'intervals' are damaged at {part!r}") from None
        if not 0 <= interval[0] <= interval[1] <= MOST:
            raise ValueError(f"a result's 'intervals' are no times in order at {part!r}")
        intervals[name] = interval
    return intervals


def pack_distribution(distribution: Sequence[tuple[int, int]]) -> str:
    """Write (bin, count) pairs as `96:12 97:30`.

    Raises:
        ValueError: they are not integers.
    """
    if not set(map(type, chain.from_iterable(distribution))) <= {int}:
        raise ValueError("a result's 'distribution' is not made of integers")
    return " ".join([f"{at}:{count}" for at, count in distribution])


def unpack_distribution(packed: str) -> tuple[tuple[int, int], ...]:
    """Read what `pack_distribution` wrote.

    Raises:
        ValueError: the text is of another form.
    """
    try:
        pairs = [part.split(":") for part in packed.split()]
        return tuple([(int(at), int(count)) for at, count in pairs])
    except ValueError:
        raise ValueError("a result's 'distribution' is damaged") from None
