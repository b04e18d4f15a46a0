"""`--perf-against`: an interleaved A/B before the tests run, whose verdicts they then take."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

import pytest

from pytest_perfmon.duet.conductor import Comparisons, Conductor, Progress
from pytest_perfmon.duet.contest import Contest, Rules
from pytest_perfmon.duet.launcher import Invocation, LaunchError
from pytest_perfmon.duet.machine import cpu_quota, is_scarce
from pytest_perfmon.duet.pairs import PairError, Terms
from pytest_perfmon.duet.pinning import usable_cpus
from pytest_perfmon.duet.project import describe_project
from pytest_perfmon.duet.revisions import parse_side
from pytest_perfmon.duet.sides import Sides, Spec, WorkingTree
from pytest_perfmon.duet.slices import LOCATION, P95_IF_QUICK
from pytest_perfmon.duet.slots import default_cache_dir
from pytest_perfmon.duet.trees import prepare
from pytest_perfmon.errors import UsageError
from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.model.budget import Budget, limit_of
from pytest_perfmon.model.measurement import Key, Measurement
from pytest_perfmon.model.verdict import Change, MeasuredOperation, Outcome, TestResult, Verdict
from pytest_perfmon.plugin.once import Once
from pytest_perfmon.plugin.options import AgainstOptions, PerfOptions, invocation_of
from pytest_perfmon.plugin.recording import MakeJudge, Recording
from pytest_perfmon.plugin.way import Way
from pytest_perfmon.stats.summary import summary_of
from pytest_perfmon.units import common_scale, format_share
from pytest_perfmon.verdicts.against import CRITERION, verdict_on
from pytest_perfmon.verdicts.budgets import not_checked

_MOST_BLOCKS: Final = 60
_SLICE_SECONDS: Final = 60.0
_TEST_SECONDS: Final = 120.0


class Against:
    """The mode of a run whose comparisons are made already: bodies run once, verdicts wait.

    Args:
        comparisons: what came out.
        rules: by which.
        strict: NOT CHECKED fails.
        pins: whether sides were to stay on one CPU.
    """

    repeats_bodies = False
    clock: Clock | None = None
    make_judge: MakeJudge | None = None

    def __init__(self, comparisons: Comparisons, rules: Rules, *, strict: bool, pins: bool) -> None:
        self._comparisons = comparisons
        self._rules = rules
        self._strict = strict
        self._pins = pins
        self._verdicts = {
            key: self._verdict(key, one, one.change)
            for key, one in comparisons.contests.items()
            if one.change is not None
        }

    def way(self, recording: Recording) -> Way:  # noqa: ARG002 - all tests are alike
        """Run forms once."""
        return Once()

    def result(self, recording: Recording, *, interrupted: bool) -> TestResult:  # noqa: ARG002 - nothing is measured here
        """Give the test its verdicts."""
        nodeid = recording.nodeid
        why = self._comparisons.unchecked.get(nodeid)
        mine = {key: one for key, one in self._comparisons.contests.items() if key.nodeid == nodeid}
        decided = {key: one for key, one in mine.items() if key in self._verdicts}
        verdicts = [self._verdicts[key] for key in decided]
        if why is not None:
            left = [key for key in mine if key not in decided] or [Key(nodeid, recording.own)]
            verdicts += [not_checked(key, CRITERION, why) for key in left]
        return TestResult(
            nodeid,
            measured=True,
            operations=tuple(_operation(key, one) for key, one in decided.items() if one.candidate),
            verdicts=self._strictly(verdicts),
        )

    def columns(self) -> dict[Key, dict[str, str]]:
        """Give the columns that the table has in this mode, by operation."""
        return {
            key: _columns(one, self._verdicts[key])
            for key, one in self._comparisons.contests.items()
            if one.candidate and key in self._verdicts
        }

    def _verdict(self, key: Key, contest: Contest, change: Change) -> Verdict:
        verdict = verdict_on(
            key,
            contest.series,
            change,
            bars=contest.bars,
            bar=self._comparisons.bar,
            cap=self._rules.blocks,
            fixed=self._rules.fixed,
            statistic="" if contest.statistic == LOCATION else contest.statistic,
        )
        if contest.unpinned and self._pins:
            doubt = "measured without a CPU of its own: the test has threads or child processes"
            verdict = replace(verdict, warnings=(*verdict.warnings, doubt))
        return verdict

    def _strictly(self, verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
        return tuple(
            replace(one, fails=True) if self._strict and one.outcome is Outcome.NOT_CHECKED else one
            for one in verdicts
        )


def _operation(key: Key, contest: Contest) -> MeasuredOperation:
    values = [max(1, round(value)) for value in contest.candidate]
    measurement = Measurement(key.operation, values, rounds=len(values))
    return MeasuredOperation(key, replace(summary_of(measurement), unit="block median"))


def _columns(contest: Contest, verdict: Verdict) -> dict[str, str]:
    comparison, baseline = verdict.comparison, median(contest.baseline)
    assert comparison is not None  # noqa: S101 - there is a block
    low, high = (
        format_share(end, signed=True) if math.isfinite(end) and end > -1 else "-"
        for end in (comparison.low, comparison.high)
    )
    return {
        "baseline": common_scale([baseline]).text(baseline),
        "change": f"{comparison.change} {format_share(comparison.effect, signed=True)}",
        "95% interval": f"{low} {high}" if low != high else "-",
        "blocks": str(len(contest.series.blocks)),
    }


def compare(
    config: pytest.Config,
    options: PerfOptions,
    selected: Mapping[pytest.Item, Sequence[Budget]],
    progress: Progress,
) -> tuple[Against, tuple[str, ...]]:
    """Make the comparison; gives the mode that hands out its verdicts, and notes for the report.

    Raises:
        UsageError: where there is nothing to compare, or a side did not run its own code.
    """
    against = options.against
    assert against.base is not None  # noqa: S101 - the caller has looked
    base = parse_side(against.base, config.invocation_params.dir)
    files = files_of(selected)
    rules = rules_of(options, min_effects(options, selected), statistics(options, selected))
    with sides_of(config, against, base, files) as sides:
        terms = terms_of(invocation_of(config), against, sides, files)
        conductor = Conductor(terms, [item.nodeid for item in selected], rules, progress)
        try:
            comparisons = conductor.run()
        except (LaunchError, PairError) as error:
            raise UsageError(f"--perf-against: {error}") from None
        notes = (*_notes(sides, comparisons), *sides.notes, *comparisons.notes)
    pins = bool(terms.cpus)
    return Against(comparisons, rules, strict=options.strict, pins=pins), notes


def rules_of(
    options: PerfOptions,
    min_effect_of: Callable[[Key], float],
    statistic_of: Callable[[str], str],
) -> Rules:
    """Give the rules of a comparison as options have them; all hypotheses are its own."""
    blocks = options.against.blocks
    return Rules(
        alpha=options.alpha,
        min_effect_of=min_effect_of,
        blocks=blocks or _MOST_BLOCKS,
        fixed=blocks is not None,
        seconds=options.against.seconds,
        statistic_of=statistic_of,
    )


def files_of(items: Iterable[pytest.Item]) -> tuple[Path, ...]:
    """Give the files of the items, each once."""
    return tuple(dict.fromkeys(item.path for item in items))


def terms_of(
    invocation: Invocation, against: AgainstOptions, sides: Sides, files: tuple[Path, ...]
) -> Terms:
    """Give what is the same for all pairs of workers.

    Where a container is allowed less than two CPUs, which ones they are changes all the time, and
    workers are kept on one only if that was asked for.
    """
    pins = against.pin == "on" or (against.pin == "auto" and not is_scarce(cpu_quota()))
    return Terms(
        invocation=invocation,
        sides=sides,
        files=files,
        cpus=usable_cpus() if pins else (),
        always_pin=against.pin == "on",
        slice_seconds=_SLICE_SECONDS,
        test_seconds=max(_TEST_SECONDS, against.seconds),
    )


def min_effects(
    options: PerfOptions, selected: Mapping[pytest.Item, Sequence[Budget]]
) -> Callable[[Key], float]:
    """Say below which share a change of an operation is ignored, as marks and options have it."""
    by_nodeid = {item.nodeid: (item.name, budgets) for item, budgets in selected.items()}

    def min_effect_of(key: Key) -> float:
        own, budgets = by_nodeid[key.nodeid]
        limit = limit_of(budgets, "max_regression", key.operation, own)
        of_run = options.max_regression or 0.0
        return max(options.min_effect, of_run if limit is None else limit)

    return min_effect_of


def statistics(
    options: PerfOptions, selected: Mapping[pytest.Item, Sequence[Budget]]
) -> Callable[[str], str]:
    """Say what is compared in the test of a node id: as asked for, else as its marks have it."""
    asked = options.against.statistic
    limits_p95 = {
        item.nodeid
        for item, budgets in selected.items()
        if any(budget.limit("p95") is not None for budget in budgets)
    }

    def statistic_of(nodeid: str) -> str:
        return asked or (P95_IF_QUICK if nodeid in limits_p95 else LOCATION)

    return statistic_of


@contextmanager
def sides_of(
    config: pytest.Config, against: AgainstOptions, base: Spec, files: Sequence[Path]
) -> Iterator[Sides]:
    """Make the trees of both sides, for as long as the context lasts.

    Raises:
        UsageError: for sources that cannot be compared as they are.
    """
    candidate: Spec = WorkingTree()
    if against.candidate is not None:
        directory = config.invocation_params.dir
        candidate = parse_side(against.candidate, directory, "--perf-candidate")
    project = describe_project(
        config.rootpath,
        sys_path=sys.path,
        meta_path=sys.meta_path,
        ini=config.inipath,
        test_modules=files,
        test_patterns=config.getini("python_files"),
        prefixes=(sys.prefix, sys.base_prefix, sys.exec_prefix),
    )
    with prepare(
        base,
        candidate,
        project=project,
        cache_dir=default_cache_dir(os.environ, Path.home()),
        setup=against.setup,
        python=against.python,
    ) as sides:
        yield sides


def _notes(sides: Sides, comparisons: Comparisons) -> Iterator[str]:
    machine = comparisons.machine
    quota = "" if machine.cpu_quota is None else f", a quota of {machine.cpu_quota:g} CPUs"
    yield (
        f"{sides.candidate.label} against {sides.baseline.label}: {comparisons.blocks} blocks in"
        f" {comparisons.seconds:.1f} s; machine: {machine.steal_seconds:.2f} s stolen,"
        f" {machine.involuntary_switches:,} involuntary switches, control"
        f" ±{format_share(machine.control_spread)}{quota}"
    )
    if comparisons.worth_a_look:
        names = ", ".join(key.operation for key in comparisons.worth_a_look)
        yield f"worth a look, though not proven (one in ten such is chance): {names}"
    if sides.identical:
        yield "both sides are the same files: this is an A/A, and any difference is chance"
