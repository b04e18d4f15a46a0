"""How the thresholds of a run's comparisons with stored runs came about, number by number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final

from pytest_perfmon.model.threshold import ControlPart, SpreadPart, Threshold
from pytest_perfmon.model.verdict import TestResult
from pytest_perfmon.reporting.cells import clean
from pytest_perfmon.stats.prediction import RUNS_NEEDED
from pytest_perfmon.units import format_ns, format_share
from pytest_perfmon.verdicts.stored import WINDOW

_LABEL: Final = 12
NOTHING: Final = "no threshold to explain: nothing was compared with stored runs"


def explanation_lines(results: Iterable[TestResult]) -> tuple[str, ...]:
    """Explain every threshold of these tests; `NOTHING` alone where there is none."""
    lines: list[str] = []
    for result in results:
        for verdict in result.verdicts:
            if verdict.threshold is not None:
                lines.append(clean(f"{verdict.key.operation} ({verdict.key.nodeid})"))
                lines += [f"  {label:{_LABEL}}{text}" for label, text in _parts(verdict.threshold)]
    return tuple(lines) or (NOTHING,)


def _parts(one: Threshold) -> Iterator[tuple[str, str]]:
    yield "window", _window(one)
    yield "mean", f"{format_ns(one.mean)}, the geometric mean of the stored {one.figure}s"
    if one.spread is None:
        yield (
            "spread",
            f"not known of fewer than {RUNS_NEEDED} runs: twice the stored p95 stands in",
        )
    else:
        yield "control", _control(one)
        yield "spread", _spread(one.spread)
        yield "common mode", "none taken out: what all have in common is judged at the end"
        yield "level", _level(one, one.spread)
    yield "threshold", f"{format_ns(one.threshold)}; below {format_share(one.least)} is ignored"
    said = "beyond it" if one.measured > one.threshold else "within it"
    yield "measured", f"{format_ns(one.measured)}, {said}"


def _window(one: Threshold) -> str:
    said = f"k = {one.runs} of at most {WINDOW} stored runs"
    if one.left_out:
        said += f"; {one.left_out} older left out, since the figure changed after them"
    return said


def _control(one: Threshold) -> str:
    control = one.control
    if control is None:
        return "not read in every run"
    said = (
        f"{format_ns(control.reading)}, stored {format_ns(control.stored)},"
        f" expected {format_ns(control.low)} to {format_ns(control.high)}; "
    )
    if control.coefficient is None:
        return f"{said}not used: the suite's stored runs are predicted better without"
    return said + _coefficient(control, control.coefficient)


def _coefficient(control: ControlPart, coefficient: float) -> str:
    said = f"coefficient {coefficient:.2f} explains {format_share(control.explained, signed=True)}"
    if control.allowed:
        allowed = format_share(control.allowed, signed=True)
        said += f", and {allowed} more is allowed for, beyond all stored readings"
    return said


def _spread(spread: SpreadPart) -> str:
    own, prior, moderated = (
        format_share(math.expm1(sd)) for sd in (spread.own, spread.prior, spread.moderated)
    )
    return (
        f"sd {own} of its own (df {spread.df}), s0 {prior} of the suite"
        f" (d0 {spread.prior_df:.2f}): {moderated}"
    )


def _level(one: Threshold, spread: SpreadPart) -> str:
    assert one.level is not None  # noqa: S101 - where the spread is known, so is the level
    df = spread.df + spread.prior_df
    return (
        f"{one.level:.3g} to be a suspect; alpha {one.alpha:g} / m {one.criteria} ="
        f" {one.alpha / max(1, one.criteria):.3g} to be convicted;"
        f" t quantile {spread.quantile:.3f} (df {df:.2f})"
    )
