"""How often interleaved comparisons are wrong, and what they find: a live study with its peers.

Twelve small functions (benchmarks/workloads) are compared with themselves, with edits that mean
nothing, and with some of them made slower or faster at once, each by a share that was calibrated
beforehand by interleaved timing. One measurement runs at a time; a result is kept at once, so that
a study may be ended at any moment and continued by starting it again. Every tool has an
environment of its own, made on first use.

    python benchmarks/error_rates.py --mode aa --runs 300 [--minutes 60] [--output FILE]
    python benchmarks/error_rates.py --table
    python benchmarks/error_rates.py --quick

Modes: aa, loaded (the same with the other core busy), edits, inject, p95, fifty, plugins (the
interleaved comparison), peers (pytest-benchmark at its defaults and, where it can be installed,
pyperf).
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import error_rates_tools as tools
from error_rates_table import markdown

RESULT = Path(__file__).parent / "results" / "error_rates.json"
METHOD = 2  # raised when blocks are made otherwise; 1 made 16 slices a side, by slower workers
SIZES = (0.05, 0.10, 0.05, 0.10, -0.10)
EDITS = ("unused function", "unused import", "renamed file")
CALIBRATION_PAIRS = 2000
QUICK_PAIRS = 20
QUICK_BLOCKS = "--perf-blocks=2"
PYPERF_RUNS = 6
TWELVE, FIFTY = "perf_twelve.py", "perf_fifty.py"


class Results:
    """The raw results in one JSON file, a run a line, written anew after each.

    Args:
        path: the file; what it holds is continued.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.truths: dict[str, tools.Truth] = {}
        self.runs: list[dict[str, Any]] = []
        if path.exists():
            data = json.loads(path.read_text(encoding="utf-8"))
            self.runs = data["runs"]
            self.truths = {name: tools.Truth(**one) for name, one in data["truths"].items()}

    def count(self, mode: str) -> int:
        """Say how many runs of a mode there are, by the method of today."""
        return sum(run["mode"] == mode and run.get("method", 1) == METHOD for run in self.runs)

    def add(self, mode: str, **facts: Any) -> None:
        """Keep one run."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.runs.append({"mode": mode, "method": METHOD, "time": now, **facts})
        self.save()

    def save(self) -> None:
        """Write all that is known, by way of a second file."""
        head = {
            "benchmark": "error_rates",
            "python": platform.python_version(),
            "platform": platform.platform(),
            "truths": {name: asdict(one) for name, one in self.truths.items()},
        }
        lines = ",\n".join(json.dumps(run, separators=(",", ":")) for run in self.runs)
        text = json.dumps(head)[:-1] + f', "runs": [\n{lines}\n]}}\n'
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".new")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(self._path)


class Study:
    """One measurement after another, of all modes.

    Args:
        results: where they are kept.
        folder: for environments and repositories; used again by the next study.
        quick: few blocks, short calibration, the interpreter at hand: to see that it works.
    """

    def __init__(self, results: Results, folder: Path, *, quick: bool) -> None:
        self.results = results
        self._folder = folder
        self._quick = quick
        self._options = [QUICK_BLOCKS] if quick else []
        self._names = list(tools.functions()["FUNCTIONS"])[:12]
        self._repository: tools.Repository | None = None
        self.modes: dict[str, Callable[[int], None]] = {
            "aa": self._unchanged,
            "loaded": self._unchanged_under_load,
            "edits": self._meaningless_edit,
            "inject": self._injected,
            "p95": self._tail,
            "fifty": self._fifty,
            "plugins": self._among_plugins,
            "peers": self._peers,
        }

    def _fresh_repository(self) -> tools.Repository:
        if self._repository is None:
            self._repository = tools.Repository(self._folder / "repository")
        self._repository.restore()
        return self._repository

    def _python(self, tool: str) -> Path:
        return Path(sys.executable) if self._quick else tools.python_of(tool, self._folder)

    def _compare(
        self, repository: tools.Repository, *options: str, tests: str = TWELVE, tool: str = "duet"
    ) -> dict[str, Any]:
        python = self._python(tool)
        return tools.duet(python, repository, tests, [*self._options, *options])

    def _unchanged(self, number: int) -> None:
        repository, facts = self._fresh_repository(), {}
        if number % 10 == 0:
            facts["start"] = tools.plain_start(self._python("duet"), repository, TWELVE)
        self.results.add("aa", **facts, **self._compare(repository))

    def _unchanged_under_load(self, _: int) -> None:
        repository = self._fresh_repository()
        with tools.load():
            self.results.add("loaded", **self._compare(repository))

    def _meaningless_edit(self, number: int) -> None:
        repository, edit = self._fresh_repository(), EDITS[number % len(EDITS)]
        {
            "unused function": repository.add_unused_function,
            "unused import": repository.add_unused_import,
            "renamed file": repository.rename_file,
        }[edit]()
        self.results.add("edits", edit=edit, **self._compare(repository))

    def _injected(self, number: int) -> None:
        if not self.results.truths:
            self.results.truths = tools.calibrate(QUICK_PAIRS if self._quick else CALIBRATION_PAIRS)
        repository, injected = self._fresh_repository(), {}
        for place, size in enumerate(SIZES):
            target = self._names[(number + place * len(self._names) // len(SIZES)) % 12]
            truth = self.results.truths[target]
            extra = truth.extra(size)
            repository.change_steps(target, truth.steps + extra)
            injected[target] = {"size": size, "truth": round(truth.ratio(extra), 5)}
        self.results.add("inject", injected=injected, **self._compare(repository))

    def _tail(self, number: int) -> None:
        target = self._names[number % len(self._names)]
        repository = tools.Repository(self._folder / "repository-p95")
        repository.lengthen_tail(target)
        found = self._compare(repository, "--perf-statistic=p95", "-k", f"[{target}]")
        self.results.add("p95", **found)

    def _fifty(self, _: int) -> None:
        repository = self._fresh_repository()
        start = tools.plain_start(self._python("duet"), repository, FIFTY)
        self.results.add("fifty", start=start, **self._compare(repository, tests=FIFTY))

    def _among_plugins(self, _: int) -> None:
        repository = self._fresh_repository()
        start = tools.plain_start(self._python("plugins"), repository, TWELVE)
        self.results.add("plugins", start=start, **self._compare(repository, tool="plugins"))

    def _peers(self, number: int) -> None:
        python = self._python("pytest-benchmark")
        folder = self._folder / "peers"
        if number == 0:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        options = [] if not self._quick else ["--benchmark-max-time=0.01"]
        if number == 0:
            options += ["--benchmark-save=first"]
        elif number == 1:  # by its own option, to see that the rule applied to pairs is the same
            options += ["--benchmark-compare=0001", "--benchmark-compare-fail"]
            options += [f"{field}:{limit}%" for field in tools.FIELDS for limit in tools.LIMITS]
        measured = tools.pytest_benchmark(python, folder, options)
        self.results.add("peers", asked=number == 1, **measured)
        if number < PYPERF_RUNS and not self._quick:
            self._pyperf(number, folder)

    def _pyperf(self, number: int, folder: Path) -> None:
        try:
            python = tools.python_of("pyperf", self._folder)
        except RuntimeError as error:
            print(f"without pyperf: {error}", file=sys.stderr)
            return
        measured = tools.pyperf(python, folder, number)
        new = measured["file"]
        names = [run["file"] for run in self.results.runs if run["mode"] == "pyperf"]
        pairs = [pair for old in names for pair in ((old, new), (new, old))]
        slower = {
            str(limit): [tools.pyperf_slower(python, folder, *pair, limit) for pair in pairs]
            for limit in tools.LIMITS
        }
        self.results.add("pyperf", slower=slower, **measured)

    def run(self, mode: str, runs: int, minutes: float) -> None:
        """Make runs of a mode until there are so many, or the time is over."""
        deadline = time.monotonic() + minutes * 60
        while (number := self.results.count(mode)) < runs and time.monotonic() < deadline:
            self.modes[mode](number)
            print(f"{mode}: {number + 1} of {runs}", file=sys.stderr, flush=True)


def main() -> int:
    """Run what was asked for, or print the table of what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    modes = ["aa", "loaded", "edits", "inject", "p95", "peers", "fifty", "plugins"]
    parser.add_argument("--mode", choices=modes, action="append", help="may be repeated")
    parser.add_argument("--runs", type=int, default=10, help="of each mode, earlier ones included")
    parser.add_argument("--minutes", type=float, default=60.0, help="for each mode")
    parser.add_argument("--table", action="store_true", help="print the results as Markdown")
    parser.add_argument("--quick", action="store_true", help="few blocks, short calibration")
    parser.add_argument("--output", type=Path, default=RESULT, help="the raw results")
    kept = Path(tempfile.gettempdir()) / "perfmon-error-rates"
    parser.add_argument("--tools", type=Path, default=kept, help="environments and repositories")
    chosen = parser.parse_args()
    if chosen.quick and chosen.output == RESULT:
        parser.error("--quick needs an --output of its own: its figures mean nothing")
    results = Results(chosen.output)
    if not chosen.table:
        if not chosen.mode:
            parser.error("expected --mode or --table")
        chosen.tools.mkdir(parents=True, exist_ok=True)
        study = Study(results, chosen.tools, quick=chosen.quick)
        for mode in chosen.mode:
            study.run(mode, chosen.runs, chosen.minutes)
    print(markdown(results.runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
