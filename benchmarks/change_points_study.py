"""How often change points are found in noise, and in steps; Apache Otava on the same series.

    python benchmarks/change_points_study.py [--series N] [--suites N] [--quick] [--output FILE]

Series are simulated: logarithms of run-level figures with a spread of 5 % between runs, normal,
with a memory of 0 or 0.3 of the run before. Steps are 15 %, three spreads. Otava gets the figures
themselves and its own defaults, in an environment of its own under the temporary folder; where it
cannot be installed, its columns say so. Times are processor time of this process.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import numpy as np

from pytest_perfmon.stats.change_points import ChangePoint, change_points
from pytest_perfmon.verdicts.history import courses_of

SD: Final = 0.05
STEP: Final = 3 * SD
NOISE: Final = [(n, 0.0) for n in (10, 20, 30, 50, 100, 200)] + [
    (n, 0.3) for n in (30, 50, 100, 200)
]
STEPS: Final = [(n, after) for n in (30, 50, 100, 200) for after in (5, n // 2)]
SUITE: Final = 1000
SUITE_RUNS: Final = 30
TARGETS: Final = {"noise": 0.05, "memory": 0.08, "found": 0.90, "close": 0.80, "suite": 0.05}
SEED: Final = 20261124
OTAVA: Final = "apache-otava"
RESULT: Final = Path(__file__).parent / "results" / "change_points.json"

OTAVA_SCRIPT: Final = """\
import json, sys
from otava.analysis import compute_change_points
for line in sys.stdin:
    found, _ = compute_change_points(json.loads(line))
    print(json.dumps([int(one.index) for one in found]), flush=True)
"""

Values = list[float]


class Found(NamedTuple):
    """What ours and Otava's found in one series; None where Otava is not here."""

    ours: tuple[ChangePoint, ...]
    otava: list[int] | None


def noise(chance: np.random.Generator, n: int, rho: float = 0.0) -> Values:
    """Draw logarithms of figures without a change."""
    values = chance.normal(size=n + 50)
    for index in range(1, n + 50):
        values[index] += rho * values[index - 1]
    logs: Values = (SD * np.sqrt(1 - rho**2) * values[50:]).tolist()
    return logs


def step(chance: np.random.Generator, n: int, after: int) -> Values:
    """Draw independent ones of which the last `after` are higher by three spreads."""
    values = noise(chance, n)
    return [value + (STEP if index >= n - after else 0) for index, value in enumerate(values)]


def otava_python(tools: Path) -> Path | None:
    """Give the interpreter of an environment that has Otava; None where none can be made."""
    place = tools / OTAVA
    python = place / "bin" / "python"
    if not python.exists():
        venv.create(place, with_pip=True)
    command = [str(python), "-m", "pip", "install", "--quiet", OTAVA]
    installed = subprocess.run(command, check=False, capture_output=True)
    return None if installed.returncode else python


def otava_of(python: Path | None, series: Sequence[Values]) -> Iterator[list[int] | None]:
    """Give the positions that Otava finds in each series."""
    if python is None:
        yield from (None for _ in series)
        return
    lines = "".join(json.dumps([float(one) for one in np.exp(logs)]) + "\n" for logs in series)
    ended = subprocess.run(
        [str(python), "-W", "ignore", "-c", OTAVA_SCRIPT],
        input=lines,
        check=True,
        capture_output=True,
        text=True,
    )
    yield from map(json.loads, ended.stdout.splitlines())


def both(python: Path | None, series: Sequence[Values]) -> list[Found]:
    """Let both look at each series."""
    others = otava_of(python, series)
    return [Found(change_points(logs), other) for logs, other in zip(series, others, strict=True)]


def share(hits: Sequence[bool | None]) -> float | None:
    """Give the share of hits; None where nobody looked."""
    known = [hit for hit in hits if hit is not None]
    return round(sum(known) / len(known), 4) if known else None


def noise_study(python: Path | None, count: int, chance: np.random.Generator) -> list[Any]:
    """Count series without a change in which one is found."""
    rows = []
    for n, rho in NOISE:
        found = both(python, [noise(chance, n, rho) for _ in range(count)])
        ours = share([bool(one.ours) for one in found])
        otava = share([None if one.otava is None else bool(one.otava) for one in found])
        rows.append({"n": n, "rho": rho, "ours": ours, "otava": otava})
        print(f"noise n {n}, memory {rho}: ours {ours}, Otava {otava}", flush=True)
    return rows


def step_study(python: Path | None, count: int, chance: np.random.Generator) -> list[Any]:
    """Count steps that are found, those placed within one run, and ranges that hold them."""
    rows = []
    for n, after in STEPS:
        place = n - after
        found = both(python, [step(chance, n, after) for _ in range(count)])
        nearest = [
            min(one.ours, key=lambda change: abs(change.position - place))
            for one in found
            if one.ours
        ]
        others = [one.otava for one in found if one.otava is not None]
        row = {
            "n": n,
            "after": after,
            "ours": share([bool(one.ours) for one in found]),
            "ours_close": round(sum(abs(one.position - place) <= 1 for one in nearest) / count, 4),
            "range_holds_it": share([one.earliest <= place <= one.latest for one in nearest]),
            "range_runs": median([one.latest - one.earliest + 1 for one in nearest]),
            "otava": share([bool(one) for one in others]),
            "otava_close": share([any(abs(at - place) <= 1 for at in one) for one in others]),
        }
        rows.append(row)
        print(f"step n {n}, {after} after it: {row}", flush=True)
    return rows


def suite_study(suites: int, operations: int, chance: np.random.Generator) -> dict[str, Any]:
    """Count suites of so many operations of noise that are red, or find anything at all."""
    red, any_found, seconds = 0, 0, []
    for _ in range(suites):
        series = [np.exp(noise(chance, SUITE_RUNS)).tolist() for _ in range(operations)]
        started_s = time.process_time()
        courses = courses_of(series)
        seconds.append(time.process_time() - started_s)
        red += any(one.degraded for one in courses)
        any_found += any(one.ratio is not None for one in courses)
    row = {
        "suites": suites,
        "operations": operations,
        "runs": SUITE_RUNS,
        "red": red,
        "any_found": any_found,
        "seconds": round(median(seconds), 2),
    }
    print(f"suites: {row}", flush=True)
    return row


def time_study(chance: np.random.Generator) -> dict[str, float]:
    """Take the time of one series of 200: noise, a step, and three steps."""
    levels = {
        "noise": np.zeros(200),
        "a step": np.repeat([0.0, STEP], 100),
        "three steps": np.repeat([0.0, STEP, 2 * STEP, STEP], 50),
    }
    times: dict[str, float] = {}
    for name, level in levels.items():
        taken = []
        for _ in range(30):
            logs: Values = (level + noise(chance, 200)).tolist()
            started_s = time.process_time()
            change_points(logs)
            taken.append((time.process_time() - started_s) * 1000)
        times[name] = round(median(taken), 1)
    print(f"milliseconds a series of 200: {times}", flush=True)
    return times


def main() -> int:
    """Simulate, keep the results, and say whether each promise held."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=1000, help="of each kind")
    parser.add_argument("--suites", type=int, default=60, help="of 1,000 operations")
    parser.add_argument("--quick", action="store_true", help="few series, no Otava")
    parser.add_argument("--output", type=Path, default=RESULT)
    tools = Path(tempfile.gettempdir()) / "perfmon-tools"
    parser.add_argument("--tools", type=Path, default=tools, help="where Otava is installed")
    chosen = parser.parse_args()
    count, suites, operations = chosen.series, chosen.suites, SUITE
    if chosen.quick:
        count, suites, operations = 10, 1, 100
    python = None if chosen.quick else otava_python(chosen.tools)
    chance = np.random.default_rng(SEED)
    data = {
        "python": platform.python_version(),
        "series": count,
        "otava": python is not None,
        "ms": time_study(chance),
        "noise": noise_study(python, count, chance),
        "steps": step_study(python, count, chance),
        "suite": suite_study(suites, operations, np.random.default_rng([SEED, 1])),
        "targets": TARGETS,
    }
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
