"""Write a run for github-action-benchmark's tool `customSmallerIsBetter`.

An operation has an entry for its median, and one for its p95 where enough calls stand behind it.
The unit is always nanoseconds, because the action compares values without looking at units.
`range` is the 95 % interval, `extra` the rest of the figures, a line each; both are only shown.

The format has no place for the time, commit and environment, which the action knows by itself, nor
for the distribution.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_perfmon.formats.exported import Exported
from pytest_perfmon.formats.figures import Figure, figures_of
from pytest_perfmon.formats.labels import labels_of
from pytest_perfmon.model.measurement import Summary
from pytest_perfmon.model.run import Run

_WATCHED: Final = ("median", "p95")
_COUNTS: Final = ("rounds", "calls", "errors")


def to_action_benchmark(run: Run) -> Exported:
    """Write a run as a JSON list of entries.

    Raises:
        ValueError: two operations would have the same name.
    """
    entries = [
        {"name": f"{label} {name}", **entry}
        for key, label in labels_of(run.results).items()
        for name, entry in _entries(run.results[key])
    ]
    return Exported(json.dumps(entries, indent=2, allow_nan=False) + "\n")


def _entries(summary: Summary) -> Iterator[tuple[str, dict[str, Any]]]:
    figures = figures_of(summary)
    extra = "\n".join(_lines(summary, figures))
    for name in _WATCHED:
        if name in figures:
            ns, interval = figures[name]
            entry: dict[str, Any] = {"unit": "ns", "value": ns, "extra": extra}
            if interval is not None:
                entry["range"] = f"95 % interval {interval[0]} to {interval[1]}"
            yield name, entry


def _lines(summary: Summary, figures: Mapping[str, Figure]) -> Iterator[str]:
    for name, (ns, interval) in figures.items():
        yield f"{name}: {ns} ns" + (f" ({interval[0]} to {interval[1]})" if interval else "")
    for name in _COUNTS:
        yield f"{name}: {getattr(summary, name)}"
    if summary.peak_memory is not None:
        yield f"peak memory: {summary.peak_memory} bytes"
    if summary.allocations is not None:
        yield f"allocations: {summary.allocations}"
    yield f"values are of: {summary.unit}"
