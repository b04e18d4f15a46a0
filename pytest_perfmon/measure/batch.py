"""The order that planning gives to timing, and the form in which the answer comes back."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

SLICE_NS: Final = 2_000_000


@dataclass(slots=True)
class Batch:
    """Stretches to be timed one after another in one quiet stay.

    Attributes:
        most: at most so many stretches, 1 or more.
        until_ns: no stretch but the first starts at or after this time of the clock.
        calls_per_value: calls in each stretch.
        warming: whether the values are thrown away.
        keep_hooks: whether tracers stay on, so that coverage sees the body.
        raw_ns: the answer, in order; the clock's own overhead is still in it.
    """

    most: int
    until_ns: int
    calls_per_value: int = 1
    warming: bool = False
    keep_hooks: bool = False
    raw_ns: list[int] = field(default_factory=list)

    @property
    def typical_ns(self) -> int:
        """The median of the answer."""
        return sorted(self.raw_ns)[len(self.raw_ns) // 2]


Batches: TypeAlias = Generator[Batch, None, None]
