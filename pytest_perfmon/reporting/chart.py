"""A distribution as the geometry of a bar chart, on a logarithmic scale of time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfmon.model.measurement import Summary
from pytest_perfmon.reporting.figures import figure
from pytest_perfmon.units import format_ns

BINS_PER_OCTAVE: Final = 16
MOST_BARS: Final = 64


@dataclass(frozen=True, slots=True)
class Mark:
    """A figure's place on the chart: its name, its text, and where it stands on the x axis."""

    name: str
    text: str
    x: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars as one SVG path in a box, their marks, and the ends of the axis as texts.

    Attributes:
        path: one closed rectangle a bar, y pointing down, empty bars left out.
        width, height: of the box.
        lowest, highest: the times at its left and right end.
        marks: median, p95 and p99, those that are known.
    """

    path: str
    width: int
    height: int
    lowest: str
    highest: str
    marks: tuple[Mark, ...]


def chart_of(summary: Summary, *, width: int = 640, height: int = 120) -> Chart | None:
    """Draw the distribution of a summary; None where it has none.

    Neighbouring bins share a bar where there are more than `MOST_BARS`.
    """
    counted = [(index, count) for index, count in summary.distribution if count > 0]
    if not counted:
        return None
    first = min(index for index, _ in counted)
    last = max(index for index, _ in counted)
    bins_a_bar = math.ceil((last - first + 1) / MOST_BARS)
    heights = _heights(counted, first, last, bins_a_bar)
    bar = width / len(heights)
    path = "".join(_bar(index * bar, share, bar, height) for index, share in enumerate(heights))
    end = first + bins_a_bar * len(heights)
    marks = [
        Mark(name, format_ns(value), _x(value, first, end, width))
        for name in ("median", "p95", "p99")
        if (value := figure(summary, name)) is not None and 0 < value < math.inf
    ]
    return Chart(path, width, height, _edge(first), _edge(end), tuple(marks))


def _heights(
    counted: Iterable[tuple[int, int]], first: int, last: int, bins_a_bar: int
) -> Sequence[float]:
    totals = [0] * math.ceil((last - first + 1) / bins_a_bar)
    for index, count in counted:
        totals[(index - first) // bins_a_bar] += count
    highest = max(totals)
    return [total / highest for total in totals]


def _bar(x: float, share: float, width: float, height: int) -> str:
    if not share:
        return ""
    tall = max(1.0, share * height)  # one call among thousands stays visible
    return f"M{x:.5g} {height}v{-tall:.4g}h{width * 0.9:.4g}v{tall:.4g}z"


def _x(value: float, first: int, end: int, width: int) -> float:
    share = (BINS_PER_OCTAVE * math.log2(value) - first) / (end - first)
    return round(min(max(share, 0.0), 1.0) * width, 1)


def _edge(index: int) -> str:
    return format_ns(2 ** (index / BINS_PER_OCTAVE))
