"""`--perf-budgets` and `--perf-save-baseline`: tests are measured in this process and judged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pytest

from pytest_perfmon.measure.clock import Clock, SystemClock
from pytest_perfmon.model.budget import Budget
from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.verdict import TestResult, Verdict
from pytest_perfmon.plugin.child import Job
from pytest_perfmon.plugin.duel import Duels
from pytest_perfmon.plugin.judging import (
    Baseline,
    Judging,
    baseline_of,
    measured,
    statistical_criteria,
    summaries_of,
)
from pytest_perfmon.plugin.options import PerfOptions, invocation_of
from pytest_perfmon.plugin.places import environment_of, open_run_store
from pytest_perfmon.plugin.recording import MakeJudge, Recording
from pytest_perfmon.plugin.sampling import Progress, Sampling, SamplingOptions
from pytest_perfmon.plugin.second_look import measure_again
from pytest_perfmon.plugin.way import Way
from pytest_perfmon.testing import CLOCK_KEY
from pytest_perfmon.verdicts.budgets import not_checked
from pytest_perfmon.verdicts.stored import WINDOW


class Measured:
    """The mode: many calls of everything in this process.

    Args:
        options: how to sample.
        judging: None where nothing is judged.
    """

    repeats_bodies = True

    def __init__(self, options: SamplingOptions, judging: Judging | None) -> None:
        self._options = options
        self._judging = judging
        self.clock: Clock | None = options.clock
        self.make_judge: MakeJudge | None = judging.judge if judging else None

    def way(self, recording: Recording) -> Way:
        """Sample."""
        return Sampling(self._options, recording)

    def result(self, recording: Recording, *, interrupted: bool) -> TestResult:
        """Summarise and judge."""
        summaries = summaries_of(recording)
        verdicts = () if interrupted else self._verdicts(recording, summaries)
        return TestResult(
            recording.nodeid,
            measured=True,
            operations=measured(recording, summaries),
            verdicts=verdicts,
        )

    def _verdicts(
        self, recording: Recording, summaries: Mapping[str, Summary]
    ) -> tuple[Verdict, ...]:
        if self._judging is None:
            return ()
        if not recording.measurements and not recording.budgets:
            key = Key(recording.nodeid, recording.own)
            why = "nothing was measured: expected perf_monitor(fn), .measure() or .rounds()"
            return self._judging.strictly([not_checked(key, "measurement", why)])
        return self._judging.verdicts(recording, summaries)


def measured_mode(
    config: pytest.Config,
    options: PerfOptions,
    job: Job | None,
    selected: Mapping[pytest.Item, Sequence[Budget]],
    progress: Progress,
) -> Measured:
    """Prepare to measure and judge the selected tests; a child does as its job says.

    Raises:
        UsageError: where the store cannot be read, or was written by a later version.
    """
    clock = config.stash.get(CLOCK_KEY, None) or SystemClock.measured()
    if job is not None:
        judging: Judging | None = Judging(alpha=options.alpha, criteria=job.criteria)
        early_stop = job.early_stop
    elif options.budgets:
        judging = _judging(config, options, selected, clock)
        early_stop = not options.save and not judging.has_history
    else:
        open_run_store(config, options)  # what cannot be opened is said before anything is measured
        judging, early_stop = None, False
    return Measured(SamplingOptions(clock, options.measure, early_stop, progress), judging)


def _judging(
    config: pytest.Config,
    options: PerfOptions,
    selected: Mapping[pytest.Item, Sequence[Budget]],
    clock: Clock,
) -> Judging:
    items = {item.nodeid: item for item in selected}
    invocation = invocation_of(config)

    def second_look(nodeid: str) -> TestResult | str:
        job = Job(nodeid, judging.criteria_left, early_stop=not judging.has_history)
        item = items[nodeid]
        return measure_again(item.session, invocation, clock, item.path, job)

    baseline = stored_baseline(config, options, list(items))
    duels = Duels(config, options, selected, baseline.suite.criteria)
    config.add_cleanup(duels.close)
    judging = Judging(
        alpha=options.alpha,
        criteria=sum(map(statistical_criteria, selected.values())),
        baseline=baseline,
        max_regression=options.max_regression,
        strict=options.strict,
        second_look=second_look,
        duel=duels.duel,
    )
    return judging


def stored_baseline(
    config: pytest.Config, options: PerfOptions, nodeids: Collection[str]
) -> Baseline:
    """Read the stored runs of those tests, and freeze what they share.

    Raises:
        UsageError: where the store cannot be read, or was written by a later version.
    """
    store = open_run_store(config, options)
    environment = environment_of(config)
    return baseline_of(
        options.baseline_name,
        store.describe(),
        environment,
        store.window(options.baseline_name, environment, nodeids, WINDOW),
        alpha=options.alpha,
        min_effect=options.min_effect,
    )
