"""An operation's last minutes as the geometry of a small line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfmon.web.minutes import INTERVAL_NS, INTERVALS_KEPT, Interval

WIDTH: Final = 120
HEIGHT: Final = 28
_SPAN_NS: Final = INTERVALS_KEPT * INTERVAL_NS
_JOINED_NS: Final = INTERVAL_NS * 3 // 2


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A line in a box of `WIDTH` by `HEIGHT`, time from left to right, zero at the bottom.

    Attributes:
        path: an SVG path; intervals without calls are gaps in it.
        limit_y: where the budget lies; None where there is none.
        latest_ns: the p95 of the newest interval that had calls.
        highest_ns: the highest p95 on the line.
    """

    path: str
    limit_y: float | None
    latest_ns: float
    highest_ns: float


def sparkline_of(
    operation: str, intervals: Sequence[Interval], *, now_ns: int, limit_ns: float | None
) -> Sparkline | None:
    """Draw an operation's p95 over the last ten minutes; None where it had no calls in them."""
    points = [(one.end_ns, one.p95_ns[operation]) for one in intervals if operation in one.p95_ns]
    if not points:
        return None
    highest_ns = max(value for _, value in points)
    top_ns = max(highest_ns, limit_ns or 0.0) or 1.0
    path, before_ns = [], None
    for end_ns, value in points:
        x = WIDTH * (1 - (now_ns - end_ns) / _SPAN_NS)
        joined = before_ns is not None and end_ns - before_ns <= _JOINED_NS
        # a move to and a line of no length: the round cap makes it a dot if nothing follows
        path.append(f"{'L' if joined else 'M'}{x:.1f} {_y(value, top_ns)}{'' if joined else 'h0'}")
        before_ns = end_ns
    limit_y = None if limit_ns is None else _y(limit_ns, top_ns)
    return Sparkline("".join(path), limit_y, points[-1][1], highest_ns)


def _y(value_ns: float, top_ns: float) -> float:
    return round(HEIGHT * (1 - value_ns / top_ns), 1)
