"""What an interleaved comparison comes to: the series of one operation as a verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.verdict import BlockRecord, Change, Comparison, Outcome, Verdict
from pytest_perfmon.stats.blocks import Bars, BlockSeries
from pytest_perfmon.stats.confidence import excluded_slowdown
from pytest_perfmon.stats.evidence import e_value
from pytest_perfmon.units import format_ends, format_share
from pytest_perfmon.verdicts.budgets import not_checked

CRITERION: Final = "against"
_SMALLEST_NAMED: Final = 0.01  # an UNCHANGED that is surely slower by this wants a word
_OUTCOMES: Final = {
    Change.REGRESSED: Outcome.FAILED,
    Change.IMPROVED: Outcome.PASSED,
    Change.UNCHANGED: Outcome.PASSED,
    Change.UNDECIDED: Outcome.UNDECIDED,
}


def verdict_on(
    key: Key,
    series: BlockSeries,
    change: Change,
    *,
    bars: Sequence[Bars],
    bar: float,
    cap: int,
    fixed: bool = False,
    statistic: str = "",
    details: Sequence[str] = (),
) -> Verdict:
    """Give the verdict on a finished series.

    Args:
        key: the operation.
        series: its blocks.
        change: what was decided.
        bars: as they stood after each block.
        bar: what a claim took while nothing had been claimed.
        cap: how many blocks could be made.
        fixed: whether exactly so many were made.
        statistic: what was compared, where that has to be said.
        details: further lines of evidence.
    """
    if not any(block.datum is not None for block in series.blocks):
        return not_checked(key, CRITERION, "no block was measured on both sides")
    comparison = series.comparison(change, bar)
    outcome = _OUTCOMES[change]
    evidence = (
        f"evidence of a slowdown {e_value(series.regressed.log_peak):.3g},"
        f" of a speed-up {e_value(series.improved.log_peak):.3g}; a claim took {bar:.3g}"
    )
    return Verdict(
        key,
        CRITERION,
        outcome,
        " ".join(filter(None, (key.operation, statistic, _said(comparison, series)))),
        reason=_what_would_decide(series, bars[-1], cap) if outcome is Outcome.UNDECIDED else "",
        details=(evidence, *details),
        comparison=comparison,
        record=BlockRecord(
            data=tuple(block.datum for block in series.blocks),
            bars=tuple(
                (one.regressed, one.improved, one.regressed_floor, one.improved_floor)
                for one in bars
            ),
            min_effect=math.expm1(series.tau),
            cap=cap,
            fixed=fixed,
        ),
        fails=outcome is Outcome.FAILED,
    )


def _what_would_decide(series: BlockSeries, bars: Bars, cap: int) -> str:
    more = series.blocks_to_go(bars)
    if more is None:
        return "too near to the smallest change that matters, or too noisy, to be told soon"
    total = len(series.blocks) + more
    option = f"--perf-blocks={total}" if total > cap else "a longer --perf-against-time"
    blocks = "block" if more == 1 else "blocks"
    return f"about {more} more {blocks} would decide: {option}"


def _said(comparison: Comparison, series: BlockSeries) -> str:
    said = f"{comparison.change} {format_share(comparison.effect, signed=True)}"
    if math.isfinite(comparison.low) and math.isfinite(comparison.high) and comparison.low > -1:
        said += f" {format_ends(comparison.low, comparison.high)}"
    said += f" · {comparison.backing}"
    if comparison.change is Change.UNCHANGED and comparison.low > _SMALLEST_NAMED:
        said += f" · up to {format_share(math.expm1(series.tau), signed=True)} is allowed"
    if comparison.visible is not None:
        return f"{said} · could see >= {format_share(comparison.visible)}"
    excluded = excluded_slowdown(series.blocks)
    if comparison.change is not Change.REGRESSED and 0 < excluded < math.inf:
        return f"{said} · excludes slowdowns > {format_share(excluded)}"
    return said
