"""The one way in which child pytest processes are built."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pytest_perfmon.duet.channel import VARIABLE, Channel, ChannelClosedError, Listener
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
OVERRIDES: Final = {
    "xdist": ("-n0", "--dist=no"),
    "_cov": ("--no-cov",),
    "pytest_cov": ("--no-cov",),
    "rerunfailures": ("--reruns=0",),
    "randomly": ("--randomly-dont-reorganize",),
}
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


@dataclass(slots=True)
class Worker:
    """A running child.

    Attributes:
        channel: the way to it.
        process: the process.
    """

    channel: Channel
    process: subprocess.Popen[bytes]
    _output: Path

    def output(self) -> str:
        """Give the end of what the child printed."""
        with contextlib.suppress(OSError):
            return self._output.read_bytes()[-_MOST_OUTPUT:].decode(errors="replace")
        return ""


def child_arguments(invocation: Invocation, files: Sequence[Path], private: Path) -> list[str]:
    """Build the arguments of a child: the user's, less what a child must not do, plus overrides."""
    kept = _without(list(invocation.arguments), invocation.paths)
    arguments = [*kept, f"--rootdir={invocation.rootdir}"]
    if invocation.inifile is not None:
        arguments += ["-c", str(invocation.inifile)]
    for plugin, overrides in OVERRIDES.items():
        if plugin in invocation.plugins:
            arguments += overrides
    arguments += ["-o", "addopts=", "-o", f"cache_dir={private / 'cache'}", "--maxfail=0"]
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
        elif argument in left:
            left.remove(argument)
        else:
            kept.append(argument)
    return kept


@contextlib.contextmanager
def launch(
    invocation: Invocation,
    files: Sequence[Path],
    *,
    environment: Mapping[str, str] | None = None,
    executable: str = sys.executable,
) -> Iterator[Worker]:
    """Start a child pytest on those files; it is ended and its files removed on the way out.

    Args:
        invocation: of the parent.
        files: test files that the child collects; which tests it runs it is told by message.
        environment: variables on top of the parent's.
        executable: the Python to run.

    Raises:
        LaunchError: where it does not come up; names the reason, with the end of its output.
    """
    listener = Listener()
    with (
        tempfile.TemporaryDirectory(prefix="perfmon-", ignore_cleanup_errors=True) as name,
        contextlib.closing(listener),
    ):
        private = Path(name)
        output = private / "output"
        command = [executable, "-m", "pytest", *child_arguments(invocation, files, private)]
        with output.open("wb") as sink:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter, the user's arguments
                command,
                cwd=invocation.directory,
                env=_environment(listener.address, environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        try:
            worker = Worker(_connected(listener, process, output), process, output)
            with contextlib.closing(worker.channel):
                yield worker
        finally:
            _end(process)


def _connected(listener: Listener, process: subprocess.Popen[bytes], output: Path) -> Channel:
    try:
        return listener.accept(process, time.monotonic() + _CONNECT_SECONDS)
    except ChannelClosedError as error:
        said = output.read_bytes()[-_MOST_OUTPUT:].decode(errors="replace").strip()
        last = said.splitlines()[-1] if said else "it printed nothing"
        raise LaunchError(f"a fresh process could not be started: {error} ({last})") from None


def _environment(address: str, extra: Mapping[str, str]) -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COV_CORE_", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST"))
    }
    return {**environment, **extra, VARIABLE: address}


def _end(process: subprocess.Popen[Any]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0 if process.poll() is None else _END_SECONDS)
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
