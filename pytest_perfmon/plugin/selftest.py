"""`--perf-selftest`: what an interleaved comparison can see on this machine, found by trying."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from statistics import median
from typing import Final

import pytest

from pytest_perfmon.duet.conductor import Comparisons, Conductor
from pytest_perfmon.duet.contest import Contest
from pytest_perfmon.duet.launcher import Invocation, LaunchError
from pytest_perfmon.duet.pairs import PairError
from pytest_perfmon.duet.project import describe_project
from pytest_perfmon.duet.sides import Directory
from pytest_perfmon.duet.slices import LOCATION
from pytest_perfmon.duet.slots import default_cache_dir, private_slot
from pytest_perfmon.duet.trees import prepare
from pytest_perfmon.errors import UsageError
from pytest_perfmon.model.measurement import Key
from pytest_perfmon.model.verdict import Change
from pytest_perfmon.plugin.against import rules_of, terms_of
from pytest_perfmon.plugin.options import PerfOptions, invocation_of, read_options
from pytest_perfmon.units import format_share

STEADY: Final = ("loop", "table", "text", "order")
SLOWED: Final = {"slower_by_5": 0.05, "slower_by_10": 0.10}
_MOST_SECONDS: Final = 50.0  # with the last comparison under way, a minute
_STEPS: Final = 2000
_TESTS: Final = """
import pytest
import workload

@pytest.mark.parametrize("name", workload.NAMES)
def test_workload(perf_monitor, name):
    perf_monitor(getattr(workload, name))
"""
_WORKLOAD: Final = """
def loop(steps={steps}):
    total = 0
    for number in range(steps):
        total += number * number % 7
    return total

def table():
    found = dict.fromkeys(range(1500), 0)
    for key in found:
        found[key] += key & 3
    return found

def text():
    return ",".join(str(number) for number in range(1000)).split(",")

def order():
    return sorted(range(2000), key=lambda number: -number % 97)

def slower_by_5():
    return loop({by_5})

def slower_by_10():
    return loop({by_10})

NAMES = {names!r}
"""


def run_selftest(config: pytest.Config) -> int:
    """Compare a built-in workload with itself and with slower versions; print what was found.

    `--perf-against-time` caps the time below the usual 50 seconds.

    Returns:
        pytest's exit code for success.

    Raises:
        pytest.UsageError: where a comparison could not be made.
    """
    options = read_options(config)
    seconds = min(_MOST_SECONDS, options.against.seconds)
    try:
        with ExitStack() as remains:
            slot = private_slot()
            remains.callback(slot.leave)
            made = _comparisons(config, options, slot.directory, seconds)
            lines = list(_summary(made, seconds))
    except (UsageError, LaunchError, PairError, OSError) as error:
        raise pytest.UsageError(f"--perf-selftest: {error}") from None
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return pytest.ExitCode.OK


def _comparisons(
    config: pytest.Config, options: PerfOptions, place: Path, seconds: float
) -> list[Comparisons]:
    base, candidate = place / "base", place / "candidate"
    _write(base, slowed=False)
    _write(candidate, slowed=True)
    tests = candidate / "test_workload.py"
    project = describe_project(
        candidate, sys_path=[str(candidate)], meta_path=[], test_modules=[tests]
    )
    nodeids = [f"{tests.name}::test_workload[{name}]" for name in (*STEADY, *SLOWED)]
    end = time.monotonic() + seconds
    made: list[Comparisons] = []
    with prepare(
        Directory(base),
        Directory(candidate),
        project=project,
        cache_dir=default_cache_dir(os.environ, Path.home()),
    ) as sides:
        terms = terms_of(_invocation(config, candidate), options.against, sides, (tests,))
        usual = rules_of(
            options,
            lambda _: options.min_effect,
            lambda _: options.against.statistic or LOCATION,
        )
        while not made or time.monotonic() + made[-1].seconds < end:
            rules = replace(usual, seconds=max(1.0, end - time.monotonic()))
            made.append(Conductor(terms, nodeids, rules, lambda *_: None).run())
            for reason in made[-1].unchecked.values():
                raise UsageError(f"the workload could not be measured: {reason}")
    return made


def _write(place: Path, *, slowed: bool) -> None:
    place.mkdir()
    steps = {
        f"by_{round(100 * share)}": round(_STEPS * (1 + share)) if slowed else _STEPS
        for share in SLOWED.values()
    }
    names = (*STEADY, *SLOWED)
    workload = _WORKLOAD.format(steps=_STEPS, names=names, **steps)
    place.joinpath("workload.py").write_text(workload, encoding="utf-8")
    place.joinpath("test_workload.py").write_text(_TESTS, encoding="utf-8")


def _invocation(config: pytest.Config, place: Path) -> Invocation:
    mine = invocation_of(config)
    plugins = [("-p", name) for flag, name in pairwise(mine.arguments) if flag == "-p"]
    return Invocation(
        arguments=tuple(chain.from_iterable(plugins)),
        paths=(),
        directory=place,
        rootdir=place,
        inifile=None,
        plugins=mine.plugins,
    )


def _summary(made: Sequence[Comparisons], seconds: float) -> Iterator[str]:
    by_name: dict[str, list[Contest]] = {name: [] for name in (*STEADY, *SLOWED)}
    for comparisons in made:
        for key, contest in comparisons.contests.items():
            by_name[_name(key)].append(contest)
    steady = [contest for name in STEADY for contest in by_name[name]]
    alarms = sum(one.change in (Change.REGRESSED, Change.IMPROVED) for one in steady)
    per_run = median(one.seconds for one in made)
    yield (
        f"self-test: {len(made)} comparisons of {len(by_name)} functions,"
        f" {per_run:.1f} s each on {sys.platform}, Python {sys.version.split()[0]}"
    )
    yield f"  same code     {alarms} of {len(steady)} called changed"
    for name, share in SLOWED.items():
        found = sum(one.change is Change.REGRESSED for one in by_name[name])
        yield f"  +{format_share(share)} slower  found in {found} of {len(by_name[name])}"
    visible = [one for one in map(_visible, steady) if one is not None]
    if visible:
        yield f"  could see     >= {format_share(median(visible))} (median over the same code)"
    spreads = [median(one.seconds / max(1, one.blocks) for one in made)]
    yield f"  a block       {spreads[0]:.2f} s; a verdict on all functions {per_run:.1f} s"
    if len(made) == 1 and per_run >= seconds:
        yield "  ended by its cap on time: give it more with --perf-against-time"


def _visible(contest: Contest) -> float | None:
    if contest.change is None or not contest.candidate:
        return None
    return contest.series.comparison(contest.change, contest.bars[-1].regressed).visible


def _name(key: Key) -> str:
    return key.nodeid.partition("[")[2].rstrip("]")
