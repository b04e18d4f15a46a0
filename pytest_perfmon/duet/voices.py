"""What a worker says in a block, and what is heard of it once it falls silent."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import Final

from pytest_perfmon.duet.channel import Channel, ChannelClosedError
from pytest_perfmon.duet.launcher import Worker
from pytest_perfmon.duet.protocol import Began, Done, Ended, Message, Slices, decode

_END_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class SideReport:
    """What one side said in a block.

    Attributes:
        begun: the tests that it began, in order.
        slices, ended: what it measured, and could not measure.
        done: its last word, None where it was ended or died.
        fault: why there is none.
    """

    begun: tuple[str, ...]
    slices: tuple[Slices, ...]
    ended: tuple[Ended, ...]
    done: Done | None
    fault: str


class Voice:
    """What one worker says in a block.

    Attributes:
        channel: the way to it.
        ended: whether nothing more will come.
        limit: when it has to be through with its test, as `time.monotonic` goes.
    """

    def __init__(self, worker: Worker, test_seconds: float) -> None:
        assert worker.channel is not None  # noqa: S101 - it is parked
        self.channel = worker.channel
        self.ended = False
        self._worker = worker
        self._test_seconds = test_seconds
        self._allow_a_test()
        self._begun: list[str] = []
        self._slices: list[Slices] = []
        self._troubles: list[Ended] = []
        self._done: Done | None = None
        self._fault = ""

    def fileno(self) -> int:
        """Let `select` wait for it."""
        return self.channel.fileno()

    def hear(self) -> None:
        """Take its next message; after what is none, nothing more is heard."""
        try:
            message = message_from(self.channel, self.limit)
        except ChannelClosedError as error:
            code = code_of(self._worker.process)
            if code is None and time.monotonic() >= self.limit:
                self.end()
                return
            self._fault = str(error) if code is None else f"its process {_end_of(code)}"
            self.ended = True
            return
        if isinstance(message, Began):
            self._begun.append(message.nodeid)
            self._allow_a_test()
        elif isinstance(message, Slices):
            self._slices.append(message)
        elif isinstance(message, Ended):
            self._troubles.append(message)
        elif isinstance(message, Done):
            self._done, self.ended = message, True

    def end(self) -> None:
        """End it, so that the other side need not wait for it any longer."""
        self._worker.ask_to_end()
        self._fault = (
            f"it took longer than {self._test_seconds:g} s, which --perf-against-time may extend"
        )
        self.ended = True

    def _allow_a_test(self) -> None:
        self.limit = time.monotonic() + self._test_seconds

    def report(self) -> SideReport:
        """Give all that it said."""
        return SideReport(
            tuple(self._begun),
            tuple(self._slices),
            tuple(self._troubles),
            self._done,
            self._fault,
        )


def message_from(channel: Channel, deadline: float) -> Message:
    """Wait for a message.

    Raises:
        ChannelClosedError: there is none until then, or what came is none.
    """
    data = channel.receive(deadline)
    try:
        return decode(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ChannelClosedError(f"it sent what is no message: {error!r}") from None


def code_of(process: subprocess.Popen[bytes]) -> int | None:
    """Give its exit code, None where it does not end soon."""
    try:
        return process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _end_of(code: int) -> str:
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
