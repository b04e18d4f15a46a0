"""What timing one call costs, in multiples of reading the clock twice, beside other libraries.

    python benchmarks/overhead.py [--quick] [--json PATH]

All cases take turns in one process, a short block of each in every round, in an order that is drawn
anew. A block is divided by the pair of clock readings of the same round, so that a machine that
changes its speed changes both; the figure is the median over the rounds. The loop around the calls
is left in, in the pair too. What a case times is an empty block, or a call of an empty function.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
from collections.abc import Callable
from importlib import import_module
from itertools import repeat
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter_ns
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pytest_perfmon.monitor.ambient import track_performance
from pytest_perfmon.monitor.core import PerformanceMonitor

BLOCK_NS = 250_000
TARGETS = {"with monitor.track(name)": 5.0, "decorator": 3.5, "disabled: with": 1.7}
PAIR = "perf_counter_ns pair"

Block = Callable[[int], None]


def empty() -> None:
    """Do nothing: the function that decorated cases call."""


def clock_pair(count: int) -> None:
    """Read the clock twice, which is what any timing has to do."""
    for _ in repeat(None, count):
        perf_counter_ns()
        perf_counter_ns()


def spans(monitor: PerformanceMonitor, metadata: dict[str, str] | None = None) -> Block:
    """Enter and leave spans of one operation."""

    def block(count: int) -> None:
        for _ in repeat(None, count):
            with monitor.track("database.query", metadata):
                pass

    def plain_block(count: int) -> None:
        for _ in repeat(None, count):
            with monitor.track("database.query"):
                pass

    return block if metadata else plain_block


def calls(function: Callable[[], None]) -> Block:
    """Call a function."""

    def block(count: int) -> None:
        for _ in repeat(None, count):
            function()

    return block


def reused(manager: Callable[[], object]) -> Block:
    """Enter and leave what another library's function gives."""

    def block(count: int) -> None:
        for _ in repeat(None, count):
            with manager():  # type: ignore[attr-defined]
                pass

    return block


def own_cases() -> dict[str, Block]:
    """The cases of this package."""
    monitor = PerformanceMonitor()
    disabled = PerformanceMonitor(enabled=False)
    api = monitor.scope("api")

    def scoped(count: int) -> None:
        for _ in repeat(None, count):
            with api.track("users.list"):
                pass

    return {
        PAIR: clock_pair,
        "with monitor.track(name)": spans(monitor),
        "with scope.track(name)": scoped,
        "with track(name, metadata)": spans(monitor, {"table": "users"}),
        "decorator": calls(monitor.track_performance("decorated")(empty)),
        "ambient decorator": calls(track_performance("decorated")(empty)),
        "disabled: with": spans(disabled),
        "disabled: decorator": calls(disabled.track_performance("decorated")(empty)),
        "(call of an empty function)": calls(empty),
    }


def other_cases() -> dict[str, Block]:
    """The cases of other libraries; those not installed are left out, and it is said."""
    cases: dict[str, Block] = {}
    if prometheus := optional("prometheus_client"):
        histogram = prometheus.Histogram(
            "seconds", "An empty block", registry=prometheus.CollectorRegistry()
        )
        cases["prometheus_client: with Histogram.time()"] = reused(histogram.time)
    if codetiming := optional("codetiming"):
        cases["codetiming: with Timer(name)"] = reused(
            lambda: codetiming.Timer("empty", logger=None)
        )
    if optional("opentelemetry.sdk"):
        readers = [import_module("opentelemetry.sdk.metrics.export").InMemoryMetricReader()]
        metrics = import_module("opentelemetry.sdk.metrics").MeterProvider(metric_readers=readers)
        seconds = metrics.get_meter("overhead").create_histogram("seconds")
        attributes = {"operation": "empty"}
        tracer = import_module("opentelemetry.sdk.trace").TracerProvider().get_tracer("overhead")

        def record(count: int) -> None:
            for _ in repeat(None, count):
                seconds.record(0.001, attributes)

        cases["opentelemetry: Histogram.record"] = record
        cases["opentelemetry: start_as_current_span"] = reused(
            lambda: tracer.start_as_current_span("empty")
        )
    return cases


def optional(name: str) -> Any:
    """Import another library; None where it is not installed, which is said."""
    try:
        return import_module(name)
    except ImportError:
        print(f"{name} is not installed", file=sys.stderr)
        return None


def timed(block: Block, count: int) -> float:
    """Nanoseconds for each of `count` turns of the block."""
    start = perf_counter_ns()
    block(count)
    return (perf_counter_ns() - start) / count


def measure(cases: dict[str, Block], rounds: int) -> dict[str, list[float]]:
    """Let all cases take turns; nanoseconds per turn, by case and round."""
    sizes = {name: max(10, round(BLOCK_NS / timed(case, 2000))) for name, case in cases.items()}
    taken: dict[str, list[float]] = {name: [] for name in cases}
    order = list(cases)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            taken[name].append(timed(cases[name], sizes[name]))
    return taken


def main() -> None:
    """Measure, show, and keep the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="150 rounds instead of 600")
    parser.add_argument(
        "--json", type=Path, default=Path(__file__).parent / "results" / "overhead.json"
    )
    options = parser.parse_args()
    rounds = 150 if options.quick else 600
    taken = measure(own_cases() | other_cases(), rounds)

    figures = {}
    print(f"{'case':<44}{'ns':>8}{'x pair':>8}{'middle half':>18}{'target':>8}")
    for name, values in taken.items():
        ratios = [value / pair for value, pair in zip(values, taken[PAIR], strict=True)]
        low, middle, high = quantiles(ratios, n=4)
        target = TARGETS.get(name)
        figures[name] = {
            "median_ns": round(median(values), 1),
            "median_ratio": round(middle, 2),
            "quartiles_ratio": [round(low, 2), round(high, 2)],
            "target_ratio": target,
        }
        print(
            f"{name:<44}{median(values):>8.0f}{middle:>8.2f}{f'{low:.2f} - {high:.2f}':>18}"
            f"{target or '':>8}"
        )
    options.json.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "cpus": os.cpu_count(),
        "rounds": rounds,
        "figures": figures,
        "raw_ns": {name: [round(value, 1) for value in values] for name, values in taken.items()},
    }
    options.json.write_text(json.dumps(result) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
