"""A suite that nobody here wrote: graphql-core's own benchmarks, measured through `perf_monitor`.

Its source distribution is downloaded into a virtual environment of its own; a small conftest makes
the suite's `benchmark` fixture the plugin's. The suite then runs plainly, is saved three times and
compared with what was saved. Last, `timeit` times the same callables in the same processes for as
long before each measurement as after it. Both its medians are kept and pooled into one figure,
which agrees where it lies inside the 95 % interval that the run states for the median. Where the
two medians differ by more than that interval is wide, the machine drifted and nothing is said.

timeit's figure has an error too: were all calls independent and equally many made by each of the
three, some 89 % of the steady functions would agree.

    python benchmarks/foreign_suite.py [--quick] [--work DIR] [--output FILE]

Exit code 75 says that the suite or what it needs could not be installed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

VERSION = "3.2.6"
SUITE = f"graphql_core-{VERSION}"
SAVES = 3
UNAVAILABLE = 75
QUICK = "test_parse_kitchen_sink or test_many_repeated_fields or test_execute_basic_sync"
ROOT = Path(__file__).resolve().parents[1]
RESULT = Path(__file__).parent / "results" / "foreign_suite.json"

CONFTEST = '''\
"""Let the suite's own `benchmark` fixture measure through pytest-perfmon."""

import pytest


@pytest.fixture
def benchmark(perf_monitor):
    return perf_monitor
'''
CONFTEST_BESIDE_TIMEIT = '''\
"""As the plain conftest, with timeit run before and after, on the same callable."""

import json
import os
import statistics
import timeit

import pytest

SECONDS = float(os.environ["FOREIGN_SECONDS"])


def timed(call):
    timer = timeit.Timer(call)
    longest = max(timer.repeat(3, 1))
    return [one * 1e9 for one in timer.repeat(min(5000, max(20, int(SECONDS / longest))), 1)]


@pytest.fixture
def benchmark(perf_monitor, request):
    def measure(call):
        before = timed(call)
        result = perf_monitor(call)
        after = timed(call)
        line = {
            "nodeid": request.node.nodeid,
            "before_ns": statistics.median(before),
            "after_ns": statistics.median(after),
            "pooled_ns": statistics.median(before + after),
            "calls": len(before) + len(after),
        }
        with open(os.environ["FOREIGN_TIMEIT"], "a", encoding="utf-8") as file:
            print(json.dumps(line), file=file)
        return result

    return measure
'''


class UnavailableError(Exception):
    """The suite, or what it needs, could not be installed."""


@dataclass(frozen=True, slots=True)
class Beside:
    """One function's figures, in nanoseconds: what timeit says, and what the run states.

    Attributes:
        nodeid: the test.
        before_ns, after_ns: timeit's medians around the measurement.
        pooled_ns: timeit's median of all its calls.
        median_ns: the run's.
        low_ns, high_ns: the run's 95 % interval of the median.
    """

    nodeid: str
    before_ns: float
    after_ns: float
    pooled_ns: float
    median_ns: float
    low_ns: float
    high_ns: float

    @property
    def steady(self) -> bool:
        """Whether timeit agrees with itself, to within the width of the stated interval."""
        return abs(self.after_ns - self.before_ns) <= self.high_ns - self.low_ns

    @property
    def agrees(self) -> bool:
        """Whether timeit's figure lies inside the stated interval."""
        return self.low_ns <= self.pooled_ns <= self.high_ns


def install(command: list[str]) -> None:
    """Run a step of the installation.

    Raises:
        UnavailableError: where it fails, with what it printed.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def prepare(work: Path) -> tuple[Path, Path]:
    """Give the unpacked suite and the Python that runs it; what `work` already holds is reused.

    Raises:
        UnavailableError: where something cannot be downloaded or installed.
    """
    suite, venv = work / SUITE, work / "venv"
    python = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ready = work / "ready"
    if not ready.exists():
        install([sys.executable, "-m", "venv", str(venv)])
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
        requirement = f"graphql-core=={VERSION}"
        download = ["download", "--no-deps", "--no-binary", "graphql-core", "--dest", str(work)]
        install([*pip, *download, requirement])
        with tarfile.open(work / f"{SUITE}.tar.gz") as archive:
            archive.extractall(work, filter="data")
        install([*pip, "install", "--editable", str(ROOT)])
        install([*pip, "install", "--no-deps", str(suite)])
        ready.touch()
    return suite, python


@dataclass(frozen=True, slots=True)
class Driver:
    """Runs the suite.

    Attributes:
        suite: the unpacked source distribution.
        python: what runs it.
        results: an empty directory for stores and reports.
        quick: three functions, a fifth of a second each.
    """

    suite: Path
    python: Path
    results: Path
    quick: bool

    @property
    def seconds(self) -> float:
        """The cap on one measurement, and about what timeit takes before and after it."""
        return 0.2 if self.quick else 1.0

    def pytest(self, conftest: str, *options: str, **environment: str) -> tuple[int, str]:
        """Run the suite under a conftest; gives the exit code and the output."""
        (self.suite / "tests/benchmarks/conftest.py").write_text(conftest, encoding="utf-8")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("COV", "PERFMON", "PYTEST"))
        }
        plain = ["-m", "pytest", "tests/benchmarks", "-o", "addopts=", "-p", "no:cacheprovider"]
        chosen = ["-k", QUICK] if self.quick else []
        done = subprocess.run(
            [str(self.python), *plain, *chosen, *options],
            cwd=self.suite,
            env=inherited | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def measured(self, store: str) -> list[str]:
        """Give the options of every measuring run."""
        return [f"--perf-max-time={self.seconds:g}s", f"--perf-store={self.results / store}"]

    def plain(self) -> dict[str, Any]:
        """Run each body once."""
        code, output = self.pytest(CONFTEST)
        passed = re.search(r"(\d+) passed", output)
        return {"exit_code": code, "passed": int(passed[1]) if passed else 0}

    def save(self) -> list[int]:
        """Save the runs of the baseline; gives the exit codes."""
        options = [*self.measured("store"), "--perf-save-baseline"]
        return [self.pytest(CONFTEST, *options)[0] for _ in range(SAVES)]

    def compare(self) -> dict[str, Any]:
        """Judge a run against the baseline; gives how many verdicts ended in each outcome."""
        report = self.results / "compared.json"
        code, _ = self.pytest(
            CONFTEST, *self.measured("store"), "--perf-budgets", f"--perf-json={report}"
        )
        verdicts = [verdict for test in tests_of(report) for verdict in test["verdicts"]]
        return {
            "exit_code": code,
            "outcomes": dict(Counter(verdict["outcome"] for verdict in verdicts)),
            "headlines": [verdict["headline"] for verdict in verdicts],
        }

    def beside_timeit(self) -> list[Beside]:
        """Measure with timeit beside; functions without an interval of the median are left out."""
        report, lines = self.results / "beside.json", self.results / "timeit.jsonl"
        options = ["--perf-save-baseline", f"--perf-json={report}"]
        self.pytest(
            CONFTEST_BESIDE_TIMEIT,
            *self.measured("beside"),
            *options,
            FOREIGN_TIMEIT=str(lines),
            FOREIGN_SECONDS=str(self.seconds),
        )
        if not lines.exists():
            return []
        timed = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
        return put_together(timed, tests_of(report))


def tests_of(report: Path) -> list[dict[str, Any]]:
    """Give the tests in a JSON report; none where the run did not get to write it."""
    if not report.exists():
        return []
    return list(json.loads(report.read_text(encoding="utf-8"))["tests"])


def put_together(timed: list[dict[str, Any]], tests: list[dict[str, Any]]) -> list[Beside]:
    """Put timeit's figures beside those of the same tests in a report."""
    measured = {test["nodeid"]: test["operations"] for test in tests}
    together = []
    for line in timed:
        for operation in measured.get(line["nodeid"], ()):
            low, high = operation["intervals_ns"].get("median", (None, None))
            if low is not None and high is not None:
                figures = [line[name] for name in ("before_ns", "after_ns", "pooled_ns")]
                median = operation["median_ns"]
                together.append(Beside(line["nodeid"], *figures, median, low, high))
    return together


def show(rows: list[Beside]) -> None:
    """Print timeit's figures beside the run's, in microseconds."""
    print(f"{'us':40}{'before':>10}{'after':>10}{'median':>10}{'95 % interval':>22}  timeit")
    for row in rows:
        word = "drifted" if not row.steady else "agrees" if row.agrees else "differs"
        interval = f"{row.low_ns / 1e3:.1f}-{row.high_ns / 1e3:.1f}"
        print(
            f"{row.nodeid.rpartition('::')[2]:40}{row.before_ns / 1e3:10.1f}"
            f"{row.after_ns / 1e3:10.1f}{row.median_ns / 1e3:10.1f}{interval:>22}  {word}"
        )


def drive(driver: Driver) -> dict[str, Any]:
    """Do all that this script is for; gives the result as plain data."""
    plain, saved, compared = driver.plain(), driver.save(), driver.compare()
    rows = driver.beside_timeit()
    steady = [row for row in rows if row.steady]
    agreeing = sum(row.agrees for row in steady)
    print(f"plain run: {plain['passed']} passed, exit code {plain['exit_code']}")
    print(f"saved {SAVES} times, exit codes {saved}")
    print(f"compared: {compared['outcomes']}, exit code {compared['exit_code']}")
    show(rows)
    print(f"timeit agrees on {agreeing} of {len(steady)} steady functions, of {len(rows)} in all")
    return {
        "benchmark": "foreign_suite",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "suite": f"graphql-core {VERSION}",
        "quick": driver.quick,
        "plain": plain,
        "saves": saved,
        "compared": compared,
        "functions": len(rows),
        "steady": len(steady),
        "agreeing": agreeing,
        "beside_timeit": [
            {**asdict(row), "steady": row.steady, "agrees": row.agrees} for row in rows
        ],
    }


def main() -> int:
    """Drive the suite, keep the figures; 1 where a run that should be green was not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="three functions, 200 ms each")
    parser.add_argument("--work", type=Path, help="directory to install into and to reuse")
    parser.add_argument("--output", type=Path, default=RESULT, help="where the JSON goes")
    chosen = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        work = chosen.work.resolve() if chosen.work else temporary / "work"
        results = temporary / "results"
        work.mkdir(parents=True, exist_ok=True)
        results.mkdir()
        try:
            suite, python = prepare(work)
        except UnavailableError as error:
            print(error, file=sys.stderr)
            return UNAVAILABLE
        result = drive(Driver(suite, python, results, chosen.quick))
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    codes = [result["plain"]["exit_code"], *result["saves"], result["compared"]["exit_code"]]
    return 0 if not any(codes) and result["functions"] == result["plain"]["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
