"""Write a run as Bencher Metric Format, the JSON that Bencher's adapter `json` reads.

A benchmark is an operation; its measures are `latency`, which Bencher knows and which is the
median, and further figures by name. Times are nanoseconds, `peak-memory` is bytes. The 95 %
interval, where there is one, is a measure's `lower_value` and `upper_value`.

The format has no place for the time, commit and environment, which Bencher asks of its own command
line, nor for the distribution. Counts, errors and the control are no measures to be watched.
"""

from __future__ import annotations

import json
from typing import Final

from pytest_perfmon.formats.exported import Exported
from pytest_perfmon.formats.figures import figures_of
from pytest_perfmon.formats.labels import labels_of
from pytest_perfmon.model.measurement import Summary
from pytest_perfmon.model.run import Run

_LONGEST_NAME: Final = 1024


def to_bencher(run: Run) -> Exported:
    """Write a run; an operation whose name is longer than Bencher takes is left out.

    Raises:
        ValueError: two operations would have the same name.
    """
    labels = labels_of(run.results)
    fitting = {key: label for key, label in labels.items() if len(label) <= _LONGEST_NAME}
    left_out = tuple(
        f"{label} is left out: Bencher takes names of up to {_LONGEST_NAME} characters"
        for key, label in labels.items()
        if key not in fitting
    )
    data = {label: _measures(run.results[key]) for key, label in fitting.items()}
    return Exported(json.dumps(data, indent=2, allow_nan=False) + "\n", left_out)


def _measures(summary: Summary) -> dict[str, dict[str, float]]:
    measures = {}
    for name, (ns, interval) in figures_of(summary).items():
        measure = {"value": ns}
        if interval is not None:
            measure |= {"lower_value": interval[0], "upper_value": interval[1]}
        measures["latency" if name == "median" else name] = measure
    for name, size in (("peak-memory", summary.peak_memory), ("allocations", summary.allocations)):
        if size is not None:
            measures[name] = {"value": size}
    return measures
