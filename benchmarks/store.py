"""What each kind of store costs a run that has a long history: a thousand runs of a thousand.

Every store gets the same runs: a thousand operations each, with figures of full precision and a
distribution of 25 bins, which is more than most operations leave. Then a new run is judged as a
run does it, test by test, against the newest thirty values of every key; and the whole history of
one operation is read. Files and tables are read from the page cache; PostgreSQL is one of this
machine's own, which writes to the disk as it does by default. Reported are medians over repeats in
one process, of wall-clock and of processor time of this process.

    python benchmarks/store.py [--runs N] [--store KIND ...] [--output FILE]
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
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.run import Run
from pytest_perfmon.storage.base import RunStore, open_store
from pytest_perfmon.storage.environment import current_commit, current_environment
from pytest_perfmon.verdicts.baselines import BaselineJudge
from pytest_perfmon.verdicts.screening import suite_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from storage.postgres_server import PostgresServer, postgres_server, reason_against

OPERATIONS = 1000
RUNS = 1000
WINDOW = 30
REPEATS = 9
REPEATS_OF_FILES = 3
"""Reading a history from a thousand files takes seconds."""
DURABLE = ()
"""PostgreSQL as it comes: unlike the server of the tests, it waits for the disk."""
TARGETS_MS = {
    "directory": {"save": 100.0, "judge": 500.0},
    "sqlite": {"judge": 300.0, "history": 200.0},
    "postgresql": {"judge": 300.0, "history": 200.0},
}
"""By kind and step; judging includes loading the window."""
RESULT = Path(__file__).parent / "results" / "store.json"

KEYS = [
    Key(f"tests/test_module_{n % 20}.py::test_case[{n}]", f"operation {n}")
    for n in range(OPERATIONS)
]
Figures = dict[str, list[tuple[float, float]]]


def made_up_summary(chance: random.Random, usual: float) -> Summary:
    """Give the figures of one operation that usually takes so many nanoseconds."""
    median = usual * chance.lognormvariate(0, 0.03)
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
        distribution=tuple(enumerate(chance.choices(range(1, 200), k=25), start=160)),
        control_ns=usual / 7,
    )


def made_up_runs(count: int) -> Iterator[Run]:
    """Give runs, an hour apart, of operations between a microsecond and a second."""
    chance = random.Random(1)
    usual = [chance.lognormvariate(12, 2) for _ in KEYS]
    environment, commit = current_environment({}), current_commit(Path(__file__).parent)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(count):
        yield Run(
            id=f"{number:012x}",
            name="default",
            time=(first + timedelta(hours=number)).isoformat(timespec="microseconds"),
            commit=commit,
            environment=environment,
            results={key: made_up_summary(chance, ns) for key, ns in zip(KEYS, usual, strict=True)},
        )


def elapsed_ms(action: Callable[[], object]) -> tuple[float, float]:
    """Time one call: wall-clock and processor milliseconds."""
    processor, wall = time.process_time_ns(), time.perf_counter_ns()
    action()
    ended, spent = time.perf_counter_ns() - wall, time.process_time_ns() - processor
    return round(ended / 1e6, 3), round(spent / 1e6, 3)


def fill(stores: Mapping[str, RunStore], runs: int) -> tuple[dict[str, Figures], Run]:
    """Save the same runs to every store; give what each save took, and one more run."""
    figures: dict[str, Figures] = {kind: {"save": []} for kind in stores}
    for number, run in enumerate(made_up_runs(runs + 1)):
        if number == runs:
            return figures, run
        for kind, store in stores.items():
            figures[kind]["save"].append(elapsed_ms(lambda store=store, run=run: store.save(run)))
        if number % 50 == 0:
            print(f"saved {number} of {runs} runs", file=sys.stderr)
    raise AssertionError


def judged(store: RunStore, newest: Run) -> int:
    """Judge a run against its window; give how many operations are suspects."""
    nodeids = {key.nodeid for key in KEYS}
    values = store.window("default", newest.environment, nodeids, WINDOW).values
    suite = suite_of(values, alpha=0.01, min_effect=0.02)
    screened = (
        BaselineJudge(key, history, suite, None).screen(newest.results[key])
        for key, history in values.items()
    )
    return sum(one.suspect for one in screened)


def read(store: RunStore, newest: Run, repeats: int) -> Figures:
    """Give what reading takes: the window alone, the window and judging, one long history."""
    nodeids = {key.nodeid for key in KEYS}
    steps = {
        "load": lambda: store.window("default", newest.environment, nodeids, WINDOW),
        "judge": lambda: judged(store, newest),
        "history": lambda: store.history("default", KEYS[OPERATIONS // 2].operation),
    }
    return {step: [elapsed_ms(action) for _ in range(repeats)] for step, action in steps.items()}


def sizes(place: Path, server: PostgresServer) -> dict[str, int]:
    """Give the bytes that each store takes, indexes included."""
    files = (place / "runs").rglob("*.json")
    tables = "SELECT sum(pg_total_relation_size(relid))::bigint FROM pg_stat_user_tables"
    return {
        "directory": sum(path.stat().st_size for path in files),
        "sqlite": (place / "runs.db").stat().st_size,
        "postgresql": int(str(server.execute(tables)[0][0])),
    }


def measure(runs: int) -> tuple[dict[str, Figures], dict[str, int]]:
    """Give the milliseconds of each step, and the bytes, by kind of store."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stores-")))
        server = stack.enter_context(postgres_server(DURABLE))
        urls = {
            "directory": "runs",
            "sqlite": "sqlite:///runs.db",
            "postgresql": server.url(),
        }
        stores = {kind: open_store(url, place) for kind, url in urls.items()}
        figures, newest = fill(stores, runs)
        for kind, store in stores.items():
            repeats = REPEATS_OF_FILES if kind == "directory" else REPEATS
            figures[kind] |= read(store, newest, repeats)
        return figures, sizes(place, server)


def main() -> int:
    """Measure, print the medians, keep the raw figures; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"stored runs (default: {RUNS})")
    parser.add_argument("--output", type=Path, default=RESULT, help="where the JSON goes")
    chosen = parser.parse_args()
    reason = reason_against()
    if reason is not None:
        parser.error(reason)

    figures, taken = measure(chosen.runs)
    medians = {
        kind: {step: median_of(timings) for step, timings in steps.items()}
        for kind, steps in figures.items()
    }
    missed = [
        f"{kind}: {step} took {medians[kind][step][0]:.0f} ms, more than {target:.0f} ms"
        for kind, targets in TARGETS_MS.items()
        for step, target in targets.items()
        if medians[kind][step][0] > target
    ]
    result = {
        "benchmark": "store",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "operations": OPERATIONS,
        "runs": chosen.runs,
        "window": WINDOW,
        "targets_ms": TARGETS_MS,
        "stores": {
            kind: {
                "bytes": taken[kind],
                "median_wall_ms": {step: one[0] for step, one in steps.items()},
                "median_processor_ms": {step: one[1] for step, one in steps.items()},
            }
            for kind, steps in medians.items()
        },
        "raw_wall_and_processor_ms": figures,
    }
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"{OPERATIONS} operations a run, {chosen.runs} runs; medians, wall clock (processor):")
    for kind, steps in medians.items():
        times = "  ".join(f"{step} {one[0]:.0f} ms ({one[1]:.0f})" for step, one in steps.items())
        print(f"{kind:11}{taken[kind] / 1e6:6.0f} MB  {times}")
    print("\n".join(missed) or "every target is met")
    return 1 if missed else 0


def median_of(timings: list[tuple[float, float]]) -> tuple[float, float]:
    """Give the median wall-clock and the median processor milliseconds."""
    wall, processor = zip(*timings, strict=True)
    return round(statistics.median(wall), 1), round(statistics.median(processor), 1)


if __name__ == "__main__":
    sys.exit(main())
