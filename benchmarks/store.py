"""What the store costs a run: saving a thousand operations, loading a window of thirty such runs.

Figures have full precision and a distribution of 25 bins each, which is more than most operations
leave. Files are read from the page cache. Judging is the screening of every key against its window,
as a run does it test by test. Reported are medians over repeats in one process, of wall-clock and
of processor time; the latter is what a busy machine leaves readable.

    python benchmarks/store.py [--quick] [--output FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.run import Run, Window
from pytest_perfmon.storage.base import open_store
from pytest_perfmon.storage.environment import current_commit, current_environment
from pytest_perfmon.verdicts.baselines import BaselineJudge
from pytest_perfmon.verdicts.screening import suite_of

OPERATIONS = 1000
RUNS = 30
REPEATS = 15
QUICK_REPEATS = 3
TARGETS_MS = {"save": 100.0, "load": 400.0, "load_and_judge": 500.0}
RESULT = Path(__file__).parent / "results" / "store.json"

KEYS = [Key(f"tests/test_module_{n % 20}.py::test_case[{n}]", "call") for n in range(OPERATIONS)]


def made_up_summary(chance: random.Random, usual: float) -> Summary:
    """Give the figures of one operation that usually takes so many nanoseconds."""
    median = usual * chance.lognormvariate(0, 0.03)
    bins = [(160 + step, chance.randrange(1, 200)) for step in range(25)]
    return Summary(
        unit="call",
        rounds=240,
        calls=240,
        errors=0,
        mean=median * 1.01,
        min=median * 0.9,
        median=median,
        p90=median * 1.1,
        p95=median * 1.2,
        p99=median * 1.4,
        max=median * 2,
        intervals={"median": (median * 0.99, median * 1.01), "p95": (median * 1.1, median * 1.3)},
        distribution=tuple(bins),
        control_ns=usual / 7,
    )


def made_up_runs() -> list[Run]:
    """Give the runs, a day apart, of operations between a microsecond and a second."""
    chance = random.Random(1)
    usual = [chance.lognormvariate(12, 2) for _ in KEYS]
    environment, commit = current_environment({}), current_commit(Path(__file__).parent)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Run(
            id=f"{number:012x}",
            name="default",
            time=(first + timedelta(days=number)).isoformat(timespec="microseconds"),
            commit=commit,
            environment=environment,
            results={key: made_up_summary(chance, ns) for key, ns in zip(KEYS, usual, strict=True)},
        )
        for number in range(RUNS + 1)
    ]


def elapsed_ms(action: Callable[[], object]) -> tuple[float, float]:
    """Time one call: wall-clock and processor milliseconds."""
    processor, wall = time.process_time_ns(), time.perf_counter_ns()
    action()
    return (time.perf_counter_ns() - wall) / 1e6, (time.process_time_ns() - processor) / 1e6


def measure(repeats: int) -> tuple[dict[str, list[tuple[float, float]]], int]:
    """Give the milliseconds of each step and the size of one run's file in bytes."""
    *stored, newest = made_up_runs()
    figures: dict[str, list[tuple[float, float]]] = {step: [] for step in TARGETS_MS}
    with tempfile.TemporaryDirectory() as name:
        store = open_store("runs", Path(name))
        figures["save"] = [elapsed_ms(lambda run=run: store.save(run)) for run in stored]

        def load() -> Window:
            return store.window("default", newest.environment, {key.nodeid for key in KEYS}, RUNS)

        def load_and_judge() -> None:
            values = load().values
            suite = suite_of(values, alpha=0.01, min_effect=0.02)
            for key, history in values.items():
                BaselineJudge(key, history, suite, None).screen(newest.results[key])

        for _ in range(repeats):
            figures["load"].append(elapsed_ms(load))
            figures["load_and_judge"].append(elapsed_ms(load_and_judge))
        size = next(Path(name).glob("runs/default/*.json")).stat().st_size
    return figures, size


def main() -> int:
    """Measure, print the medians, keep the raw figures; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_REPEATS} repeats")
    parser.add_argument("--output", type=Path, default=RESULT, help="where the JSON goes")
    chosen = parser.parse_args()

    figures, size = measure(QUICK_REPEATS if chosen.quick else REPEATS)
    wall = {step: statistics.median(one[0] for one in values) for step, values in figures.items()}
    processor = {
        step: statistics.median(one[1] for one in values) for step, values in figures.items()
    }
    result = {
        "benchmark": "store",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "operations": OPERATIONS,
        "runs": RUNS,
        "file_bytes": size,
        "targets_ms": TARGETS_MS,
        "median_wall_ms": {step: round(median, 1) for step, median in wall.items()},
        "median_processor_ms": {step: round(median, 1) for step, median in processor.items()},
        "raw_wall_and_processor_ms": figures,
    }
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"{OPERATIONS} operations a run, {RUNS} runs, {size:,} bytes a file; medians:")
    for step, target in TARGETS_MS.items():
        print(
            f"{step:16}{wall[step]:7.1f} ms wall clock, {processor[step]:7.1f} ms processor"
            f"  (target: at most {target:.0f} ms wall clock)"
        )
    return 0 if all(wall[step] <= target for step, target in TARGETS_MS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
