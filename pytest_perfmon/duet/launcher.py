"""The one way in which child pytest processes are built."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfmon.duet.channel import VARIABLE, Channel, ChannelClosedError, accept
from pytest_perfmon.duet.door import Door
from pytest_perfmon.duet.processes import (
    Guard,
    ask_to_end,
    end_within,
    interrupt,
    last_line,
    start_apart,
)
from pytest_perfmon.duet.slots import private_slot
from pytest_perfmon.errors import PerfmonError

_CONNECT_SECONDS: Final = 60.0
_END_SECONDS: Final = 10.0
_DROPPED: Final = frozenset(
    (
        *("--pdb", "--trace", "-x", "--exitfirst", "--cache-clear", "--looponfail", "-f"),
        *("--lf", "--last-failed", "--ff", "--failed-first", "--nf", "--new-first"),
        *("--sw", "--stepwise", "--sw-skip", "--stepwise-skip", "--collect-only", "--co"),
    )
)
_DROPPED_WITH_VALUE: Final = frozenset(
    (
        *("--junitxml", "--junit-xml", "--report-log", "--html", "--json-report-file"),
        *("--alluredir", "--perf-json", "--perf-html", "--log-file", "--basetemp", "--maxfail"),
        *("--rootdir", "-c", "--config-file"),
    )
)
_TAKING_A_VALUE: Final = frozenset(("-k", "-m", "-p", "-o", "-W", "-r", "-n"))
OVERRIDES: Final = {
    "xdist": ("-n0", "--dist=no"),
    "_cov": ("--no-cov",),
    "pytest_cov": ("--no-cov",),
    "rerunfailures": ("--reruns=0",),
    "randomly": ("--randomly-dont-reorganize",),
    "pytest_randomly": ("--randomly-dont-reorganize",),
}
PROGRAM: Final = "pytest_perfmon.plugin.child_main"
"""What a child runs, by name: nothing here imports it."""
_CACHE: Final = "cacheprovider"
TOLD_APART: Final = frozenset((*OVERRIDES, _CACHE))
"""The plugins whose presence a child's arguments depend on."""

_MOST_OUTPUT: Final = 4_000


class LaunchError(PerfmonError):
    """A child that could not be started, died, or did not answer in time; says which."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """How this pytest run was called, so that a child can be called likewise.

    Attributes:
        arguments: options and paths as the user wrote them, those of addopts first.
        paths: the arguments that are paths or node ids; a child gets its own.
        directory: where the user called.
        rootdir: pytest's.
        inifile: pytest's, None where there is none.
        plugins: names of the plugins present that a child has to be told something of.
    """

    arguments: tuple[str, ...]
    paths: tuple[str, ...]
    directory: Path
    rootdir: Path
    inifile: Path | None
    plugins: frozenset[str]


class Worker:
    """A child pytest process, from its start until `close`, which leaves nothing of it.

    Nor does it leave anything that its tests have started.

    Args:
        invocation: of the parent, moved to where the child is to run.
        files: test files that the child collects; which tests it runs it is told by message.
        guard: ends it should this process be killed.
        environment: variables on top of the parent's.
        executable: the Python to run.

    Raises:
        LaunchError: there is no such Python, or no place for the child's files.

    Attributes:
        process: the process.
        channel: the way to it, once it has called.
    """

    def __init__(
        self,
        invocation: Invocation,
        files: Sequence[Path],
        guard: Guard,
        *,
        environment: Mapping[str, str] | None = None,
        executable: str = sys.executable,
    ) -> None:
        self._remains = contextlib.ExitStack()
        try:
            slot = private_slot()
        except OSError as error:
            raise LaunchError(
                f"a fresh process has no place for temporary files: {error}; TMPDIR names another"
            ) from None
        self._remains.callback(slot.leave)
        try:
            self._door = Door()
        except OSError as error:
            self._remains.close()
            raise LaunchError(f"a fresh process cannot be waited for: {error}") from None
        self._output = slot.directory / "output"
        arguments = child_arguments(invocation, files, slot.directory)
        self.channel: Channel | None = None
        self._closed = False
        try:
            with self._output.open("wb") as sink:
                self.process = start_apart(
                    [executable, "-m", PROGRAM, *arguments],
                    cwd=invocation.directory,
                    env=_environment(self._door.address, environment or {}),
                    stdout=sink,
                )
        except OSError as error:
            self._door.close()
            self._remains.close()
            raise LaunchError(f"{executable!r} could not be started: {error.strerror}") from None
        self._remains.enter_context(guard.watching(self.process))

    def connect(self) -> Channel:
        """Wait for the child to call.

        Raises:
            LaunchError: it does not come up; names the reason, with the end of its output.
        """
        try:
            deadline = time.monotonic() + _CONNECT_SECONDS
            self.channel = accept(self._door, self.process, deadline)
        except ChannelClosedError as error:
            last = self.last_line() or "it printed nothing"
            raise LaunchError(f"a fresh process could not be started: {error} ({last})") from None
        return self.channel

    def last_line(self) -> str:
        """Give the last line that the child printed; empty where it printed nothing."""
        with contextlib.suppress(OSError):
            return last_line(self._output.read_bytes()[-_MOST_OUTPUT:].decode(errors="replace"))
        return ""

    def interrupt(self) -> None:
        """Let the child tear its fixtures down and end, as Ctrl-C would."""
        interrupt(self.process)

    def ask_to_end(self) -> None:
        """Ask the child to end, and what its tests have started; `close` makes sure of it."""
        ask_to_end(self.process)

    def close(self, *, patience: float = _END_SECONDS) -> None:
        """Let the child end within so many seconds, else end it; remove its files.

        A second call does nothing more.
        """
        if self._closed:
            return
        if self.channel is not None:
            self.channel.close()
        self._door.close()
        end_within(self.process, patience)
        self._remains.close()
        self._closed = True  # where any of this is interrupted, the next call sees to it


def child_arguments(invocation: Invocation, files: Sequence[Path], private: Path) -> list[str]:
    """Build the arguments of a child: the user's, less what a child must not do, plus overrides."""
    kept = _without(list(invocation.arguments), invocation.paths)
    arguments = [*kept, f"--rootdir={invocation.rootdir}"]
    if invocation.inifile is not None:
        arguments += ["-c", str(invocation.inifile)]
    for plugin, overrides in OVERRIDES.items():
        if plugin in invocation.plugins:
            arguments += overrides
    if _CACHE in invocation.plugins:
        arguments += ["-o", f"cache_dir={private / 'cache'}"]
    arguments += ["-o", "addopts=", "--maxfail=0", "--continue-on-collection-errors"]
    arguments += [f"--basetemp={private / 'tmp'}"]
    return [*arguments, *map(str, files)]


def _without(arguments: list[str], paths: Sequence[str]) -> list[str]:
    left = list(paths)
    kept: list[str] = []
    skip_value = False
    for argument in arguments:
        if skip_value:
            skip_value = False
        elif argument in _DROPPED_WITH_VALUE:
            skip_value = True
        elif argument in _DROPPED or argument.partition("=")[0] in _DROPPED_WITH_VALUE:
            continue
        elif argument in left and not _TAKING_A_VALUE.intersection(kept[-1:]):
            left.remove(argument)
        else:
            kept.append(argument)
    return kept


@contextlib.contextmanager
def guarded() -> Iterator[Guard]:
    """Guard the workers of a context.

    Raises:
        LaunchError: the guard, a process, cannot be started.
    """
    try:
        guard = Guard()
    except OSError as error:
        raise LaunchError(f"{sys.executable!r} could not be started: {error.strerror}") from None
    with guard:
        yield guard


@contextlib.contextmanager
def launch(
    invocation: Invocation,
    files: Sequence[Path],
    *,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Channel]:
    """Start a child pytest on those files and give the way to it; it is ended on the way out.

    Raises:
        LaunchError: as `Worker.connect`.
    """
    with (
        guarded() as guard,
        contextlib.closing(Worker(invocation, files, guard, environment=environment)) as worker,
    ):
        yield worker.connect()


def _environment(address: str, extra: Mapping[str, str]) -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COV_CORE_", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST"))
    }
    return {**environment, **extra, VARIABLE: address}
