"""Stored values and figures made by hand, milliseconds, for the tests of judging by them."""

from __future__ import annotations

from dataclasses import replace

from pytest_perfmon.model.measurement import Key, Measurement
from pytest_perfmon.model.run import StoredValue
from pytest_perfmon.stats.summary import summary_of

MS = 1_000_000
KEY = Key("test_parse.py::test_parse", "parse")


def stored(medians, controls=None, p95s=None, unit="call"):
    """The values of runs on consecutive days; controls in milliseconds, 0 is not read."""
    controls = controls or [0.0] * len(medians)
    p95s = p95s or [median * 1.1 for median in medians]
    return [
        StoredValue(
            f"{day:012x}", f"2026-{day // 28 + 1:02d}-{day % 28 + 1:02d}", "", unit, 500,
            median * MS, p95 * MS, control * MS,
        )
        for day, (median, p95, control) in enumerate(zip(medians, p95s, controls, strict=True))
    ]  # fmt: skip


def figures(median, control=0.0, p95=None, unit="call"):
    """A new run's figures, milliseconds."""
    whole = summary_of(Measurement("parse", [round(median * MS)] * 20, rounds=20))
    p95 = median * 1.1 if p95 is None else p95
    return replace(whole, median=median * MS, p95=p95 * MS, control_ns=control * MS, unit=unit)
