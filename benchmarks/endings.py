"""What is left behind when an A/B is ended from outside, at any moment: nothing.

A small project in a repository of its own is compared with its last commit, and the run is ended
at moments drawn over the length of an undisturbed one: by Ctrl-C, alone or as a terminal sends it
to all processes, by SIGTERM, by SIGKILL, or by SIGKILL of a worker. Then one run is left alone.
Counted are processes that outlive their run, trees and locks in the cache, files of children
among the temporary ones, and changes of the repository, `.git` and times of change included.

    python benchmarks/endings.py [--endings N] [--seed N] [--output FILE]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULT = Path(__file__).parent / "results" / "endings.json"
BLOCKS = 3
PATIENCE_S = 30.0
PROC = Path("/proc")
FILES = {
    "pytest.ini": "[pytest]\n",
    ".gitignore": "__pycache__/\n.pytest_cache/\n",
    "product.py": "def work():\n    return sum(i * i for i in range(2_000))\n",
    "test_product.py": """
import product
import pytest


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


def test_work(perf_monitor):
    perf_monitor(product.work)


def test_work_beside_files(perf_monitor, place):
    (place / "file").write_text("x")
    for _ in perf_monitor.rounds():
        product.work()
""",
}
CHANGED = "def work():\n    return sum([i * i for i in range(2_000)])\n"
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "gc.auto=0")
NO_CACHE = ("-p", "no:cacheprovider")


@dataclass(frozen=True, slots=True)
class Means:
    """A way to end a run.

    Attributes:
        signal: what is sent.
        target: to whom: `main`, the `group` of all its processes, or one `worker`.
    """

    signal: signal.Signals
    target: str


CTRL_C = Means(signal.SIGINT, "group")
INTERRUPT = Means(signal.SIGINT, "main")
KILL = Means(signal.SIGKILL, "main")
TERMINATE = Means(signal.SIGTERM, "main")
KILL_WORKER = Means(signal.SIGKILL, "worker")


@dataclass(frozen=True, slots=True)
class Ending:
    """What one run gave that was ended.

    Attributes:
        signal, target: how.
        after_s: when, from its start.
        exit_code: of the main process; negative for a signal.
        gone_after_s: how long until none of its processes was left.
        outlived: command lines of processes that did not end in time.
        left: what was there of trees, locks and children's files once all processes were gone.
        traceback: whether pytest, once it had begun, printed one.
    """

    signal: str
    target: str
    after_s: float
    exit_code: int
    gone_after_s: float
    outlived: tuple[str, ...]
    left: tuple[str, ...]
    traceback: bool


class Subject:
    """A project in a repository of its own below `home`, and A/Bs of it.

    Attributes:
        top: its repository.
        environment: what its runs see, with places of their own for trees and temporary files.
    """

    def __init__(self, home: Path, files: Mapping[str, str] = FILES) -> None:
        self.top = home / "project"
        self._cache, self._temporary = home / "cache", home / "tmp"
        for directory in (self.top, self._cache, self._temporary):
            directory.mkdir()
        self._token = f"endings-{uuid.uuid4().hex}"
        ours = ("PYTEST_", "PERFMON_", "GITHUB_", "GIT_")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "XDG_CACHE_HOME": str(self._cache),
            "TMPDIR": str(self._temporary),
            "PERFMON_ENDINGS": self._token,
        }
        for name, text in files.items():
            (self.top / name).write_text(text, encoding="utf-8")
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
            subprocess.run([*GIT, *command], cwd=self.top, check=True, env=self.environment)
        (self.top / "product.py").write_text(CHANGED, encoding="utf-8")

    def start(self, *options: str, blocks: int = BLOCKS) -> subprocess.Popen[bytes]:
        """Start an A/B in a session of its own; what it prints is read by `said`."""
        # a shell's background job ignores Ctrl-C, and its children would inherit that
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with self._output.open("wb") as sink:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "pytest", "-p", "pytest_perfmon.plugin"),
                    *("--perf-against=HEAD", f"--perf-blocks={blocks}", *options),
                ],
                cwd=self.top,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def _output(self) -> Path:
        return self.top.with_name("output")

    def said(self) -> str:
        """Give what the last run printed."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def run(self, *options: str) -> float:
        """Run an A/B to its end, undisturbed; gives the seconds that it took.

        Raises:
            RuntimeError: it did not end well.
        """
        started = time.monotonic()
        code = self.start(*options).wait(PATIENCE_S * 10)
        if code not in (0, 1):
            raise RuntimeError(f"the undisturbed run ended with {code}:\n{self.said()}")
        return time.monotonic() - started

    def processes(self) -> dict[int, str]:
        """Give the command lines of all processes of its runs, by process id."""
        found = {}
        for entry in PROC.iterdir():
            try:
                if (
                    entry.name.isdigit()
                    and self._token.encode() in entry.joinpath("environ").read_bytes()
                ):
                    command = entry.joinpath("cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(entry.name)] = command.decode(errors="replace").strip()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found

    def workers(self, main: int) -> list[int]:
        """Give the process ids of the children of a run that are pytest themselves."""
        children = (PROC / str(main) / "task" / str(main) / "children").read_text().split()
        return [pid for pid in map(int, children) if "-m pytest" in self.processes().get(pid, "")]

    def left(self) -> tuple[str, ...]:
        """Name what lies in the cache and among the temporary files, directories apart."""
        found = [*self._cache.glob("*/trees/*"), *self._temporary.glob("perfmon-*/*")]
        others = [one for one in self._temporary.iterdir() if not one.name.startswith("pytest-of-")]
        found += [one for one in others if one.name != f"perfmon-{os.getuid()}"]
        return tuple(sorted(str(path.relative_to(self.top.parent)) for path in found))

    def repository(self, *, without: Sequence[str] = ()) -> dict[str, tuple[int, int, str]]:
        """Give mode, time of change and digest of all in the repository, `.git` included.

        Directories of the names `without` are left out, and with them the times of directories.
        """
        return dict(_states(self.top, self.top, without))

    def end(self, run: subprocess.Popen[bytes], means: Means, started: float) -> Ending:
        """End a run, now, and wait until nothing of it is there."""
        after = time.monotonic() - started
        if means.target == "worker":
            self._kill_a_worker(run)
        elif run.poll() is None:
            (os.killpg if means.target == "group" else os.kill)(run.pid, means.signal)
        sent = time.monotonic()
        code = run.wait(PATIENCE_S * 4)
        while (outlived := self.processes()) and time.monotonic() < sent + PATIENCE_S:
            time.sleep(0.02)
        gone = time.monotonic() - sent
        for pid in outlived:
            os.kill(pid, signal.SIGKILL)
        said = self.said()
        began = "test session starts" in said
        return Ending(
            means.signal.name,
            means.target,
            round(after, 2),
            code,
            round(gone, 2),
            tuple(outlived.values()),
            self.left(),
            began and ("Traceback" in said or "INTERNALERROR" in said),
        )

    def _kill_a_worker(self, run: subprocess.Popen[bytes]) -> None:
        while run.poll() is None:
            try:
                os.kill(self.workers(run.pid)[-1], signal.SIGKILL)
            except (IndexError, ProcessLookupError, FileNotFoundError):
                time.sleep(0.01)
            else:
                return


def _states(
    top: Path, directory: Path, without: Sequence[str]
) -> Iterator[tuple[str, tuple[int, int, str]]]:
    for path in (directory, *directory.iterdir()):
        if path.name in without:
            continue
        status, digest, changed = path.lstat(), "", 0
        if path.is_symlink():
            digest = str(path.readlink())
        elif path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path != directory:
            yield from _states(top, path, without)
            continue
        if not (without and path.is_dir()):
            changed = status.st_mtime_ns
        yield path.relative_to(top).as_posix(), (status.st_mode, changed, digest)


def end_runs(
    subject: Subject, means: Sequence[Means], seed: int, *options: str
) -> tuple[float, list[Ending]]:
    """End a run by each of the means at a moment of its own, of an undisturbed one's length.

    Moments are stratified: each falls in another part of the run, which ones being drawn. A run
    that was through before its moment tells how long runs are by now, and is made again.
    """
    seconds = subject.run(*options)
    dice = random.Random(seed)
    parts = dice.sample(range(len(means)), len(means))
    endings: list[Ending] = []
    while len(endings) < len(means):
        place = (parts[len(endings)] + dice.random()) / len(means)
        started = time.monotonic()
        run = subject.start(*options)
        try:
            run.wait(place * seconds)
        except subprocess.TimeoutExpired:
            endings.append(subject.end(run, means[len(endings)], started))
        else:
            seconds = time.monotonic() - started
    return seconds, endings


def twenty(count: int) -> list[Means]:
    """Give so many endings, half by SIGINT and half by SIGKILL; some more by other means."""
    half = count // 2
    interrupts = [CTRL_C if number % 2 else INTERRUPT for number in range(half)]
    others = [TERMINATE, KILL_WORKER] * max(1, count // 7)
    return [*interrupts, *[KILL] * (count - half), *others]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--endings", type=int, default=20, metavar="N")
    parser.add_argument("--seed", type=int, default=3, metavar="N")
    parser.add_argument("--output", type=Path, default=RESULT, metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        subject = Subject(Path(name).resolve())
        before = subject.repository()
        seconds, endings = end_runs(subject, twenty(arguments.endings), arguments.seed, *NO_CACHE)
        subject.run(*NO_CACHE)
        after = subject.repository()
        left, alive = subject.left(), subject.processes()
    for one in endings:
        print(
            f"{one.signal:8} {one.target:7} after {one.after_s:5.2f} s: exit code"
            f" {one.exit_code:3}, gone {one.gone_after_s:5.2f} s later, left {len(one.left)}"
            f"{', TRACEBACK' if one.traceback else ''}"
        )
    changed = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    print(f"after the next run: {len(alive)} processes, {len(left)} trees, locks and files left")
    print(f"changed in the repository: {', '.join(changed) or 'nothing'}")
    report = {
        "python": platform.python_version(),
        "system": platform.system(),
        "seed": arguments.seed,
        "undisturbed_s": round(seconds, 2),
        "endings": [asdict(one) for one in endings],
        "by_means": dict(Counter(f"{one.signal} {one.target}" for one in endings)),
        "longest_until_gone_s": max(one.gone_after_s for one in endings),
        "left_after_the_next_run": {"processes": list(alive.values()), "files": left},
        "changed_in_the_repository": changed,
    }
    arguments.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
