"""Pairs of workers: two fresh processes on equal terms, started early, parked, let go together."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pytest_perfmon.duet.channel import ChannelClosedError
from pytest_perfmon.duet.launcher import Invocation, LaunchError, Worker
from pytest_perfmon.duet.pinning import run_on
from pytest_perfmon.duet.processes import Guard
from pytest_perfmon.duet.protocol import Go, Pace, Ready, encode
from pytest_perfmon.duet.relocation import VARIABLE as RELOCATION
from pytest_perfmon.duet.relocation import relocation_to
from pytest_perfmon.duet.sides import Side, Sides
from pytest_perfmon.duet.voices import SideReport, Voice, code_of, message_from
from pytest_perfmon.errors import PerfmonError

_MOST_PADDING: Final = 4096
_START_SECONDS: Final = 120.0
_TEAR_DOWN_SECONDS: Final = 5.0
_FIRST_NAME: Final = 91  # beyond what pytest-xdist's workers are called, and of a second look's


class PairError(PerfmonError):
    """A pair that did not come up; says which side and why."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for every pair.

    Attributes:
        invocation: of the main process.
        sides: the two trees.
        files: test files, in the project.
        cpus: the last one measures, and starts workers only while nothing is measured; empty
            where nothing is pinned.
        always_pin: whether to stay on one CPU whatever threads or children a test has.
        slice_seconds: the longest wait of one side for the other.
        test_seconds: the longest that a side may take for a test in a block.
    """

    invocation: Invocation
    sides: Sides
    files: tuple[Path, ...]
    cpus: tuple[int, ...]
    always_pin: bool
    slice_seconds: float
    test_seconds: float


@dataclass(frozen=True, slots=True)
class BlockReport:
    """What a pair gave.

    Attributes:
        candidate_slot: which slot the candidate sat in.
        seed: of the block.
        baseline, candidate: what each said.
    """

    candidate_slot: int
    seed: int
    baseline: SideReport
    candidate: SideReport


class Pair:
    """Two workers, from their start on.

    Args:
        terms: of the comparison.
        candidate_slot: by coin.
        guard: of its workers.
    """

    def __init__(self, terms: Terms, candidate_slot: int, guard: Guard) -> None:
        self._terms = terms
        self._guard = guard
        self.candidate_slot = candidate_slot
        self.seed = secrets.randbits(32)
        self._workers: list[Worker] = []
        sides = terms.sides
        candidate_first = candidate_slot == 0
        self._sides = (
            (sides.candidate, sides.baseline)
            if candidate_first
            else (sides.baseline, sides.candidate)
        )
        try:
            for slot, side in enumerate(self._sides):
                self._workers.append(self._started(side, slot))
        except BaseException:
            self.close()
            raise

    def _started(self, side: Side, slot: int) -> Worker:
        terms = self._terms
        environment = {
            "PYTHONHASHSEED": str(self.seed),
            "PERFMON_PADDING": "x" * secrets.randbelow(_MOST_PADDING),
            "PERFMON_BALLAST": str(secrets.randbelow(1 << 20)),
            "PYTEST_XDIST_WORKER": f"gw{_FIRST_NAME + slot}",
            "PYTHONPATH": os.pathsep.join(map(str, _path_of(terms, side))),
        }
        project = terms.sides.project
        environment[RELOCATION] = relocation_to(project.top, side.tree, project.environments)
        environment["PERFMON_DUET"] = "1"
        files = [terms.sides.mapped(file, side) for file in terms.files]
        moved = moved_to(terms.invocation, terms.sides, side)
        if not moved.plugins.isdisjoint(("randomly", "pytest_randomly")):
            seeded = (*moved.arguments, f"--randomly-seed={self.seed}")
            moved = replace(moved, arguments=seeded)
        executable = sys.executable if side.python is None else str(side.python)
        return Worker(moved, files, self._guard, environment=environment, executable=executable)

    def park(self) -> tuple[frozenset[str], frozenset[str]]:
        """Wait until both have collected; give the node ids of baseline and candidate.

        Nothing may be measured meanwhile: of two CPUs each worker gets one, for the one that
        measures would be idle, and the system itself would leave both where they started for long.
        Of more, both keep those they started on, since programs count their CPUs: sides that saw
        one and several would differ in more than their code.

        Raises:
            PairError: one did not come up.
        """
        cpus = self._terms.cpus
        if len(cpus) == len(self._workers):
            for cpu, worker in zip(reversed(cpus), self._workers, strict=True):
                run_on((cpu,), worker.process.pid)
        ready = [
            self._ready(side, worker)
            for side, worker in zip(self._sides, self._workers, strict=True)
        ]
        self._meeting_place = ready[0].meeting_place
        collected = [frozenset(one.nodeids) for one in ready]
        return collected[1 - self.candidate_slot], collected[self.candidate_slot]

    def _ready(self, side: Side, worker: Worker) -> Ready:
        failed = f"the {side.name} ({side.label}) did not start"
        try:
            channel = worker.connect()
        except LaunchError as error:  # it quotes the worker
            raise PairError(f"{failed}: {error}") from None
        try:
            message = message_from(channel, time.monotonic() + _START_SECONDS)
            if isinstance(message, Ready):
                return message
            fault = "it ended before it had collected"
        except ChannelClosedError as error:
            fault = str(error)
        code_of(worker.process)  # its last words may be those about its end
        last = worker.last_line()
        raise PairError(f"{failed}: {fault}: {last}" if last else f"{failed}: {fault}")

    def run(
        self,
        statistics: Mapping[str, str],
        paces: Mapping[str, Mapping[str, Pace]],
    ) -> BlockReport:
        """Let both go and hear them out: those tests, each by its statistic.

        Ctrl-C ends both once they have torn their fixtures down, for which they have five seconds.
        """
        for slot, worker in enumerate(self._workers):
            go = Go(
                nodeids=tuple(statistics),
                slot=slot,
                meeting_place=self._meeting_place,
                seed=self.seed,
                statistics=dict(statistics),
                paces={nodeid: dict(one) for nodeid, one in paces.items()},
                cpu=self._terms.cpus[-1] if self._terms.cpus else None,
                all_cpus=self._terms.cpus,
                always_pin=self._terms.always_pin,
                slice_seconds=self._terms.slice_seconds,
            )
            assert worker.channel is not None  # noqa: S101 - they are parked
            try:
                worker.channel.send(encode(go))
            except ChannelClosedError:  # it died while it was parked: nobody will come to the other
                self._workers[1 - slot].ask_to_end()
        try:
            reports = self._heard()
        except KeyboardInterrupt:
            for worker in self._workers:
                worker.interrupt()
            self.close(patience=_TEAR_DOWN_SECONDS)
            raise
        return BlockReport(
            candidate_slot=self.candidate_slot,
            seed=self.seed,
            baseline=reports[1 - self.candidate_slot],
            candidate=reports[self.candidate_slot],
        )

    def _heard(self) -> list[SideReport]:
        """Hear both at once; end a side that takes too long for a test."""
        voices = [Voice(worker, self._terms.test_seconds) for worker in self._workers]
        while speaking := [voice for voice in voices if not voice.ended]:
            first = min(speaking, key=lambda voice: voice.limit)
            ready = [voice for voice in speaking if voice.channel.has_message]
            left = max(0.0, first.limit - time.monotonic())
            ready = ready or select.select(speaking, [], [], left)[0]
            for voice in ready:
                voice.hear()
            if not ready:
                first.end()
        return [voice.report() for voice in voices]

    def close(self, *, patience: float = 0.0) -> None:
        """End both, also where ending one of them is interrupted."""
        with contextlib.ExitStack() as ends:
            for worker in reversed(self._workers):
                ends.callback(worker.close, patience=patience)


def _path_of(terms: Terms, side: Side) -> Iterator[Path]:
    yield from side.path
    for entry in filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)):
        mapped = terms.sides.mapped(terms.invocation.directory / entry, side)
        if mapped not in side.path:
            yield mapped


def moved_to(invocation: Invocation, sides: Sides, side: Side) -> Invocation:
    """Move an invocation into a side's tree: directories, and arguments that are absolute paths.

    So are arguments that give one after an equals sign. Relative ones follow the directory.
    """

    def moved(argument: str) -> str:
        for start in (0, *(end for end, sign in enumerate(argument, 1) if sign == "=")):
            path = Path(argument[start:])
            if path.is_absolute():
                there = sides.mapped(path, side)
                return argument if there == path else f"{argument[:start]}{there}"
        return argument

    inifile = invocation.inifile
    return replace(
        invocation,
        arguments=tuple(
            argument if argument in invocation.paths else moved(argument)
            for argument in invocation.arguments
        ),
        directory=sides.mapped(invocation.directory, side),
        rootdir=sides.mapped(invocation.rootdir, side),
        inifile=None if inifile is None else sides.mapped(inifile, side),
    )
