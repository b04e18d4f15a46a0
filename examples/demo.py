"""The main job in one command: keep figures, measure again, catch a change that made code slower.

Works on a copy of this folder in a git repository of its own, edits the copy before the third run,
and checks that each run ends as it should; exits 0 only if all three do.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
GREEN, RED = 0, 1  # pytest's exit codes for all passed and some failed
NOBODY = ("-c", "user.name=demo", "-c", "user.email=demo@example.org")
INDEX = re.compile(r"^INDEX = .*$", re.MULTILINE)


class Step(NamedTuple):
    """One run of pytest, and how it is expected to end."""

    title: str
    options: tuple[str, ...]
    exit_code: int
    shows: str
    loses_index: bool = False


STEPS = (
    Step(
        "1. Measure, and keep the figures as the baseline",
        ("--perf-save-baseline",),
        GREEN,
        r"test_search",
    ),
    Step(
        "2. Measure again: judged by the budgets and by the baseline, all is well",
        ("--perf-budgets",),
        GREEN,
        r"(?i)p95",
    ),
    Step(
        "3. A change that loses an index: caught",
        ("--perf-budgets",),
        RED,
        r"search.*(REGRESSED|> budget)",
        loses_index=True,
    ),
)


def copy_to(project: Path) -> None:
    """Copy this folder, as the one commit of a repository of its own where there is a git."""
    shutil.copytree(HERE, project, ignore=shutil.ignore_patterns(".perfmon", "__pycache__", ".*"))
    project.joinpath(".gitignore").write_text("data/\n__pycache__/\n", encoding="utf-8")
    git = shutil.which("git")
    if git is not None:
        for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "Open the shop")):
            subprocess.run([git, *NOBODY, *arguments], cwd=project, check=True)  # noqa: S603 - a demo


def lose_index(project: Path) -> None:
    """Edit the copy: its next database is made without the index that searches need."""
    dataset = project / "shop" / "dataset.py"
    dataset.write_text(
        INDEX.sub('INDEX = ""', dataset.read_text(encoding="utf-8")), encoding="utf-8"
    )
    shutil.rmtree(project / "data", ignore_errors=True)


def run(step: Step, project: Path, store: Path) -> list[str]:
    """Run a step, passing its output on; gives what did not end as expected."""
    if step.loses_index:
        lose_index(project)
    print(f"\n{step.title}\n$ pytest {' '.join(step.options)}", flush=True)  # noqa: T201 - a demo
    command = [sys.executable, "-m", "pytest", f"--perf-store={store}"]
    command += ["-p", "pytest_perfmon.plugin"]  # and no other, so that each process starts fast
    command += ["--color=yes"] if sys.stdout.isatty() else []
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    output = []
    with subprocess.Popen(  # noqa: S603 - our own interpreter, our own arguments
        [*command, *step.options],
        cwd=project,
        env=environment,
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
        project, store = Path(folder, "shop"), Path(folder, "store")
        copy_to(project)
        wrong = next(filter(None, (run(step, project, store) for step in STEPS)), [])
    print("\n" + "\n".join(wrong or ["All three ended as they should."]))  # noqa: T201 - a demo
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
