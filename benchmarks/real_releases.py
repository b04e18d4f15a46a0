"""Releases of a library that nobody here wrote, compared: the right sign, and the right size.

mistune renders Markdown in pure Python. Between two of its releases rendering became slower,
between two others nothing changed that a document without plugins meets. `timeit` in fresh
processes, all releases in turn, says first by how much each pair differs. Then the interleaved
comparison is asked, in a git repository of one commit a source distribution, the perf test in
each: the working tree against HEAD~1, and one release that pip installs against the other. The
slower pair is compared in both directions, so that a speed-up has to be found too.

    python benchmarks/real_releases.py [--quick] [--runs 3] [--work DIR] [--output FILE]

Exit code 1 says that a comparison did not say what timeit calls for; 75 that the library could not
be had.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import error_rates_tools as tools

LIBRARY = "mistune"
PAIRS = (("3.0.2", "3.1.0"), ("3.1.0", "3.0.2"), ("3.1.0", "3.1.1"))
ROUTES = ("git", "pip")
MIN_EFFECT = 0.02
ROUNDS, QUICK_ROUNDS = 40, 3
RESAMPLES = 2000
UNAVAILABLE = 75
RESULT = Path(__file__).parent / "results" / "real_releases.json"

PERF_FILE = "benchmarks/perf_render.py"
PERF_TEST = '''\
"""A document as people write them, rendered to HTML."""

from mistune import create_markdown

DOCUMENT = """# A title

Some *emphasis* and **more of it**, `code`, and [a link](https://example.org "its title").

- an item
- another, *slanted*
  - and one inside

> what somebody said
> in two lines

```python
print("code")
```

1. the first
2. the second

""" * 6
render = create_markdown()


def test_render(perf_monitor):
    perf_monitor(render, DOCUMENT)
'''
TIMING = """\
import sys
import timeit

sys.path[:0] = sys.argv[1:]
from perf_render import DOCUMENT, render

print(min(timeit.repeat(lambda: render(DOCUMENT), number=1, repeat=100)))
"""


class UnavailableError(Exception):
    """The library, or what is needed to compare it, could not be had."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What timeit says of a pair of releases; changes are shares, above zero is slower.

    Attributes:
        old, new: the releases.
        change: the median over all rounds.
        low, high: its 95 % bootstrap interval.
    """

    old: str
    new: str
    change: float
    low: float
    high: float

    @property
    def expected(self) -> str:
        """The verdict that this calls for; empty where the interval does not tell."""
        faster = 1 / (1 + MIN_EFFECT) - 1
        if self.low > MIN_EFFECT:
            return "REGRESSED"
        if self.high < faster:
            return "IMPROVED"
        return "UNCHANGED" if self.low > faster and self.high < MIN_EFFECT else ""


@dataclass(frozen=True, slots=True)
class Compared:
    """One interleaved comparison.

    Attributes:
        old, new: the releases.
        route: `git` or `pip`.
        outcome: of the verdict.
        change: what it says; None where nothing was compared.
        effect, low, high: the estimated change and its 95 % interval; None where unbounded.
        blocks: how many were measured.
        seconds: wall time.
        headline: the verdict's own line.
    """

    old: str
    new: str
    route: str
    outcome: str
    change: str | None
    effect: float | None
    low: float | None
    high: float | None
    blocks: int
    seconds: float
    headline: str

    def covers(self, change: float) -> bool:
        """Say whether the interval holds that change."""
        low = -1.0 if self.low is None else self.low
        return self.effect is not None and low <= change <= (self.high or math.inf)


def unpacked(versions: Sequence[str], folder: Path) -> dict[str, Path]:
    """Give the source distributions, downloaded and unpacked where they are not there yet.

    Raises:
        UnavailableError: where pip cannot have one.
    """
    sources = {}
    for version in versions:
        name = f"{LIBRARY}-{version}"
        sources[version] = folder / name
        if sources[version].exists():
            continue
        pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "download"]
        wanted = ["--no-deps", "--no-binary", LIBRARY, f"{LIBRARY}=={version}"]
        try:
            tools.checked(tools.run([*pip, *wanted], cwd=folder))
        except RuntimeError as error:
            raise UnavailableError(str(error)) from None
        with tarfile.open(folder / f"{name}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return sources


def timed(sources: Mapping[str, Path], rounds: int, folder: Path) -> dict[str, list[float]]:
    """Time every release once a round, each time in a fresh process; gives log seconds."""
    (folder / "perf_render.py").write_text(PERF_TEST, encoding="utf-8")
    taken: dict[str, list[float]] = {version: [] for version in sources}
    chance = Random(3)
    for _ in range(rounds):
        for version in chance.sample(list(sources), len(sources)):
            paths = (str(sources[version] / "src"), str(folder))
            ended = tools.checked(tools.run([sys.executable, "-c", TIMING, *paths], folder))
            taken[version].append(math.log(float(ended.output)))
    return taken


def truth(old: str, new: str, taken: Mapping[str, Sequence[float]]) -> Truth:
    """Say by how much a pair of releases differs, round by round."""
    ratios = [after - before for before, after in zip(taken[old], taken[new], strict=True)]
    chance = Random(5)
    medians = sorted(median(chance.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    ends = (median(ratios), medians[RESAMPLES // 40], medians[-RESAMPLES // 40 - 1])
    return Truth(old, new, *(round(math.expm1(end), 5) for end in ends))


def make_repository(folder: Path, sources: Sequence[Path]) -> None:
    """Make a git repository of one commit a source distribution, with the perf test in each."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=study", "-c", "user.email=study@example.org")
        tools.checked(tools.run(["git", *who, *arguments], folder))

    git("init", "-q")
    for source in sources:
        git("rm", "-rfq", "--ignore-unmatch", ".")
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder, ignore=skipped, dirs_exist_ok=True)
        perf_file = folder / PERF_FILE
        perf_file.parent.mkdir(exist_ok=True)
        perf_file.write_text(PERF_TEST, encoding="utf-8")
        git("add", "--all", "--force")
        git("commit", "-q", "-m", source.name)


@dataclass(frozen=True, slots=True)
class Duet:
    """Runs interleaved comparisons.

    Attributes:
        python: what runs pytest.
        folder: of the repositories.
        options: on top of the defaults.
    """

    python: Path
    folder: Path
    options: tuple[str, ...]

    def repository(self, old: str, new: str) -> Path:
        """Give the place of a pair's repository."""
        return self.folder / f"{old}-{new}"

    def compare(self, old: str, new: str, route: str) -> Compared:
        """Compare a pair of releases once."""
        report = self.folder / "report.json"
        report.unlink(missing_ok=True)
        sides = {
            "git": ["--perf-against=HEAD~1"],
            "pip": [
                f"--perf-against=pip:{LIBRARY}=={old}",
                f"--perf-candidate=pip:{LIBRARY}=={new}",
            ],
        }
        alone = ["--disable-plugin-autoload", "-p", "pytest_perfmon.plugin"]
        plain = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *alone, PERF_FILE]
        asked = [*sides[route], f"--perf-json={report}", *self.options]
        command = [str(self.python), *plain, *asked]
        ended = tools.run(command, self.repository(old, new), self.folder / "cache")
        tools.checked(ended, (0, 1))
        (test,) = json.loads(report.read_text(encoding="utf-8"))["tests"]
        (verdict,) = test["verdicts"]
        comparison = verdict["comparison"] or {}
        return Compared(
            old=old,
            new=new,
            route=route,
            outcome=verdict["outcome"],
            change=comparison.get("change"),
            effect=comparison.get("effect"),
            low=comparison.get("low"),
            high=comparison.get("high"),
            blocks=len((verdict.get("record") or {}).get("data", ())),
            seconds=round(ended.seconds, 1),
            headline=verdict["headline"],
        )


def study(folder: Path, runs: int, *, quick: bool) -> dict[str, Any]:
    """Measure the truth, compare, and give both as plain data.

    Raises:
        UnavailableError: where the library or the environment cannot be had.
    """
    pairs = PAIRS[:1] if quick else PAIRS
    versions = sorted({version for pair in pairs for version in pair})
    sources = unpacked(versions, folder)
    try:
        python = Path(sys.executable) if quick else tools.python_of("duet", folder)
    except RuntimeError as error:
        raise UnavailableError(str(error)) from None
    rounds = QUICK_ROUNDS if quick else ROUNDS
    taken = timed(sources, rounds, folder)
    truths = {pair: truth(*pair, taken) for pair in pairs}
    duet = Duet(python, folder, ("--perf-blocks=3",) if quick else ())
    for old, new in pairs:
        make_repository(duet.repository(old, new), [sources[old], sources[new]])
    compared = []
    for number, (old, new), route in product(range(runs), pairs, ROUTES):
        one = duet.compare(old, new, route)
        compared.append({**asdict(one), "covers": one.covers(truths[old, new].change)})
        print(f"{number + 1} of {runs}, {route}, {old} to {new}: {one.headline}", flush=True)
    return {
        "benchmark": "real_releases",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "library": LIBRARY,
        "quick": quick,
        "rounds": rounds,
        "truths": [{**asdict(one), "expected": one.expected} for one in truths.values()],
        "runs": compared,
    }


def surprises(result: Mapping[str, Any]) -> list[str]:
    """Name the comparisons that did not say what timeit calls for, and the pairs it cannot tell."""
    expected = {(one["old"], one["new"]): one["expected"] for one in result["truths"]}
    unclear = [
        f"{old} to {new}: timeit's interval calls for no verdict"
        for (old, new), verdict in expected.items()
        if not verdict
    ]
    return unclear + [
        f"{one['headline']} ({one['route']}, {one['old']} to {one['new']})"
        for one in result["runs"]
        if one["change"] != expected[one["old"], one["new"]]
    ]


def main() -> int:
    """Run the study, keep what it gave, and say what was not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="one pair, few processes, 3 blocks")
    parser.add_argument("--runs", type=int, default=3, help="of each pair by each route")
    kept = Path(tempfile.gettempdir()) / "perfmon-real-releases"
    parser.add_argument("--work", type=Path, default=kept, help="what is downloaded and made")
    parser.add_argument("--output", type=Path, default=RESULT, help="where the JSON goes")
    chosen = parser.parse_args()
    if chosen.quick and chosen.output == RESULT:
        parser.error("--quick needs an --output of its own: its figures mean nothing")
    work = chosen.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    try:
        result = study(work, 1 if chosen.quick else chosen.runs, quick=chosen.quick)
    except UnavailableError as error:
        print(error, file=sys.stderr)
        return UNAVAILABLE
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for one in result["truths"]:
        interval = f"[{one['low']:+.1%}, {one['high']:+.1%}]"
        print(f"timeit, {one['old']} to {one['new']}: {one['change']:+.1%} {interval}")
    wrong = [] if chosen.quick else surprises(result)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
