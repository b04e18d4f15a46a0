"""The main job in one command: keep figures, measure again, catch a release that got slower.

Runs pytest three times on this folder and checks that each run ends as it should; exits 0 only if
all three do. The store is a temporary one; the data set stays in data/.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
GREEN, RED = 0, 1  # pytest's exit codes for all passed and some failed


class Step(NamedTuple):
    """One run of pytest, and how it is expected to end."""

    title: str
    options: tuple[str, ...]
    environment: Mapping[str, str]
    exit_code: int
    shows: str


STEPS = (
    Step(
        "1. Measure, and keep the figures as the baseline",
        ("--perf-save-baseline",),
        {},
        GREEN,
        r"test_search",
    ),
    Step(
        "2. Measure again: judged by the budgets and by the baseline, all is well",
        ("--perf-budgets",),
        {},
        GREEN,
        r"(?i)p95",
    ),
    Step(
        "3. The release that lost an index: caught",
        ("--perf-budgets",),
        {"SHOP_WITHOUT_INDEX": "1"},
        RED,
        r"search.*(REGRESSED|> budget)",
    ),
)


def run(step: Step, store: Path) -> list[str]:
    """Run a step, passing its output on; gives what did not end as expected."""
    print(f"\n{step.title}\n$ pytest {' '.join(step.options)}", flush=True)  # noqa: T201 - a demo
    command = [sys.executable, "-m", "pytest", f"--perf-store={store}"]
    command += ["-p", "no:asyncio"]  # where it is installed, it warns of a choice not made here
    command += ["--color=yes"] if sys.stdout.isatty() else []
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    output = []
    with subprocess.Popen(  # noqa: S603 - our own interpreter, our own arguments
        [*command, *step.options],
        cwd=HERE,
        env={**environment, **step.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
            output.append(line)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", "".join(output))
    wrong = []
    if process.returncode != step.exit_code:
        wrong.append(f"exit code {process.returncode}, expected {step.exit_code}")
    if not re.search(step.shows, plain):
        wrong.append(f"nothing in the output matches {step.shows!r}")
    if not any(store.rglob("*.json")):
        wrong.append(f"no saved run in {store}")
    return [f"{step.title}: {one}" for one in wrong]


def main() -> int:
    """Run the steps up to the first that did not end as expected; 0 if all did, else 1."""
    with tempfile.TemporaryDirectory() as folder:
        wrong = next(filter(None, (run(step, Path(folder, "store")) for step in STEPS)), [])
    print("\n" + "\n".join(wrong or ["All three ended as they should."]))  # noqa: T201 - a demo
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
