"""The worker's side of an A/B: park after collection, measure in turn, report, say good-bye."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import sys
from collections.abc import Sequence

import pytest

from pytest_perfmon.duet.channel import Channel, ChannelClosedError
from pytest_perfmon.duet.door import Door
from pytest_perfmon.duet.pinning import run_on
from pytest_perfmon.duet.protocol import (
    Began,
    Done,
    Ended,
    Go,
    Message,
    Ready,
    decode,
    encode,
)
from pytest_perfmon.duet.turnstile import Turnstile, TurnstileError, go_to, wait_at
from pytest_perfmon.measure.clock import Clock
from pytest_perfmon.measure.control import read_control
from pytest_perfmon.model.verdict import TestResult
from pytest_perfmon.plugin.recording import MakeJudge, Recording
from pytest_perfmon.plugin.slicing import Slicer, Slicing
from pytest_perfmon.plugin.way import Way


class DuetWorker:
    """The hooks that turn a pytest process into one side of an A/B, and its mode.

    Args:
        channel: to the conductor.
        clock: of wall time.
    """

    repeats_bodies = True
    make_judge: MakeJudge | None = None

    def __init__(self, channel: Channel, clock: Clock) -> None:
        self._channel = channel
        self.clock: Clock | None = clock
        self._wall = clock
        self._slicer: Slicer | None = None
        self._switches = 0
        self._process = os.getpid()
        self._orphaned = False

    def park(self, nodeids: Sequence[str]) -> Sequence[str]:
        """Say what was collected, and wait until it is this pair's turn; give what to measure.

        Raises:
            pytest.UsageError: the conductor or the other side is gone.
        """
        with contextlib.closing(Door()) as door:
            self._send(Ready(tuple(nodeids), door.address))
            try:
                go = decode(self._channel.receive())
                if not isinstance(go, Go):
                    raise pytest.UsageError(f"the conductor sent {go!r}: expected to be let go")
                if go.slot == 0:
                    connection = wait_at(door, go.slice_seconds)
                else:
                    connection = go_to(go.meeting_place, go.slice_seconds)
            except (ChannelClosedError, TurnstileError) as error:
                raise pytest.UsageError(f"the A/B has ended: {error}") from None
        if go.cpu is not None:
            run_on((go.cpu,))
        turnstile = Turnstile(connection, go.slot, go.slice_seconds)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=turnstile.close)
            os.register_at_fork(after_in_child=self._channel.close)
        self._slicer = Slicer(go, turnstile, self._wall, self._send)
        self._switches = _involuntary_switches()
        return go.nodeids

    def way(self, recording: Recording) -> Way:
        """Run forms in slices."""
        assert self._slicer is not None  # noqa: S101 - nothing runs before it is let go
        return Slicing(self._slicer, recording.nodeid)

    def result(self, recording: Recording, *, interrupted: bool) -> TestResult:  # noqa: ARG002 - the conductor has it all
        """Give an empty result."""
        return TestResult(recording.nodeid, measured=False)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Start every test of a block from one random state on both sides."""
        self._send(Began(item.nodeid))
        if self._slicer is not None:
            seed = self._slicer.go.seed
            random.seed(seed)
            numpy = sys.modules.get("numpy")
            if numpy is not None:
                numpy.random.seed(seed)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell of tests that cannot be measured."""
        if report.failed or report.skipped:
            why = f"{report.when} {report.outcome}: {reason_of(report)}"
            alone = self._slicer is not None and report.nodeid in self._slicer.left_alone
            in_setup = report.failed and report.when == "setup"
            self._send(Ended(report.nodeid, why, consequence=alone, in_setup=in_setup))

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        """Stop where the other side is gone."""
        if self._orphaned or (self._slicer is not None and self._slicer.turnstile.given_up):
            pytest.exit("the A/B has ended", returncode=0)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Report which modules were loaded from where, once all fixtures are torn down."""
        if self._slicer is not None:
            self._slicer.turnstile.leave()
        self._send(
            Done(
                modules=loaded_files(),
                involuntary_switches=_involuntary_switches() - self._switches,
                control_ns=read_control(self._wall),
            )
        )
        self._channel.close()
        gc.freeze()  # what follows collects garbage many times over, all modules included

    def _send(self, message: Message) -> None:
        if os.getpid() != self._process:
            return  # a fork of a test's that came back here has nothing to say
        try:
            self._channel.send(encode(message))
        except ChannelClosedError:
            self._orphaned = True


def reason_of(report: pytest.TestReport) -> str:
    """Give the first line of why a test failed or was skipped."""
    longrepr = report.longrepr
    crash = getattr(longrepr, "reprcrash", None)
    if isinstance(longrepr, tuple):
        text = longrepr[2]
    elif crash is not None:
        text = crash.message
    else:
        text = str(longrepr)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "without a word"


def loaded_files() -> dict[str, str | None]:
    """Give the absolute file of every loaded module by name; None for those without one."""
    files: dict[str, str | None] = {}
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        # pathlib takes ten times as long, which every worker would pay
        files[name] = os.path.abspath(file) if isinstance(file, str) else None  # noqa: PTH100
    return files


def _involuntary_switches() -> int:
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415 - only where there is one

    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
