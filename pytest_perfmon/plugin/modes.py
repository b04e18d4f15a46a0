"""What kind of run this is: how a test's forms are carried out, and what comes of it."""

from __future__ import annotations

from typing import Protocol

from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.model.verdict import TestResult
from pytest_perfmon.plugin.once import Once
from pytest_perfmon.plugin.recording import MakeJudge, Recording
from pytest_perfmon.plugin.way import Way


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
