"""How often judging by stored runs is wrong, and what it finds, beside the rules of other tools.

Runs of the twelve functions of `benchmarks/workloads` are collected over hours, quiet and loaded,
with nothing changed between them. Of each the figures are kept that a stored run has, those of a
second measurement of every function in a fresh process a moment later, which is how a suspect is
measured again, and what pytest-benchmark at its defaults says of the functions in the same minute.
Everything else is resampling: k runs in a row stand for a baseline, a later one for the run that
is judged.

    python benchmarks/baseline_study.py --collect 60 --minutes 240 [--loaded] [--output FILE]
    python benchmarks/baseline_study.py --table

`--collect` adds so many runs, spread evenly over the minutes; a run takes about one. One study
collects at a time. Every run is kept at once, so that a study may be ended at any moment.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import error_rates_tools as tools
from baseline_study_table import markdown, summarise

RESULT = Path(__file__).parent / "results" / "baseline_study.json"
TESTS = "perf_twelve.py"
QUICK = ["--perf-max-time=5ms", "--second-looks-pause=0", "-k", "[sort]"]
QUICK_PEER = ["--benchmark-max-time=0.01", "-k", "[sort]"]
TRIALS, QUICK_TRIALS = 500, 20
FEWEST_RUNS = 2

Run = dict[str, Any]


class Collection:
    """The runs in one JSON file, one a line, written anew after each.

    Args:
        path: the file; what it holds is continued.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.runs: list[Run] = []
        self.summary: list[dict[str, Any]] = []
        if path.exists():
            data = json.loads(path.read_text(encoding="utf-8"))
            self.runs, self.summary = data["runs"], data.get("summary", [])

    def save(self) -> None:
        """Write all that is known, by way of a second file."""
        head = {
            "benchmark": "baseline_study",
            "python": platform.python_version(),
            "platform": platform.platform(),
            "summary": self.summary,
        }
        lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in self.runs)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".new")
        unfinished.write_text(json.dumps(head)[:-1] + f', "runs": [\n{lines}\n]}}\n', "utf-8")
        unfinished.replace(self._path)


class Collector:
    """Makes runs, one at a time.

    Args:
        folder: for environments; used again by the next study.
        loaded: keep another core busy meanwhile.
        quick: one function, for a moment, by the interpreter at hand: to see that it works.
    """

    def __init__(self, folder: Path, *, loaded: bool, quick: bool) -> None:
        self._folder = folder
        self._loaded = loaded
        self._quick = quick
        self._python = Path(sys.executable) if quick else tools.python_of("duet", folder)
        self._peer = tools.python_of("pytest-benchmark", folder)

    def run(self) -> Run:
        """Measure everything once; gives the figures of each function, nanoseconds.

        Raises:
            RuntimeError: a tool ended otherwise than it should, with what it said.
        """
        begun, start, load = datetime.now(UTC), time.monotonic(), os.getloadavg()[0]
        with tools.load() if self._loaded else nullcontext():
            first, second = self._twice()
            peer = tools.pytest_benchmark(self._peer, self._folder, QUICK_PEER * self._quick)
        return {
            "condition": "loaded" if self._loaded else "quiet",
            "time": begun.isoformat(timespec="seconds"),
            "load": round(load, 2),
            "seconds": round(time.monotonic() - start, 1),
            "first": first,
            "second": second,
            "pytest-benchmark": {
                name: round(1e9 * one["median"], 1) for name, one in peer["figures"].items()
            },
        }

    def _twice(self) -> tuple[Run, Run]:
        reports = self._folder / "reports"
        shutil.rmtree(reports, ignore_errors=True)
        reports.mkdir()
        report = reports / "first.json"
        command: list[str | Path] = [self._python, "-m", "pytest", "-q", TESTS]
        command += ["-p", "no:cacheprovider"]
        command += ["--perf-save-baseline", f"--perf-store={reports / 'store'}"]
        command += [f"--perf-json={report}", "-p", "second_looks", f"--second-looks={reports}"]
        command += QUICK * self._quick
        tools.checked(tools.run(command, tools.WORKLOADS))
        first, second = _figures(report), Run()
        for number in range(len(first)):
            second |= _figures(reports / f"{number}.json")
        return first, second


def _figures(report: Path) -> dict[str, list[float | None]]:
    """Give median, p95 and the control's reading of each function in a report."""
    return {
        test["nodeid"].partition("[")[2].removesuffix("]"): [
            figure and round(figure, 1)
            for figure in (operation[f"{name}_ns"] for name in ("median", "p95", "control"))
        ]
        for test in json.loads(report.read_text(encoding="utf-8"))["tests"]
        for operation in test["operations"]
    }


def collect(collection: Collection, collector: Collector, runs: int, minutes: float) -> None:
    """Add so many runs, each at its own moment of the minutes, or later where one took longer."""
    start, apart = time.monotonic(), minutes * 60 / runs
    for number in range(runs):
        time.sleep(max(0.0, start + number * apart - time.monotonic()))
        collection.runs.append(collector.run())
        collection.save()
        print(f"{number + 1} of {runs}, {len(collection.runs)} in all", file=sys.stderr, flush=True)


def main() -> int:
    """Collect what was asked for; resample what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--collect", type=int, metavar="RUNS", help="add so many runs")
    parser.add_argument("--minutes", type=float, default=0.0, help="over which they are spread")
    parser.add_argument("--loaded", action="store_true", help="with another core busy")
    parser.add_argument("--table", action="store_true", help="resample, print as Markdown")
    parser.add_argument("--quick", action="store_true", help="one function, for a moment")
    parser.add_argument("--output", type=Path, default=RESULT, help="the collected runs")
    kept = Path(tempfile.gettempdir()) / "perfmon-baseline-study"
    parser.add_argument("--tools", type=Path, default=kept, help="environments")
    chosen = parser.parse_args()
    if chosen.quick and chosen.output == RESULT:
        parser.error("--quick needs an --output of its own: its figures mean nothing")
    if not chosen.collect and not chosen.table:
        parser.error("expected --collect or --table")
    collection = Collection(chosen.output)
    if chosen.collect:
        chosen.tools.mkdir(parents=True, exist_ok=True)
        collector = Collector(chosen.tools, loaded=chosen.loaded, quick=chosen.quick)
        collect(collection, collector, chosen.collect, chosen.minutes)
    if chosen.table:
        if len(collection.runs) < FEWEST_RUNS:
            parser.error(f"--table of {len(collection.runs)} runs: expected {FEWEST_RUNS} or more")
        summary = summarise(collection.runs, QUICK_TRIALS if chosen.quick else TRIALS)
        collection = Collection(chosen.output)  # read again: runs may have been added meanwhile
        collection.summary = summary
        collection.save()
        print(markdown(collection.summary, collection.runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
