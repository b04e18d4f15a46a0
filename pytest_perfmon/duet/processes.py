"""Processes together with all that they start: kept apart, watched over, ended as a whole.

Each one is the first of a group of its own. Ctrl-C in a terminal does not reach that group: whoever
started the process ends it, and with it what it started and left behind. On Windows, which has no
such groups, what a process started is ended with it only while the process itself is there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final, Self

_END_SECONDS: Final = 10.0
_WINDOWS_GROUP: Final = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
_GUARD: Final = """
import os, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, 9)
    except OSError:
        pass
"""


def start_apart(
    command: str | list[str], *, cwd: Path, env: Mapping[str, str], stdout: int | IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a program, or a shell's command line, in a group of its own; it has nothing to read.

    Raises:
        OSError: it cannot be started.
    """
    return subprocess.Popen(  # noqa: S603 - the user's own program and arguments
        command,
        cwd=cwd,
        env=env,
        shell=isinstance(command, str),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        creationflags=_WINDOWS_GROUP,
    )


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Give a process that was started apart the Ctrl-C that it has missed; not on Windows."""
    if sys.platform != "win32":
        process.send_signal(signal.SIGINT)


def ask_to_end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process that was started apart to end, and all that it has started."""
    if sys.platform == "win32":
        process.terminate()
    else:
        _signal_group(process, signal.SIGTERM)


def end_at_once(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started apart, if it is still there, and whatever it has left."""
    if sys.platform == "win32":
        if process.poll() is None:
            tree = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(tree, capture_output=True, check=False)  # noqa: S603 - the system's own
    else:
        _signal_group(process, signal.SIGKILL)
    process.wait()


def end_within(process: subprocess.Popen[bytes], patience: float) -> None:
    """Let a process end by itself within so many seconds; end it else, and whatever it has left."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(patience)
    if process.poll() is None:
        ask_to_end(process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
    end_at_once(process)


def last_line(output: str) -> str:
    """Give the last line that has something on it; empty where none has."""
    return output.strip().rpartition("\n")[2].strip()


class Guard:
    """Ends the processes it watches as soon as this one is gone, however it went; a context.

    It is a process itself, asleep until this one's end of a pipe is closed. The kernel could tell a
    child of its parent's end, but on Linux alone, and its children not at all. On Windows it does
    nothing.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        if sys.platform != "win32":
            self._process = subprocess.Popen(  # noqa: S603 - this Python, and the text above
                [sys.executable, "-I", "-S", "-c", _GUARD],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    @contextlib.contextmanager
    def watching(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Watch over a process that was started apart, for as long as the context lasts."""
        self._tell(f"+{process.pid}\n")
        try:
            yield
        finally:
            self._tell(f"-{process.pid}\n")

    def _tell(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # who ended it has taken the risk
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait()


if sys.platform != "win32":

    def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        """Send a signal to what is left of a process's group.

        The group's number is given to no new process while anything is in the group.
        """
        recycled = process.returncode is not None and _is_there(process.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if not recycled:
                os.killpg(process.pid, number)

    def _is_there(process: int) -> bool:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
