"""What a run without perf tests pays for the plugin: start-up with it against `-p no:perfmon`.

Both sides run `pytest` on a file with one ordinary test, in pairs whose order is drawn anew, with
bytecode written beforehand and every other plugin that is installed here blocked. Reported are
the medians over pairs of the differences in wall-clock and in processor time, and the difference
of the fastest starts, which a busy machine disturbs least. The package has to be installed, since
it is its entry point that costs.

    python benchmarks/startup.py [--quick] [--output FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import entry_points, version
from pathlib import Path

PAIRS = 20
QUICK_PAIRS = 4
TARGET_MS = 5.0
RESULT = Path(__file__).parent / "results" / "startup.json"
# some containers forbid bytecode, and then every start compiles everything
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}
INSTALLED = {plugin.name for plugin in entry_points(group="pytest11")}
SIDES = {
    "on": [f"-pno:{name}" for name in sorted(INSTALLED - {"perfmon"})],
    "off": [f"-pno:{name}" for name in sorted(INSTALLED)],
}


def childrens_processor_ms() -> float:
    """Give the processor time of all children that have ended; 0 where there is no such count."""
    if sys.platform == "win32":
        return 0.0
    import resource  # noqa: PLC0415 - POSIX only

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e3


def start(folder: Path, options: list[str]) -> tuple[float, float]:
    """Run pytest once; gives wall-clock and processor milliseconds (0 on Windows)."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "."]
    processor, wall = childrens_processor_ms(), time.perf_counter_ns()
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
    wall_ms = (time.perf_counter_ns() - wall) / 1e6
    return wall_ms, childrens_processor_ms() - processor


def measure(pairs: int) -> dict[str, list[tuple[float, float]]]:
    """Run so many interleaved pairs, after one run of each side that writes the bytecode."""
    order = random.Random(1)
    figures: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_plain.py").write_text("def test_it():\n    assert True\n", encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        for options in SIDES.values():
            start(folder, options)
        for _ in range(pairs):
            for side in order.sample(list(SIDES), len(SIDES)):
                figures[side].append(start(folder, SIDES[side]))
    return figures


def main() -> int:
    """Measure, print the differences, keep the raw figures; 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_PAIRS} pairs")
    parser.add_argument("--output", type=Path, default=RESULT, help="where the JSON goes")
    chosen = parser.parse_args()
    if "perfmon" not in INSTALLED:
        parser.error("the package is not installed here, so pytest would not load it")

    figures = measure(QUICK_PAIRS if chosen.quick else PAIRS)
    pairs = list(zip(figures["on"], figures["off"], strict=True))
    wall = [on[0] - off[0] for on, off in pairs]
    processor = [on[1] - off[1] for on, off in pairs]
    result = {
        "benchmark": "startup",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "pytest": version("pytest"),
        "pairs": len(pairs),
        "target_ms": TARGET_MS,
        "median_wall_difference_ms": round(statistics.median(wall), 3),
        "median_processor_difference_ms": round(statistics.median(processor), 3),
        "fastest_wall_difference_ms": round(
            min(on[0] for on, _ in pairs) - min(off[0] for _, off in pairs), 3
        ),
        "median_wall_ms": {
            side: round(statistics.median(one[0] for one in runs), 3)
            for side, runs in figures.items()
        },
        "raw_wall_and_processor_ms": figures,
    }
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(
        f"start-up with the plugin, median of {len(pairs)} pairs:"
        f" {result['median_wall_difference_ms']:+} ms wall clock,"
        f" {result['median_processor_difference_ms']:+} ms processor,"
        f" {result['fastest_wall_difference_ms']:+} ms between the fastest"
        f" (target: at most {TARGET_MS} ms wall clock)"
    )
    return 0 if statistics.median(wall) <= TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
