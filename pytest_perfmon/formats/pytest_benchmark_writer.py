"""Write a run as the JSON that pytest-benchmark saves, for those who read it.

Tried with `pytest-benchmark compare` and `list`; Bencher's adapter `python_pytest` takes `median`
and `iqr`, github-action-benchmark's tool `pytest` takes `ops`, `mean`, `stddev` and `rounds`.

What the format has no place for stands in a member of its own, which those readers pass over: the
whole record as the store keeps it. So a run that comes back by import is the same run.
`stats.data` is never written, because a run keeps no raw values; nor are groups and parameters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pytest_perfmon.formats.exported import Exported
from pytest_perfmon.formats.labels import labels_of
from pytest_perfmon.formats.pytest_benchmark_reader import (
    IMPLEMENTATIONS,
    OWN_MEMBER,
    SYSTEMS,
    UNKNOWN_BRANCH,
    UNVERSIONED,
)
from pytest_perfmon.formats.spread import Spread, spread_of
from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.run import Commit, Environment, Run
from pytest_perfmon.model.schema import run_to_json
from pytest_perfmon.units import NS_PER_S

_VERSION: Final = "5.3.1"  # the newest version that the members were compared with
_NO_TIME_NS: Final = 1e-9  # a mean that no clock shows has no rate, rather than one without end
_FENCE: Final = 1.5  # quartile distances, Tukey's rule for outliers


def to_pytest_benchmark(run: Run) -> Exported:
    """Write a run so that `pytest-benchmark compare`, Bencher and github-action-benchmark read it.

    Minimum, maximum, mean, median, rounds and iterations are the run's. What depends on the spread
    (`stddev`, the quartiles, outliers) is estimated from the run's distribution; an operation
    without one is left out, because readers fail on a file with such a hole.

    Raises:
        ValueError: two operations would have the same `fullname`.
    """
    benchmarks, left_out = [], []
    for key, label in labels_of(run.results).items():
        summary = run.results[key]
        spread = spread_of(summary)
        if spread is None:
            left_out.append(f"{label} is left out: its spread is not known")
        else:
            benchmarks.append(_benchmark(key, label, summary, spread))
    data = {
        "machine_info": _machine_info(run.environment),
        "commit_info": _commit_info(run.commit),
        "benchmarks": benchmarks,
        "datetime": run.time,
        "version": _VERSION,
        OWN_MEMBER: json.loads(run_to_json(run)),
    }
    return Exported(json.dumps(data, indent=4, allow_nan=False) + "\n", tuple(left_out))


def _benchmark(key: Key, label: str, summary: Summary, spread: Spread) -> dict[str, Any]:
    return {
        "group": None,
        "name": key.operation,
        "fullname": label,
        "params": None,
        "param": None,
        "extra_info": {},
        "options": {},
        "stats": _stats(summary, spread),
    }


def _stats(summary: Summary, spread: Spread) -> dict[str, Any]:
    mean, deviation = summary.mean, spread.deviation
    q1, q3 = spread.quantile(0.25), spread.quantile(0.75)
    low, high = q1 - _FENCE * (q3 - q1), q3 + _FENCE * (q3 - q1)
    rounds = spread.count
    beyond_deviation = _beyond(spread, mean - deviation, mean + deviation)
    beyond_fences = _beyond(spread, low, high)
    times_ns = {
        "min": summary.min,
        "max": summary.max,
        "mean": mean,
        "stddev": deviation,
        "median": summary.median,
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "ld15iqr": max(low, summary.min),
        "hd15iqr": min(high, summary.max),
        "total": mean * rounds,
    }
    return {
        **{name: float(ns) / NS_PER_S for name, ns in times_ns.items()},
        "rounds": rounds,
        "iqr_outliers": beyond_fences,
        "stddev_outliers": beyond_deviation,
        "outliers": f"{beyond_deviation};{beyond_fences}",
        "ops": NS_PER_S / mean if mean > _NO_TIME_NS else 0.0,
        "iterations": max(1, round(summary.calls / rounds)),
    }


def _beyond(spread: Spread, low: float, high: float) -> int:
    return round(spread.count * (1 - spread.within(low, high)))


def _machine_info(environment: Environment) -> dict[str, Any]:
    fields = environment.fields
    known = {
        "machine": fields.get("machine"),
        "python_implementation": _theirs(IMPLEMENTATIONS, fields.get("implementation")),
        "python_version": fields.get("python"),
        "system": _theirs(SYSTEMS, fields.get("system")),
    }
    cpu: dict[str, Any] = {"brand_raw": fields["cpu"]} if "cpu" in fields else {}
    if fields.get("cpus", "").isdecimal():
        cpu["count"] = int(fields["cpus"])
    return {name: value for name, value in known.items() if value is not None} | {"cpu": cpu}


def _theirs(ours_by_theirs: Mapping[str, str], ours: str | None) -> str | None:
    return next((one for one, known in ours_by_theirs.items() if known == ours), ours)


def _commit_info(commit: Commit) -> dict[str, Any]:
    return {
        "id": commit.id or UNVERSIONED,
        "time": None,
        "author_time": None,
        "dirty": commit.dirty,
        "project": None,
        "branch": commit.branch or UNKNOWN_BRANCH,
    }
