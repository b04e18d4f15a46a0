"""What kind of run this is: how a test's forms are carried out, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.model.measurement import Key, Summary
from pytest_perfmon.model.verdict import TestResult, Verdict
from pytest_perfmon.plugin.judging import Judging, measured, summaries_of
from pytest_perfmon.plugin.once import Once
from pytest_perfmon.plugin.recording import MakeJudge, Recording
from pytest_perfmon.plugin.sampling import Sampling, SamplingOptions
from pytest_perfmon.plugin.way import Way
from pytest_perfmon.verdicts.budgets import not_checked


class Mode(Protocol):
    """One kind of run."""

    @property
    def repeats_bodies(self) -> bool:
        """Whether a marked body without a measuring form is repeated."""

    @property
    def clock(self) -> Clock | None:
        """What the tests' monitors read; None is the system's."""

    @property
    def make_judge(self) -> MakeJudge | None:
        """Makes the judge of a budget; None where nothing is judged while measuring."""

    def way(self, recording: Recording) -> Way:
        """Say how the forms of a test are carried out."""

    def result(self, recording: Recording, *, interrupted: bool) -> TestResult:
        """Say what came of a test whose body ended; an interrupted one is not judged."""


class Plain:
    """A plain `pytest`: bodies run once."""

    repeats_bodies = False
    clock = None
    make_judge = None

    def way(self, recording: Recording) -> Way:  # noqa: ARG002 - all tests are alike
        """Run forms once."""
        return Once()

    def result(
        self,
        recording: Recording,
        *,
        interrupted: bool,  # noqa: ARG002 - nothing was measured
    ) -> TestResult:
        """Say that the test ran unmeasured."""
        return TestResult(recording.nodeid, measured=False)


class Measured:
    """`--perf-budgets` and `--perf-save-baseline`: many calls in this process.

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
