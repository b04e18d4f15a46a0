"""What the study of error rates runs: environments, a repository, each tool once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import runpy
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WORKLOADS = Path(__file__).resolve().parent / "workloads"
FIELDS = ("min", "median", "mean")
LIMITS = (5, 10)
PLUGINS = ["pytest-cov", "pytest-xdist", "pytest-mock", "pytest-asyncio", "pytest-timeout"]
PLUGINS += ["pytest-randomly", "pytest-rerunfailures", "pytest-html", "hypothesis", "anyio"]
REQUIREMENTS = {
    "duet": [str(ROOT)],
    "plugins": [str(ROOT), *PLUGINS],
    "pytest-benchmark": ["pytest", "pytest-benchmark", "numpy"],
    "pyperf": ["pyperf", "numpy"],
}
_SKIPPED = {"PYTEST_ADDOPTS", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "VIRTUAL_ENV"}
_SKIPPED |= {"PYTEST_XDIST_WORKER"}  # under it pytest-benchmark measures nothing
_RED = re.compile(r"(\w+)\[(\w+)\].*Field '(\w+)' has failed PercentageRegressionCheck.*> (\d+)\.")
_SLOWER = re.compile(r"^(\w+): .*x slower", re.MULTILINE)
_TAIL = '''

_uneven_calls = iter(range(10**12))
_even = {name}


def {name}() -> float:
    """Do the work; in the candidate, 6 of 100 calls do it three times."""
    for _ in range({extra} if next(_uneven_calls) % 50 in (0, 17, 34) else 0):
        _even()
    return _even()


FUNCTIONS["{name}"] = {name}
'''


@dataclass(frozen=True, slots=True)
class Truth:
    """How the time of one function grows with its number of steps.

    Attributes:
        steps: as the table has it.
        slope: share by which the time grows where the steps are doubled.
    """

    steps: int
    slope: float

    def extra(self, share: float) -> int:
        """Say how many steps make the function slower by that share."""
        return round(share * self.steps / self.slope)

    def ratio(self, extra: int) -> float:
        """Say by which share the function is slower with so many steps more."""
        return extra * self.slope / self.steps


@dataclass(frozen=True, slots=True)
class Ended:
    """A tool's run: exit code, output, wall-clock seconds."""

    code: int
    output: str
    seconds: float


def run(command: Sequence[str | Path], cwd: Path, cache: Path | None = None) -> Ended:
    """Run a command to its end in a plain environment."""
    environment = {name: value for name, value in os.environ.items() if name not in _SKIPPED}
    if cache is not None:
        environment["XDG_CACHE_HOME"] = str(cache)
    start = time.perf_counter()
    ended = subprocess.run(
        command, cwd=cwd, env=environment, check=False, capture_output=True, text=True
    )
    return Ended(ended.returncode, ended.stdout + ended.stderr, time.perf_counter() - start)


def checked(ended: Ended, allowed: Sequence[int] = (0,)) -> Ended:
    """Give the run back where its exit code is allowed.

    Raises:
        RuntimeError: otherwise, with what the tool said.
    """
    if ended.code not in allowed:
        raise RuntimeError(f"a tool ended with {ended.code}: {ended.output[-2000:]}")
    return ended


def python_of(tool: str, folder: Path) -> Path:
    """Give the interpreter of that tool's environment, which is made or renewed where needed."""
    home = folder / f"venv-{tool}"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    state = hashlib.sha256(" ".join([sys.version, *REQUIREMENTS[tool]]).encode())
    if str(ROOT) in REQUIREMENTS[tool]:
        for path in sorted((ROOT / "pytest_perfmon").rglob("*.py")):
            state.update(path.read_bytes())
    stamp = home / "stamp"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != state.hexdigest():
        shutil.rmtree(home, ignore_errors=True)
        checked(run([sys.executable, "-m", "venv", home], folder))
        checked(run([python, "-m", "pip", "install", "-q", *REQUIREMENTS[tool]], folder))
        stamp.write_text(state.hexdigest(), encoding="utf-8")
    return python


def functions() -> dict[str, Any]:
    """Give the names that the table of functions defines."""
    return runpy.run_path(str(WORKLOADS / "functions.py"))


def calibrate(pairs: int) -> dict[str, Truth]:
    """Find out what a step of each function costs, by interleaved timing with twice the steps."""
    defined, chance = functions(), Random(11)
    truths = {}
    for name, function in defined["FUNCTIONS"].items():
        steps, ratios = defined[name.upper()], []
        for _ in range(pairs):
            taken = {}
            for count in chance.sample((steps, 2 * steps), 2):
                start = time.perf_counter_ns()
                function(count)
                taken[count] = time.perf_counter_ns() - start
            ratios.append(math.log(taken[2 * steps] / taken[steps]))
        truths[name] = Truth(steps, math.expm1(median(ratios)))
    return truths


class Repository:
    """A git repository of the functions and our perf tests, whose working tree gets edited.

    Args:
        folder: where it is made; an older one is replaced.
    """

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(WORKLOADS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
        self.folder = folder
        self._source = folder / "functions.py"
        self._git("init", "-q")
        self._commit()

    def _git(self, *arguments: str) -> None:
        who = ("-c", "user.name=study", "-c", "user.email=study@example.org")
        checked(run(["git", *who, *arguments], self.folder))

    def _commit(self) -> None:
        self._git("add", ".")
        self._git("commit", "-q", "-m", "baseline")

    def restore(self) -> None:
        """Make the working tree the commit again."""
        self._git("checkout", "-q", "--", ".")
        self._git("clean", "-fdq")

    def _edit(self, pattern: str, replacement: str) -> None:
        text = self._source.read_text(encoding="utf-8")
        edited, count = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
        assert count == 1
        self._source.write_text(edited, encoding="utf-8")

    def change_steps(self, name: str, steps: int) -> None:
        """Let a function do another number of steps."""
        self._edit(rf"^{name.upper()} = \d+$", f"{name.upper()} = {steps}")

    def add_unused_function(self) -> None:
        """Put a function that nobody calls before the others."""
        unused = "def unused(number: int) -> int:\n    return number * 3\n\n\ndef interpreter("
        self._edit(r"^def interpreter\(", unused)

    def add_unused_import(self) -> None:
        """Import a module that nobody needs."""
        self._edit(r"^import hashlib$", "import colorsys\nimport hashlib")

    def rename_file(self) -> None:
        """Give the file with the functions another name."""
        self._source.rename(self.folder / "renamed_functions.py")
        table = self.folder / "table.py"
        text = table.read_text(encoding="utf-8")
        table.write_text(text.replace("from functions", "from renamed_functions"), encoding="utf-8")

    def lengthen_tail(self, name: str) -> None:
        """Let 6 % of a function's calls take three times as long, against a commit without."""
        plain = self._source.read_text(encoding="utf-8")
        self._source.write_text(plain + _TAIL.format(name=name, extra=0), encoding="utf-8")
        self._commit()
        self._source.write_text(plain + _TAIL.format(name=name, extra=2), encoding="utf-8")


@contextlib.contextmanager
def load() -> Iterator[None]:
    """Keep another core busy meanwhile."""
    with subprocess.Popen([sys.executable, WORKLOADS / "load.py"]) as process:
        try:
            yield
        finally:
            process.kill()


def duet(
    python: Path, repository: Repository, tests: str, options: Sequence[str]
) -> dict[str, Any]:
    """Compare the working tree with the commit; gives wall seconds and all verdicts."""
    cache = repository.folder.parent / "cache"
    report = repository.folder.parent / "report.json"
    report.unlink(missing_ok=True)
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests]
    command += ["--perf-against=HEAD", f"--perf-json={report}", *options]
    ended = checked(run(command, repository.folder, cache), (0, 1))
    data = json.loads(report.read_text(encoding="utf-8"))
    return {
        "exit": ended.code,
        "seconds": round(ended.seconds, 2),
        "notes": data["notes"],
        "tests": [_outcome(test) for test in data["tests"]],
    }


def _outcome(test: dict[str, Any]) -> dict[str, Any]:
    verdict = test["verdicts"][0]
    comparison = verdict["comparison"] or {}
    record = verdict.get("record") or {}
    return {
        "name": re.sub(r".*\[(.*)\]", r"\1", test["nodeid"]),
        "outcome": verdict["outcome"],
        "reason": verdict["reason"],
        "change": comparison.get("change"),
        **{name: _rounded(comparison.get(name)) for name in ("effect", "low", "high", "visible")},
        "data": [_rounded(datum) for datum in record.get("data", [])],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def plain_start(python: Path, repository: Repository, tests: str) -> float:
    """Give the seconds of one run of the tests without measuring: what starting a worker costs."""
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests]
    return round(checked(run(command, repository.folder)).seconds, 3)


def pytest_benchmark(python: Path, folder: Path, options: Sequence[str] = ()) -> dict[str, Any]:
    """Measure the functions once at the defaults; gives seconds, figures and what it called red."""
    report = folder / "benchmark.json"
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [WORKLOADS / "perf_pytest_benchmark.py", "--rootdir", WORKLOADS]
    command += [f"--benchmark-storage={folder / 'storage'}", f"--benchmark-json={report}"]
    ended = checked(run([*command, *options], folder), (0, 1))
    data = json.loads(report.read_text(encoding="utf-8"))
    return {
        "seconds": round(ended.seconds, 2),
        "figures": {
            one["params"]["name"]: {field: one["stats"][field] for field in FIELDS}
            for one in data["benchmarks"]
        },
        "red": sorted(
            f"{name} {field} {limit}" for _, name, field, limit in _RED.findall(ended.output)
        ),
    }


def red_by_rule(
    before: dict[str, Any], after: dict[str, Any], field: str, limit: float
) -> list[str]:
    """Name the functions that `--benchmark-compare-fail=FIELD:LIMIT%` fails for."""
    old = before["figures"]
    return [
        name
        for name, new in after["figures"].items()
        if new[field] / old[name][field] * 100 - 100 > limit
    ]


def pyperf(python: Path, folder: Path, number: int) -> dict[str, Any]:
    """Measure the functions once; the result stays in the folder as pyperf-NUMBER.json."""
    result = folder / f"pyperf-{number}.json"
    result.unlink(missing_ok=True)
    command = [python, WORKLOADS / "perf_pyperf.py", "-q", "-o", result]
    return {"seconds": round(checked(run(command, folder)).seconds, 2), "file": result.name}


def pyperf_slower(python: Path, folder: Path, before: str, after: str, limit: int) -> list[str]:
    """Name the functions that `pyperf compare_to` calls significantly slower by the limit."""
    command = [python, "-m", "pyperf", "compare_to", before, after, f"--min-speed={limit}"]
    return _SLOWER.findall(checked(run(command, folder)).output)
